//! The known settings with their values and the sources of these.

use castalia_server::settings::Installation;
use serde_json::{Value, json};

use super::world::World;

const CATALOGUE: &str = "/openapi/v1/settings/catalogue";
const PORTAL: &str = "/openapi/v1/server/portal-db/config";
const ENVIRONMENT: &str = "/openapi/v1/server/envs/local/config-db/config";

fn entry<'a>(list: &'a Value, key: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|entry| entry["key"] == key);
    found.unwrap_or_else(|| panic!("no {key} in {list}"))
}

#[tokio::test]
async fn a_setting_is_listed_with_its_range_value_and_last_editor() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    // The rows of the database replace the settings that this test began with.
    root.post(PORTAL, json!({ "key": "superAdmin", "value": "apollo" })).await.ok();
    let list = root.get(CATALOGUE).await.ok();
    let timeout = entry(&list, "api.connectTimeout");
    for (member, value) in [
        ("kind", json!("number")),
        ("unit", json!("ms")),
        ("minimum", json!(1)),
        ("maximum", json!(u32::MAX)),
        ("defaultValue", json!("3000")),
        ("value", json!("3000")),
        ("isSecret", json!(false)),
        ("effect", json!("minute")),
        ("source", json!({ "kind": "default" })),
        ("hidden", json!([])),
    ] {
        assert_eq!(timeout[member], value, "{member}");
    }
    assert_eq!(timeout["dataChangeLastModifiedBy"], Value::Null);
    root.post(PORTAL, json!({ "key": "api.connectTimeout", "value": "5" })).await.ok();
    let list = root.get(CATALOGUE).await.ok();
    let timeout = entry(&list, "api.connectTimeout");
    assert_eq!((&timeout["value"], &timeout["source"]["kind"]), (&json!("5"), &json!("table")));
    assert_eq!(timeout["dataChangeLastModifiedBy"], "apollo");
    assert!(timeout["dataChangeLastModifiedTime"].is_string(), "{timeout}");
    // Those of the environment are another list.
    let list = root.get(&format!("{CATALOGUE}?env=local")).await.ok();
    assert_eq!(entry(&list, "instance.config.cache.max.size")["effect"], "restart");
    assert_eq!(entry(&list, "apollo.eureka.server.enabled")["effect"], "never");
    assert!(list.as_array().unwrap().iter().all(|entry| entry["key"] != "superAdmin"));
    root.get(&format!("{CATALOGUE}?env=nowhere")).await.fails(400, "invalid env format:nowhere");
    world.user("u1").await.get(CATALOGUE).await.fails(403, "Access is denied");
}

#[tokio::test]
async fn a_secret_is_never_in_the_catalogue() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    root.post(PORTAL, json!({ "key": "superAdmin", "value": "apollo" })).await.ok();
    root.post(PORTAL, json!({ "key": "email.config.password", "value": "planted" })).await.ok();
    let answer = root.get(CATALOGUE).await;
    let list = answer.ok();
    let password = entry(&list, "email.config.password");
    assert_eq!(
        (&password["isSecret"], &password["source"]["kind"]),
        (&json!(true), &json!("table"))
    );
    let eureka =
        json!({ "key": "eureka.service.url", "value": "http://eu:planted@a:8761/eureka/" });
    root.post(ENVIRONMENT, eureka).await.ok();
    let other = root.get(&format!("{CATALOGUE}?env=local")).await;
    assert_eq!(entry(&other.ok(), "eureka.service.url")["value"], Value::Null);
    assert!(!answer.body.contains("planted") && !other.body.contains("planted"));
}

/// What the node fixes hides the row, and a row with an invalid value has no effect.
#[tokio::test]
async fn a_source_without_effect_is_listed_as_hidden() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("castalia.toml");
    let text = "[server-config]\n\"item.key.length.limit\" = 99\n\"wiki.address\" = \"http://w\"\n";
    std::fs::write(&file, text).unwrap();
    let world = World::with_file(Installation::Adopted, file.clone()).await;
    let root = world.user("apollo").await;
    root.post(PORTAL, json!({ "key": "superAdmin", "value": "apollo" })).await.ok();
    root.post(PORTAL, json!({ "key": "wiki.address", "value": "http://row" })).await.ok();
    root.post(ENVIRONMENT, json!({ "key": "item.key.length.limit", "value": "77" })).await.ok();
    let list = root.get(CATALOGUE).await.ok();
    let wiki = entry(&list, "wiki.address");
    let source = json!({ "kind": "file", "name": file });
    assert_eq!((&wiki["value"], &wiki["source"]), (&json!("http://w"), &source));
    assert_eq!(wiki["hidden"], json!([{ "kind": "table" }]));
    let list = root.get(&format!("{CATALOGUE}?env=local")).await.ok();
    let limit = entry(&list, "item.key.length.limit");
    assert_eq!((&limit["value"], &limit["source"]["kind"]), (&json!("99"), &json!("file")));
    assert_eq!(limit["hidden"], json!([{ "kind": "table", "name": "default" }]));
    // Another program stored it.
    let admin = castalia_server::environment::Address::new(["server", "config"]);
    let body = json!({ "key": "long.polling.timeout", "value": "many", "cluster": "default",
        "dataChangeCreatedBy": "apollo" });
    let local = world.environments.find("LOCAL").unwrap();
    let _: Value = local.create(admin, &body).await.unwrap();
    let list = root.get(&format!("{CATALOGUE}?env=local")).await.ok();
    let hold = entry(&list, "long.polling.timeout");
    assert_eq!((&hold["value"], &hold["source"]["kind"]), (&json!("60"), &json!("default")));
    assert_eq!(hold["hidden"], json!([{ "kind": "table", "name": "default" }]));
}
