//! What happened to a namespace: its commits and its publishes.

use serde_json::{Value, json};

use super::world::{NS, World, item};

const PAST: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application";

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

#[tokio::test]
async fn commits_are_listed_newest_first_and_by_key() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    assert_eq!(user.get(&format!("{PAST}/commits")).await.ok(), json!([]));
    for key in ["a", "b", "c"] {
        user.post(&format!("{NS}/items"), item(key, "1")).await.ok();
    }
    let commits = user.get(&format!("{PAST}/commits")).await.ok();
    let ids: Vec<_> = list(&commits).iter().map(|commit| commit["id"].as_i64().unwrap()).collect();
    assert!(ids.len() == 3 && ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    let newest: Value = serde_json::from_str(commits[0]["changeSets"].as_str().unwrap()).unwrap();
    assert_eq!(newest["createItems"][0]["key"], "c");
    assert_eq!(commits[0]["dataChangeCreatedByDisplayName"], "Name of u1");
    let page = user.get(&format!("{PAST}/commits?page=1&size=2")).await.ok();
    assert_eq!((list(&page).len(), &page[0]), (1, &commits[2]));
    let of_key = user.get(&format!("{PAST}/commits?key=b")).await.ok();
    assert_eq!(list(&of_key).len(), 1);
}

#[tokio::test]
async fn publishes_and_rollbacks_are_listed_with_what_they_published() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    assert_eq!(user.get(&format!("{PAST}/releases/histories")).await.ok(), json!([]));
    let mut ids = Vec::new();
    for value in ["1", "2"] {
        let path = format!("{NS}/items/k?createIfNotExists=true");
        user.put(&path, item("k", value)).await.empty();
        let body = json!({ "releaseTitle": value, "releaseComment": "why" });
        ids.push(user.post(&format!("{NS}/releases"), body).await.ok()["id"].clone());
    }
    let rollback = format!("/openapi/v1/envs/LOCAL/releases/{}/rollback", ids[1]);
    user.put(&rollback, Value::Null).await.empty();
    let rows = user.get(&format!("{PAST}/releases/histories")).await.ok();
    let operations: Vec<_> = list(&rows).iter().map(|row| row["operation"].clone()).collect();
    assert_eq!(operations, [1, 0, 0]);
    assert_eq!((&rows[0]["releaseId"], &rows[0]["previousReleaseId"]), (&ids[0], &ids[1]));
    let second = &rows[1];
    assert_eq!(
        (&second["releaseTitle"], &second["releaseComment"], &second["isReleaseAbandoned"]),
        (&json!("2"), &json!("why"), &json!(true))
    );
    assert_eq!(second["configuration"], json!([{ "firstEntity": "k", "secondEntity": "2" }]));
    assert_eq!(
        (&second["operator"], &second["operatorDisplayName"]),
        (&json!("u1"), &json!("Name of u1"))
    );
    assert_eq!(second["operationContext"], json!({ "isEmergencyPublish": false }));
    let ago = second["releaseTimeFormatted"].as_str().unwrap();
    assert!(ago == "now" || ago.ends_with(" ago"), "{ago}");
    let page = user.get(&format!("{PAST}/releases/histories?page=1&size=1")).await.ok();
    assert_eq!((list(&page).len(), &page[0]["id"]), (1, &second["id"]));
}

#[tokio::test]
async fn releases_are_listed_with_the_value_of_one_key_or_without_values() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for key in ["a", "b"] {
        user.post(&format!("{NS}/items"), item(key, "1")).await.ok();
    }
    user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    for (query, pairs, values) in [
        ("onlyKey=", json!([]), json!({})),
        ("onlyKey=b", json!([{ "firstEntity": "b", "secondEntity": "1" }]), json!({ "b": "1" })),
    ] {
        let rows = user.get(&format!("{PAST}/releases/histories?{query}")).await.ok();
        assert_eq!((&rows[0]["releaseTitle"], &rows[0]["configuration"]), (&json!("r"), &pairs));
        let active = user.get(&format!("{NS}/releases/active?{query}")).await.ok();
        assert_eq!((&active[0]["name"], &active[0]["configurations"]), (&json!("r"), &values));
    }
}

#[tokio::test]
async fn only_users_who_may_see_the_values_read_the_history() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    let owner = world.user("u1").await;
    owner.post(&format!("{NS}/items"), item("k", "hidden value")).await.ok();
    owner.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    let outsider = world.user("u2").await;
    let token = world.token("ci", &["demo"]).await;
    for path in ["commits", "releases/histories"] {
        let path = format!("{PAST}/{path}");
        assert_eq!(list(&owner.get(&path).await.ok()).len(), 1);
        assert_eq!(outsider.get(&path).await.ok(), json!([]));
        world.consumer(&token).get(&path).await.fails(403, "Portal user session is required");
    }
}
