//! What was only created gives way to what is restored in its place; what somebody has used does
//! not.

use std::time::{Duration, Instant};

use castalia_server::domain::permission::{Action, NamedRole, assignment};
use castalia_server::environment::{Address, Environment};
use serde_json::{Value, json};

use super::restoration::{
    CLUSTERS, DEFINITIONS, RESTORATIONS, content, create_cluster, define, deleted, deletion,
    publish, set,
};
use super::world::{Caller, NS, World, app};

const APP: &str = "/openapi/v1/apps/demo";
/// Time between the return of an app with access keys and that of its namespaces.
pub(super) const KEYS_READ: Duration = Duration::from_secs(3);
/// This machine may stop during some of them.
const TRIES: usize = 5;

/// Repeats a test until it acts between the return of an app and that of its namespaces. A server
/// that leaves no time for it fails each time.
pub(super) async fn in_time(attempt: impl AsyncFn() -> Option<()>) {
    for _ in 0..TRIES {
        if attempt().await.is_some() {
            return;
        }
    }
    panic!("in none of {TRIES} tries was there time between the app and its namespaces");
}

/// Deletes the app in its environment, as a deletion that fails afterwards does.
async fn delete_in(environment: &Environment) {
    // MySQL stores the times of creations before and after it in whole seconds.
    let second = || tokio::time::sleep(Duration::from_millis(1_100));
    second().await;
    let app = Address::new(["apps", "demo"]).with(&[("operator", "u1")]);
    environment.delete(app).await.unwrap();
    second().await;
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

/// Creates the app in its environment without what it had, as Apollo's portal does.
async fn create_in(environment: &Environment, name: &str) {
    let mut body = app("demo", "u1")["app"].clone();
    body["name"] = json!(name);
    body["ownerEmail"] = json!("u1@example.com");
    body["dataChangeCreatedBy"] = json!("u1");
    environment.post(Address::new(["apps"]), &body).await.unwrap();
}

/// The deletion of an app reached its environment only, where it was created anew.
#[tokio::test]
async fn an_unused_app_gives_way_to_an_earlier_one() {
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
    create_in(&environment, "anew").await;
    assert_eq!(content(&user, NS).await, json!([[], null, 0]));
    define(&user, "demo", "y", false).await;

    let listed = deleted(&root).await;
    assert_eq!((listed.len(), &listed[0]["kind"]), (1, &json!("app")), "{listed:?}");
    root.post(RESTORATIONS, listed[0].clone()).await.empty();
    assert_eq!([content(&user, NS).await, content(&user, &in_c1).await], before);
    assert_eq!(content(&user, &NS.replace("application", "x")).await[2], 1);
    for ns in [NS, &in_c1] {
        let of_y = ns.replace("application", "y");
        assert_eq!(content(&user, &of_y).await, json!([[], null, 0]), "{of_y}");
    }
    assert_eq!(name_in(&environment).await, "demo", "as in the portal");
    assert!(deleted(&root).await.is_empty());

    // Once it is used, nothing takes its place.
    delete_in(&environment).await;
    create_in(&environment, "again").await;
    let listed = deleted(&root).await[0].clone();
    set(&user, NS, "k", "new").await;
    assert!(deleted(&root).await.is_empty());
    let refused = root.post(RESTORATIONS, listed).await;
    refused.fails(400, "no app of this name was deleted at this time");
    assert_eq!(refused.json()["code"], "not_deleted");
    assert_eq!(content(&user, NS).await[0], json!([["k", "new"]]));
}

/// The deletion of an app reached its environment only; whoever edits it next brings everything
/// back but what was deleted or replaced since.
#[tokio::test]
async fn an_edit_restores_an_app_that_its_environment_deleted() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let environment = world.environments.find("LOCAL").unwrap();
    create_cluster(&root, "c1").await;
    for name in ["gone", "x"] {
        define(&user, "demo", name, false).await;
    }
    let of = |name: &str| NS.replace("application", name);
    for ns in [NS, &of("gone"), &of("x")] {
        set(&user, ns, "k", "v").await;
        publish(&user, ns).await;
    }
    let before = content(&user, NS).await;
    delete_in(&environment).await;
    for name in ["gone", "x"] {
        user.delete(&format!("{DEFINITIONS}/{name}")).await.empty();
    }
    root.delete(&format!("{CLUSTERS}/c1")).await.fails(404, "");
    for (name, is_public) in [("x", true), ("y", false)] {
        define(&user, "demo", name, is_public).await;
    }
    assert_eq!(rename(&user, &environment, "renamed").await, "renamed");
    assert_eq!(content(&user, NS).await, before);
    let address = Address::new(["apps", "demo", "appnamespaces"]);
    let mut defined: Vec<_> = environment.get::<Vec<Value>>(address).await.unwrap();
    defined.sort_by_key(|one| one["name"].to_string());
    let defined: Vec<_> = defined.iter().map(|one| [&one["name"], &one["isPublic"]]).collect();
    let expected = [("application", false), ("x", true), ("y", false)];
    assert_eq!(json!(defined), json!(expected));
    for name in ["x", "y"] {
        assert_eq!(content(&user, &of(name)).await, json!([[], null, 0]), "{name}");
    }
    // The cluster came back, and its roles can be granted.
    let role = NamedRole::cluster(Action::Modify, "demo", "LOCAL", "c1");
    assignment::assign(&world.store, role, "u2", "u1").await.unwrap();
    set(&world.user("u2").await, &NS.replace("default", "c1"), "k", "v").await;
}

/// An environment that was away deletes an app after another one of its name was created.
#[tokio::test]
async fn an_app_that_was_deleted_late_is_not_of_the_next_owner() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let environment = world.environments.find("LOCAL").unwrap();
    set(&user, NS, "password", "secret").await;
    root.delete(APP).await.empty();
    let address = || Address::new(["apps", "demo", "deleted"]);
    let found: Value = environment.get(address()).await.unwrap();
    let restorations = Address::new(["apps", "demo", "restorations"]);
    environment.post(restorations.with(&[("operator", "u1")]), &found[0]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    root.post("/openapi/v1/apps", app("demo", "u2")).await.empty();
    delete_in(&environment).await;
    assert!(deleted(&root).await.is_empty());
    let found: Value = environment.get(address()).await.unwrap();
    let refused = root.post(RESTORATIONS, entry(&found[0])).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("not_deleted")));
    rename(&world.user("u2").await, &environment, "renamed").await;
    assert_eq!(content(&root, NS).await[0], json!([]));
}

/// What the portal lists for an app that an environment deleted.
fn entry(found: &Value) -> Value {
    let at = chrono::DateTime::from_timestamp_millis(found["deletedAt"].as_i64().unwrap());
    json!({ "kind": "app", "env": "LOCAL", "deletedTime": at.unwrap() })
}

/// An app of somebody else that nobody has used yet does not give way to an earlier one of its
/// name.
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
    let refused = root.post(RESTORATIONS, entry(&in_environment[0])).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("not_deleted")));
    assert!(!apps.as_array().unwrap().is_empty());
    assert_eq!(content(&root, NS).await[0], json!([]));
}

/// An app with an access key, and what restores it.
async fn delete_with_key(world: &World) -> (Value, Value) {
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    set(&user, NS, "k", "v").await;
    publish(&user, NS).await;
    let key = user.post(&format!("{APP}/envs/LOCAL/accesskeys"), Value::Null).await.ok();
    let key = format!("{APP}/envs/LOCAL/accesskeys/{}/activation", key["id"]);
    user.put(&key, Value::Null).await;
    let before = content(&user, NS).await;
    root.delete(APP).await.empty();
    let apps = root.get("/openapi/v1/deleted-apps").await.ok();
    (before, json!({ "kind": "app", "deletedTime": apps[0]["deletedTime"] }))
}

async fn exists(environment: &Environment) {
    while environment.get::<Value>(Address::new(["apps", "demo"])).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All nodes read the access key before the namespaces come back, so that somebody can create the
/// cluster first.
#[tokio::test]
async fn a_cluster_that_was_created_during_a_restoration_gives_way() {
    in_time(create_cluster_during_a_restoration).await;
}

async fn create_cluster_during_a_restoration() -> Option<()> {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let (before, restoration) = delete_with_key(&world).await;
    let environment = world.environments.find("LOCAL").unwrap();
    let begun = Instant::now();
    let interfere = async {
        exists(&environment).await;
        let cluster = json!({
            "appId": "demo", "name": "default", "dataChangeCreatedBy": "u1",
            "dataChangeLastModifiedBy": "u1",
        });
        let address = Address::new(["apps", "demo", "clusters"]);
        let made = environment.post(address, &cluster).await;
        (made, begun.elapsed())
    };
    let (restored, (made, took)) = tokio::join!(root.post(RESTORATIONS, restoration), interfere);
    // The earlier one may have been back already.
    if made.is_err() && took >= KEYS_READ {
        return None;
    }
    made.unwrap();
    restored.empty();
    assert_eq!(content(&user, NS).await, before);
    Some(())
}

/// The namespaces do not come back in an app that somebody else created in the meantime.
#[tokio::test]
async fn an_app_that_was_created_during_a_restoration_receives_nothing() {
    in_time(create_app_during_a_restoration).await;
}

async fn create_app_during_a_restoration() -> Option<()> {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let (_, restoration) = delete_with_key(&world).await;
    let environment = world.environments.find("LOCAL").unwrap();
    let begun = Instant::now();
    let interfere = async {
        exists(&environment).await;
        root.delete(APP).await.empty();
        root.post("/openapi/v1/apps", app("demo", "u2")).await.empty();
        begun.elapsed()
    };
    let (restored, took) = tokio::join!(root.post(RESTORATIONS, restoration), interfere);
    // The namespaces may have been back before the deletion.
    if restored.status == 200 && took >= KEYS_READ {
        return None;
    }
    restored.fails(400, "restored, but not in LOCAL");
    assert_eq!(content(&root, NS).await, json!([[], null, 0]));
    Some(())
}

/// The request that restored the cluster in its environment failed in the portal, and is repeated.
#[tokio::test]
async fn grants_of_a_restored_cluster_come_back_with_a_repetition() {
    let world = World::with_demo().await;
    let (root, other) = (world.user("apollo").await, world.user("u2").await);
    let environment = world.environments.find("LOCAL").unwrap();
    let ns = NS.replace("default", "c1");
    create_cluster(&root, "c1").await;
    let role = NamedRole::cluster(Action::Modify, "demo", "LOCAL", "c1");
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
    // Once they are there, or for what was never deleted, nothing is left to repeat.
    let with = |member: &str, value: &str| {
        let mut other = one.clone();
        other[member] = json!(value);
        other
    };
    let others = [
        one.clone(),
        with("deletedTime", "2020-01-01T00:00:00Z"),
        with("deletedTime", "9999-01-01T00:00:00Z"),
        with("clusterName", "default"),
        with("clusterName", "C1"),
    ];
    for other in others {
        let refused = root.post(RESTORATIONS, other.clone()).await;
        let answer = (refused.status, &refused.json()["code"]);
        assert_eq!(answer, (400, &json!("not_deleted")), "{other}");
    }
    set(&other, &ns, "k", "w").await;
}

/// Grants on a cluster of an earlier app stay with it.
#[tokio::test]
async fn a_repetition_brings_back_nothing_of_an_earlier_app() {
    let world = World::with_demo().await;
    let (root, other) = (world.user("apollo").await, world.user("u2").await);
    let path = format!("{}/items/k?createIfNotExists=true", NS.replace("default", "c1"));
    create_cluster(&root, "c1").await;
    let role = NamedRole::cluster(Action::Modify, "demo", "LOCAL", "c1");
    assignment::assign(&world.store, role, "u2", "u1").await.unwrap();
    root.delete(APP).await.empty();
    let apps = root.get("/openapi/v1/deleted-apps").await.ok();
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let environment = world.environments.find("LOCAL").unwrap();
    let cluster = json!({
        "appId": "demo", "name": "c1", "dataChangeCreatedBy": "u1", "dataChangeLastModifiedBy": "u1",
    });
    environment.post(Address::new(["apps", "demo", "clusters"]), &cluster).await.unwrap();
    let repetition = json!({
        "kind": "cluster", "env": "LOCAL", "clusterName": "c1",
        "deletedTime": apps[0]["deletedTime"],
    });
    let refused = root.post(RESTORATIONS, repetition).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("not_deleted")));
    other.put(&path, super::world::item("k", "v")).await.fails(403, "Access is denied");
}
