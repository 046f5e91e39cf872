//! What was only created gives way to what is restored in its place; what somebody has used does not.

use std::time::Duration;

use castalia_server::domain::permission::{Act, NamedRole, assignment};
use castalia_server::environment::{Address, Environment};
use serde_json::{Value, json};

use super::restoration::{
    CLUSTERS, RESTORATIONS, content, create_cluster, define, deleted, deletion, publish, set,
};
use super::world::{Caller, NS, World, app};

const APP: &str = "/openapi/v1/apps/demo";

/// Deletes the app in its environment, as a deletion that fails afterwards does.
async fn delete_in(environment: &Environment) {
    // MySQL stores the time of a creation in whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let app = Address::new(["apps", "demo"]).with(&[("operator", "u1")]);
    environment.delete(app).await.unwrap();
}

/// Changes the name of the app, and answers how it is called in its environment.
async fn rename(user: &Caller<'_>, environment: &Environment, name: &str) -> Value {
    let mut body = app("demo", "u1")["app"].clone();
    body["name"] = json!(name);
    body["ownerEmail"] = json!("u1@example.com");
    user.put(APP, body).await.empty();
    name_in(environment).await
}

async fn name_in(environment: &Environment) -> Value {
    environment.get::<Value>(Address::new(["apps", "demo"])).await.unwrap()["name"].clone()
}

#[tokio::test]
async fn an_unused_cluster_gives_way_to_an_earlier_one() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let ns = NS.replace("default", "c1");
    create_cluster(&root, "c1").await;
    set(&user, &ns, "k", "v").await;
    publish(&user, &ns).await;
    let before = content(&user, &ns).await;
    let again = async || {
        root.delete(&format!("{CLUSTERS}/c1")).await.empty();
        create_cluster(&root, "c1").await;
        deleted(&root).await[0].clone()
    };
    let earlier = again().await;
    define(&user, "demo", "later", false).await;
    root.post(RESTORATIONS, earlier).await.empty();
    assert_eq!(content(&user, &ns).await, before);
    // The earlier one never had this namespace.
    assert_eq!(content(&user, &ns.replace("application", "later")).await[0], json!([]));
    assert!(deleted(&root).await.is_empty());

    let earlier = again().await;
    let refused = async || {
        let refused = root.post(RESTORATIONS, earlier.clone()).await;
        refused.fails(
            400,
            "cluster already exists for clusterName:c1, and its namespace application has been used",
        );
        assert_eq!(refused.json()["code"], "cluster_exists");
    };
    user.post(&format!("{ns}/branches"), Value::Null).await.ok();
    refused().await;
    user.delete(&deletion("c1", "application")).await.empty();
    let create = json!([{
        "appId": "demo", "env": "LOCAL", "clusterName": "c1", "appNamespaceName": "application",
    }]);
    user.post("/openapi/v1/namespaces", create).await.empty();
    set(&user, &ns, "k", "other").await;
    refused().await;
    user.delete(&deletion("c1", "application")).await.empty();
    root.post(RESTORATIONS, earlier).await.empty();
    assert_eq!(content(&user, &ns).await, before);
}

/// The deletion of an app reached its environment only, and an edit created it there anew.
#[tokio::test]
async fn an_app_that_an_edit_created_anew_gives_way() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let environment = world.environments.find("LOCAL").unwrap();
    define(&user, "demo", "x", false).await;
    create_cluster(&root, "c1").await;
    let in_c1 = NS.replace("default", "c1");
    for ns in [NS, &in_c1, &NS.replace("application", "x")] {
        set(&user, ns, "k", "v").await;
        publish(&user, ns).await;
    }
    let before = [content(&user, NS).await, content(&user, &in_c1).await];
    delete_in(&environment).await;
    assert_eq!(rename(&user, &environment, "renamed").await, "renamed");
    assert_eq!(content(&user, NS).await, json!([[], null, 0]));
    define(&user, "demo", "y", false).await;

    let listed = deleted(&root).await;
    assert_eq!((listed.len(), &listed[0]["kind"]), (1, &json!("app")), "{listed:?}");
    root.post(RESTORATIONS, listed[0].clone()).await.empty();
    assert_eq!([content(&user, NS).await, content(&user, &in_c1).await], before);
    assert_eq!(content(&user, &NS.replace("application", "x")).await[2], 1);
    assert_eq!(content(&user, &NS.replace("application", "y")).await, json!([[], null, 0]));
    assert_eq!(name_in(&environment).await, "renamed");
    assert!(deleted(&root).await.is_empty());

    // Once it is used, nothing takes its place.
    delete_in(&environment).await;
    rename(&user, &environment, "again").await;
    let listed = deleted(&root).await[0].clone();
    set(&user, NS, "k", "new").await;
    assert!(deleted(&root).await.is_empty());
    let refused = root.post(RESTORATIONS, listed).await;
    refused.fails(400, "app already exists for appId:demo");
    assert_eq!(refused.json()["code"], "app_exists");
    assert_eq!(content(&user, NS).await[0], json!([["k", "new"]]));
}

/// An app of somebody else that nobody has used yet does not give way to an earlier one of its name.
#[tokio::test]
async fn an_app_of_another_owner_stays() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    set(&user, NS, "password", "secret").await;
    root.delete(APP).await.empty();
    let apps = root.get("/openapi/v1/deleted-apps").await.ok();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    world.user("u2").await.post("/openapi/v1/apps", app("demo", "u2")).await.empty();
    assert!(deleted(&root).await.is_empty());
    let environment = world.environments.find("LOCAL").unwrap();
    let in_environment: Value =
        environment.get(Address::new(["apps", "demo", "deleted"])).await.unwrap();
    let mut earlier = json!({ "kind": "app", "env": "LOCAL" });
    let at = in_environment[0]["deletedAt"].as_i64().unwrap();
    earlier["deletedTime"] = json!(chrono::DateTime::from_timestamp_millis(at).unwrap());
    let refused = root.post(RESTORATIONS, earlier.clone()).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("not_deleted")));
    assert!(!apps.as_array().unwrap().is_empty());
    assert_eq!(content(&root, NS).await[0], json!([]));
}

/// All nodes read the access key before the namespaces come back, so that somebody can create the
/// cluster first.
#[tokio::test]
async fn a_cluster_that_was_created_during_a_restoration_gives_way() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    set(&user, NS, "k", "v").await;
    publish(&user, NS).await;
    let key = user.post(&format!("{APP}/envs/LOCAL/accesskeys"), Value::Null).await.ok();
    let key = format!("{APP}/envs/LOCAL/accesskeys/{}/activation", key["id"]);
    user.put(&key, Value::Null).await;
    let before = content(&user, NS).await;
    root.delete(APP).await.empty();
    let apps = root.get("/openapi/v1/deleted-apps").await.ok();
    let restoration = json!({ "kind": "app", "deletedTime": apps[0]["deletedTime"] });
    let environment = world.environments.find("LOCAL").unwrap();
    let interfere = async {
        let app = || Address::new(["apps", "demo"]);
        while environment.get::<Value>(app()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let cluster = json!({
            "appId": "demo", "name": "default", "dataChangeCreatedBy": "u1",
            "dataChangeLastModifiedBy": "u1",
        });
        let address = Address::new(["apps", "demo", "clusters"]);
        environment.post(address, &cluster).await.unwrap();
    };
    let (restored, ()) = tokio::join!(root.post(RESTORATIONS, restoration), interfere);
    restored.empty();
    assert_eq!(content(&user, NS).await, before);
}

/// The request that restored the cluster in its environment failed in the portal, and is repeated.
#[tokio::test]
async fn grants_of_a_restored_cluster_come_back_with_a_repetition() {
    let world = World::with_demo().await;
    let (root, other) = (world.user("apollo").await, world.user("u2").await);
    let environment = world.environments.find("LOCAL").unwrap();
    let ns = NS.replace("default", "c1");
    create_cluster(&root, "c1").await;
    let role = NamedRole::cluster(Act::Modify, "demo", "LOCAL", "c1");
    assignment::assign(&world.store, role, "u2", "u1").await.unwrap();
    root.delete(&format!("{CLUSTERS}/c1")).await.empty();
    let one = deleted(&root).await[0].clone();
    let address = || Address::new(["apps", "demo", "deleted"]);
    let mut body = environment.get::<Value>(address()).await.unwrap()[0].clone();
    body["deletedBy"] = Value::Null;
    let restorations = Address::new(["apps", "demo", "restorations"]);
    environment.post(restorations.with(&[("operator", "u1")]), &body).await.unwrap();
    root.post(RESTORATIONS, one.clone()).await.empty();
    set(&other, &ns, "k", "v").await;
    // Whoever names another time, or a cluster that does not exist, changes nothing.
    root.delete(&format!("{CLUSTERS}/c1")).await.empty();
    let mut wrong = one;
    wrong["deletedTime"] = json!("2020-01-01T00:00:00Z");
    let refused = root.post(RESTORATIONS, wrong).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("not_deleted")));
}
