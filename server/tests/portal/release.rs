//! Publishing, listing, comparing, and rolling back.

use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::Small;
use castalia_store::entity::{Standard as _, release, release_history};
use http::Method;
use serde_json::{Value, json};

use super::stale::assert_stale;
use super::world::{Caller, NS, World, app, item};

async fn publish(user: &Caller<'_>) -> i64 {
    let made = user
        .post(&format!("{NS}/releases"), json!({ "releaseTitle": "r", "releaseComment": "why" }))
        .await
        .ok();
    made["id"].as_i64().unwrap()
}

async fn set(user: &Caller<'_>, key: &str, value: &str) {
    user.put(&format!("{NS}/items/{key}?createIfNotExists=true"), item(key, value)).await.empty();
}

fn by_id(id: i64) -> String {
    format!("/openapi/v1/envs/LOCAL/releases/{id}")
}

/// As the stock client does: a JSON `null`.
async fn roll_back(user: &Caller<'_>, id: i64, query: &str) -> super::world::Answer {
    user.send(
        Method::PUT,
        &format!("{}/rollback{query}", by_id(id)),
        "application/json",
        "null".to_owned(),
    )
    .await
}

#[tokio::test]
async fn what_is_published_is_what_was_edited() {
    // A52, A53, A54
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.get(&format!("{NS}/releases/latest")).await.empty();
    set(&user, "a", "1").await;
    user.post(&format!("{NS}/releases"), json!({}))
        .await
        .fails(400, "Params(releaseTitle) can not be empty");
    let made = user
        .post(&format!("{NS}/releases"), json!({ "releaseTitle": "r", "releaseComment": "why" }))
        .await
        .ok();
    assert_eq!(
        (
            &made["name"],
            &made["comment"],
            &made["appId"],
            &made["clusterName"],
            &made["namespaceName"]
        ),
        (&json!("r"), &json!("why"), &json!("demo"), &json!("default"), &json!("application"))
    );
    assert_eq!(made["configurations"], json!({ "a": "1" }));
    let latest = user.get(&format!("{NS}/releases/latest")).await.ok();
    assert_eq!((&latest["id"], &latest["configurations"]), (&made["id"], &json!({ "a": "1" })));
    assert_eq!(latest["dataChangeCreatedByDisplayName"], "Name of u1");
    assert_eq!(
        user.get(&by_id(made["id"].as_i64().unwrap())).await.ok()["configurations"],
        json!({ "a": "1" })
    );
    assert_eq!(
        user.get(&format!("{NS}/releases/active?page=0&size=5"))
            .await
            .ok()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn who_edits_does_not_publish_where_the_environment_says_so() {
    // A55, A56
    let mut world = World::with_demo().await;
    world.set_in_environment("namespace.lock.switch", "true");
    world.grant("u2", vec![NamedRole::namespace(Action::Release, "demo", "application")]).await;
    let (editor, publisher) = (world.user("u1").await, world.user("u2").await);
    set(&editor, "a", "1").await;
    let body = json!({ "releaseTitle": "r", "isEmergencyPublish": true });
    let releases = format!("{NS}/releases");
    editor
        .post(&releases, json!({ "releaseTitle": "r" }))
        .await
        .fails(400, "Config can not be published by yourself.");
    editor
        .post(&releases, body.clone())
        .await
        .fails(400, "Env: LOCAL is not supported emergency publish now");
    publisher.post(&releases, json!({ "releaseTitle": "r" })).await.ok();
    set(&editor, "a", "2").await;
    world.set("emergencyPublish.supported.envs", "local");
    world.user("u1").await.post(&releases, body).await.ok();
}

#[tokio::test]
async fn consumers_of_our_own_installations_ask_for_emergencies_too() {
    for (world, status) in [(World::adopted().await, 200), (World::fresh().await, 400)] {
        let token = world.token_for_all("ci").await;
        let consumer = world.consumer(&token);
        let mut body = app("demo", "u1");
        body["app"]["dataChangeCreatedBy"] = "u1".into();
        consumer.post("/openapi/v1/apps", body).await.empty();
        let body = json!({ "releaseTitle": "r", "isEmergencyPublish": true, "releasedBy": "u1" });
        assert_eq!(consumer.post(&format!("{NS}/releases"), body).await.status, status);
    }
}

#[tokio::test]
async fn going_back_leaves_the_later_releases_behind() {
    // A57, A58
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut ids = Vec::new();
    for value in ["1", "2", "3", "4"] {
        set(&user, "a", value).await;
        ids.push(publish(&user).await);
    }
    roll_back(&user, ids[3], "").await.empty();
    roll_back(&user, ids[2], &format!("?toReleaseId={}", ids[0])).await.empty();
    let latest = user.get(&format!("{NS}/releases/latest")).await.ok();
    assert_eq!(latest["configurations"], json!({ "a": "1" }));
    let rows = release::Entity::live().all(world.environment_store.read()).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.is_abandoned).collect::<Vec<_>>(),
        [false, true, true, true]
    );
    let history =
        release_history::Entity::live().all(world.environment_store.read()).await.unwrap();
    assert_eq!(history.iter().filter(|row| row.operation == Small(1)).count(), 2);
    roll_back(&user, 999_999, "").await.fails(404, "release not found for releaseId:999999");
    roll_back(&user, ids[0], "").await.fails(400, "Can't rollback namespace");
    user.get(&by_id(999_999)).await.fails(404, "release not found for releaseId:999999");
}

/// Clients would not notice the rollback of another release than the live one.
#[tokio::test]
async fn a_rollback_is_refused_if_another_release_is_live_than_the_caller_shows() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut ids = Vec::new();
    for value in ["1", "2", "3"] {
        set(&user, "a", value).await;
        ids.push(publish(&user).await);
    }
    let [first, second, third] = ids[..] else { panic!("{ids:?}") };
    let query = |live: i64| format!("?toReleaseId={first}&liveReleaseId={live}");
    let live = async || user.get(&format!("{NS}/releases/latest")).await.ok()["id"].clone();
    let refused = roll_back(&user, second, &query(second)).await;
    assert_stale("rollback", &refused);
    assert_eq!(refused.json()["current"], format!("release {third}"));
    let rows = release::Entity::live().all(world.environment_store.read()).await.unwrap();
    assert!(rows.iter().all(|row| !row.is_abandoned));
    // Somebody else rolled it back meanwhile.
    roll_back(&user, third, &query(third)).await.empty();
    assert_eq!(live().await, first);
    assert_stale("rollback", &roll_back(&user, third, &query(third)).await);
    // Callers of Apollo's API state none.
    publish(&user).await;
    let newest = publish(&user).await;
    roll_back(&user, first, "").await.empty();
    assert_eq!(live().await, newest);
}

#[tokio::test]
async fn going_back_never_reaches_another_namespace() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let definition = json!({ "appId": "demo", "name": "other", "format": "properties" });
    user.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    let other = NS.replace("application", "other");
    let foreign =
        user.post(&format!("{other}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    publish(&user).await;
    let newest = publish(&user).await;
    let query = format!("?toReleaseId={}", foreign["id"]);
    roll_back(&user, newest, &query).await.fails(400, "Release ");
    let rows = release::Entity::live().all(world.environment_store.read()).await.unwrap();
    assert!(rows.iter().all(|row| !row.is_abandoned));
}

#[tokio::test]
async fn releases_are_compared_key_by_key() {
    // A59
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, "a", "1").await;
    set(&user, "b", "1").await;
    let first = publish(&user).await;
    set(&user, "a", "2").await;
    user.delete(&format!("{NS}/items/b")).await.empty();
    let second = publish(&user).await;
    let compare = async |base: i64, to: i64| -> Value {
        let path = "/openapi/v1/envs/LOCAL/releases/comparison";
        user.get(&format!("{path}?baseReleaseId={base}&toCompareReleaseId={to}")).await.ok()["changes"].clone()
    };
    let added = compare(0, first).await;
    assert!(
        added.as_array().unwrap().iter().all(|change| change["changeType"] == "ADDED"),
        "{added}"
    );
    assert_eq!(
        compare(first, second).await,
        json!([
            { "changeType": "MODIFIED", "key": "a", "newValue": "2", "oldValue": "1" },
            { "changeType": "DELETED", "key": "b", "oldValue": "1" },
        ])
    );
    let missing = user.get("/openapi/v1/envs/LOCAL/releases/comparison?baseReleaseId=1").await;
    missing.fails(400, "Query: missing field");
}

#[tokio::test]
async fn a_release_is_rolled_back_by_who_may_publish_its_namespace() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    publish(&user).await;
    let id = publish(&user).await;
    let other = world.user("u2").await;
    roll_back(&other, id, "").await.fails(403, "Access is denied");
    other
        .post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" }))
        .await
        .fails(403, "Access is denied");
    world
        .grant(
            "u2",
            vec![NamedRole::namespace_in_env(Action::Release, "demo", "application", "LOCAL")],
        )
        .await;
    roll_back(&other, id, "").await.empty();
}
