//! Settings in the portal database and in the config database of an environment.

use castalia_server::settings::Installation;
use serde_json::{Value, json};

use super::world::{Caller, World, app};

const PORTAL: &str = "/openapi/v1/server/portal-db/config";
const ENVIRONMENT: &str = "/openapi/v1/server/envs/local/config-db/config";

fn setting(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value, "comment": "why" })
}

fn values<'a>(list: &'a Value, key: &str) -> Vec<&'a Value> {
    let rows = list.as_array().unwrap().iter().filter(|row| row["key"] == key);
    rows.map(|row| &row["value"]).collect()
}

/// A setting takes effect without a restart, and no longer when it is deleted (A80).
#[tokio::test]
async fn a_setting_of_the_portal_takes_effect_at_once_and_ends_with_its_row() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    // The rows of the database replace the settings that this test began with.
    root.post(PORTAL, setting("superAdmin", "apollo")).await.ok();
    let key = "role.create-application.enabled";
    let made = root.post(PORTAL, setting(key, "true")).await.ok();
    assert_eq!((&made["value"], &made["dataChangeCreatedBy"]), (&json!("true"), &json!("apollo")));
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.fails(403, "Access is denied");
    let again = root.post(PORTAL, setting(key, "false")).await.ok();
    assert_eq!(again["id"], made["id"]);
    root.post(PORTAL, setting(key, "true")).await.ok();
    root.delete(&format!("{PORTAL}?key={key}")).await.empty();
    let list = root.get(&format!("{PORTAL}/find-all-config")).await.ok();
    assert!(values(&list, key).is_empty(), "{list}");
    assert_eq!(values(&list, "superAdmin"), [&json!("apollo")]);
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    root.delete(&format!("{PORTAL}?key={key}")).await.fails(404, "server config not found");
    // A key that is not known is kept for other programs.
    root.post(PORTAL, setting("own.key", "x")).await.ok();
}

#[tokio::test]
async fn settings_of_an_environment_are_those_of_its_admin_service() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let key = "own.key";
    let made = root.post(ENVIRONMENT, setting(key, "7")).await.ok();
    assert_eq!(
        (&made["cluster"], &made["dataChangeCreatedBy"]),
        (&json!("default"), &json!("apollo"))
    );
    let list = root.get(&format!("{ENVIRONMENT}/find-all-config")).await.ok();
    assert_eq!(values(&list, key), [&json!("7")]);
    root.delete(&format!("{ENVIRONMENT}?key={key}&cluster=default")).await.empty();
    let list = root.get(&format!("{ENVIRONMENT}/find-all-config")).await.ok();
    assert!(values(&list, key).is_empty());
    root.delete(&format!("{ENVIRONMENT}?key={key}&cluster=default")).await.fails(404, "server");
    let nowhere = ENVIRONMENT.replace("local", "nowhere");
    root.post(&nowhere, setting(key, "7")).await.fails(400, "invalid env format:nowhere");
}

#[tokio::test]
async fn a_setting_without_a_key_or_a_value_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    for path in [PORTAL, ENVIRONMENT] {
        root.post(path, setting(" ", "x")).await.fails(400, "ServerConfig.Key cannot be blank");
        root.post(path, setting("k", "")).await.fails(400, "ServerConfig.Value cannot be blank");
        let user = world.user("u1").await;
        user.post(path, setting("k", "v")).await.fails(403, "Access is denied");
        user.get(&format!("{path}/find-all-config")).await.fails(403, "Access is denied");
        user.delete(&format!("{path}?key=k&cluster=default")).await.fails(403, "Access is denied");
    }
}

/// A value that its key cannot have would be stored and have no effect.
#[tokio::test]
async fn a_value_of_another_kind_than_that_of_its_key_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    // The rows of the database replace the settings that this test began with.
    root.post(PORTAL, setting("superAdmin", "apollo")).await.ok();
    for (path, key, refused, accepted, expected) in [
        (PORTAL, "api.connectTimeout", "3s", "3000", "ms, 1 to 4294967295"),
        (PORTAL, "role.create-application.enabled", "yes", "true", "`true` or `false`"),
        (PORTAL, "apollo.audit.log.enabled", "0", "TRUE", "`true` or `false`, in any case"),
        (PORTAL, "apollo.portal.meta.servers", "http://a", r#"{"DEV":"http://a"}"#, "JSON object"),
        (PORTAL, "apollo.portal.meta.servers", r#"{"DEV":7}"#, "{}", "JSON object by environment"),
        (ENVIRONMENT, "item.key.length.limit", "4", "5", "5 or more"),
        (ENVIRONMENT, "namespace.lock.switch", "True", "true", "`true` or `false`"),
        (ENVIRONMENT, "item.num.limit", "-1", "77", "5 or more"),
        (ENVIRONMENT, "apollo.release-history.retention.size", "many", "9", "1 or more"),
        (ENVIRONMENT, "appid.value.length.limit.override", "7", r#"{"a":7}"#, "JSON object of"),
        // In the other table the key is none of ours.
        (PORTAL, "item.num.limit", "", "many", ""),
    ] {
        if !refused.is_empty() {
            let message = format!("The value of {key} is invalid; expected: {expected}");
            let answer = root.post(path, setting(key, refused)).await;
            answer.fails(400, &message);
            assert_eq!(answer.json()["code"], "invalid_setting");
            let stored = root.get(&format!("{path}/find-all-config")).await.ok();
            assert!(!values(&stored, key).contains(&&json!(refused)), "{key}");
        }
        root.post(path, setting(key, accepted)).await.ok();
    }
}

async fn disable(root: &Caller<'_>, name: &str) {
    let disabled = json!({ "username": name, "enabled": 0 });
    root.put("/openapi/v1/users/enabled", disabled).await.empty();
}

/// Nobody could undo such a change with the portal.
#[tokio::test]
async fn a_list_without_a_super_administrator_is_refused() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    root.post(PORTAL, setting("superAdmin", "apollo")).await.ok();
    disable(&root, "u2").await;
    // MySQL finds the row, or the account, of some of these under another name.
    for (key, refused) in [
        ("superAdmin", "gone"),
        ("superAdmin", "APOLLO"),
        ("superAdmin", "u2,gone"),
        ("SuperAdmin", "gone"),
    ] {
        let answer = root.post(PORTAL, setting(key, refused)).await;
        answer.fails(400, "superAdmin must name an enabled user");
        assert_eq!(answer.json()["code"], "last_administrator");
    }
    let deleted = root.delete(&format!("{PORTAL}?key=superAdmin")).await;
    deleted.fails(400, "superAdmin must name an enabled user");
    let list = root.get(&format!("{PORTAL}/find-all-config")).await.ok();
    assert_eq!(values(&list, "superAdmin"), [&json!("apollo")]);
    root.post(PORTAL, setting("superAdmin", "gone, u1")).await.ok();
    world.user("u1").await.get(&format!("{PORTAL}/find-all-config")).await.ok();
}

/// Users of another system have no account before they sign in.
#[tokio::test]
async fn a_super_administrator_may_be_a_user_of_another_system() {
    let flags = [
        ("proxy_sign_in.user_header", "X-Forwarded-User"),
        ("proxy_sign_in.secret", "0123456789abcdef0123456789abcdef"),
        ("sign_in.local_users", "apollo,local"),
    ];
    let world = World::with(Installation::Adopted, &flags).await;
    let root = world.user("apollo").await;
    disable(&root, "u1").await;
    for refused in ["local", "u1"] {
        let answer = root.post(PORTAL, setting("superAdmin", refused)).await;
        answer.fails(400, "superAdmin must name an enabled user");
    }
    root.post(PORTAL, setting("superAdmin", "anna")).await.ok();
}

#[tokio::test]
async fn the_pages_read_their_settings() {
    let mut world = World::adopted().await;
    let page = "/openapi/v1/page-settings";
    let found = world.user("u1").await.get(page).await.ok();
    assert_eq!(found["canAppAdminCreatePrivateNamespace"], true);
    world.set("wiki.address", "https://wiki.example");
    world.set("admin.createPrivateNamespace.switch", "false");
    let expected = json!({
        "wikiAddress": "https://wiki.example", "canAppAdminCreatePrivateNamespace": false,
    });
    assert_eq!(world.user("u1").await.get(page).await.ok(), expected);
    let token = world.token("ci", &[]).await;
    world.consumer(&token).get(page).await.fails(403, "Portal user session is required");
}
