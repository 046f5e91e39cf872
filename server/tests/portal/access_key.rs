//! Access keys of an app in one environment.

use castalia_server::domain::permission::{Act, NamedRole};
use castalia_server::settings::Installation;
use serde_json::{Value, json};

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
    let roles =
        [Act::Modify, Act::Release].map(|act| NamedRole::namespace(act, "demo", "application"));
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
