//! Access keys of an app in one environment.

use axum::{Json, Router};
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_server::settings::Installation;
use castalia_store::StoreError;
use castalia_store::access_key::unsigned::{self, Request};
use http::StatusCode;
use serde_json::{Value, json};

use super::environment;
use super::world::{World, app};

const KEYS: &str = "/openapi/v1/apps/demo/envs/LOCAL/accesskeys";

#[tokio::test]
async fn an_app_has_at_most_five_access_keys() {
    // A71: the sixth is refused, and so is deleting one that is enabled.
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    assert_eq!(user.get(KEYS).await.ok(), json!([]));
    for _ in 0..5 {
        let made = user.post(KEYS, Value::Null).await.ok();
        assert_eq!((&made["enabled"], &made["mode"]), (&json!(false), &json!(0)));
        assert_eq!(made["secret"].as_str().unwrap().len(), 32);
    }
    user.post(KEYS, Value::Null).await.fails(400, "AccessKeys count limit exceeded");
    let keys = user.get(KEYS).await.ok();
    assert_eq!(keys.as_array().unwrap().len(), 5);
    assert_ne!(keys[0]["secret"], keys[1]["secret"]);
    let key = format!("{KEYS}/{}", keys[0]["id"]);
    user.put(&format!("{key}/activation?mode=1"), Value::Null).await.empty();
    let enabled = user.get(KEYS).await.ok()[0].clone();
    assert_eq!((&enabled["enabled"], &enabled["mode"]), (&json!(true), &json!(1)));
    assert_eq!(enabled["dataChangeLastModifiedBy"], "u1");
    user.delete(&key).await.fails(400, "AccessKey should disable first");
    user.put(&format!("{key}/deactivation"), Value::Null).await.empty();
    user.delete(&key).await.empty();
    user.delete(&key).await.fails(400, "accessKey not exist.");
    assert_eq!(user.get(KEYS).await.ok().as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn only_administrators_of_the_app_read_its_access_keys() {
    let world = World::with_demo().await;
    world.user("u1").await.post(KEYS, Value::Null).await.ok();
    let roles = [Action::Modify, Action::Release]
        .map(|act| NamedRole::namespace(act, "demo", "application"));
    world.grant("u2", roles.to_vec()).await;
    world.user("u2").await.get(KEYS).await.fails(403, "Access is denied");
    let (able, unable) = (world.token("ci", &["demo"]).await, world.token("other", &[]).await);
    world.consumer(&unable).get(KEYS).await.fails(403, "Access is denied");
    world.consumer(&able).get(KEYS).await.ok();
    world.consumer(&able).post(KEYS, Value::Null).await.fails(400, "operator should not be null");
    let made = world.consumer(&able).post(&format!("{KEYS}?operator=u2"), Value::Null).await.ok();
    assert_eq!(made["dataChangeCreatedBy"], "u2");
}

#[tokio::test]
async fn a_key_of_another_app_is_out_of_reach() {
    let world = World::with(Installation::Adopted, &[]).await;
    for (app_id, owner) in [("demo", "u1"), ("second", "u2")] {
        world.user(owner).await.post("/openapi/v1/apps", app(app_id, owner)).await.empty();
    }
    let made = world.user("u1").await.post(KEYS, Value::Null).await.ok();
    let other = world.user("u2").await;
    let key = format!("{}/{}", KEYS.replace("demo", "second"), made["id"]);
    other.put(&format!("{key}/activation"), Value::Null).await.fails(400, "accessKey not exist.");
    other.delete(&key).await.fails(400, "accessKey not exist.");
    assert_eq!(world.user("u1").await.get(KEYS).await.ok()[0]["enabled"], false);
}

#[tokio::test]
async fn clients_that_an_observed_key_would_refuse_are_listed_for_administrators_of_the_app() {
    let world = World::with_demo().await;
    let unsigned = format!("{KEYS}/unsigned");
    let user = world.user("u1").await;
    let none = json!({ "known": true, "count": 0, "more": false, "newest": [] });
    assert_eq!(user.get(&unsigned).await.ok(), none);
    let addresses = (0..12).map(|at| ("demo", format!("10.0.0.{at}")));
    let requests: Vec<_> = addresses
        .chain([("other", "10.0.1.1".to_owned())])
        .map(|(app_id, ip)| Request { app_id: app_id.to_owned(), ip })
        .collect();
    let write = world.environment_store.write(requests, |tx, requests| {
        Box::pin(async move {
            unsigned::record(tx, requests, castalia_store::now()).await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.unwrap();
    let found = user.get(&unsigned).await.ok();
    assert_eq!((&found["count"], &found["more"]), (&json!(12), &json!(false)));
    assert_eq!(found["newest"].as_array().unwrap().len(), 10);
    assert_eq!(found["newest"][0]["ip"], "10.0.0.11");
    world.user("u2").await.get(&unsigned).await.fails(403, "Access is denied");
}

#[tokio::test]
async fn apollos_admin_service_does_not_know_unsigned_clients() {
    for status in [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED] {
        let lacks = Json(json!({ "status": status.as_u16(), "message": "not supported" }));
        let router = Router::new().fallback(async move || (status, lacks));
        let service = environment::listen(router).await;
        let world = environment::world(&[service]).await;
        let unsigned = format!("{}/unsigned", KEYS.replace("LOCAL", "FAR"));
        let found = world.user("apollo").await.get(&unsigned).await.ok();
        assert_eq!(found, json!({ "known": false, "count": 0, "more": false }));
    }
}
