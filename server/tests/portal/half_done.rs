//! X166: what a portal that ended between its database and the environments left half done: a
//! deletion is undone in the environments, and a restoration is completed by its repetition.

use std::time::{Duration, Instant};

use castalia_server::domain::permission::{Action, NamedRole, assignment};
use castalia_server::domain::portal_restoration;
use castalia_server::environment::Address;
use castalia_store::pending_change;
use chrono::DateTime;
use serde_json::{Value, json};

use super::environment::{admin_router, far, listen, world as world_with_far};
use super::fan_out::SOON;
use super::restoration::{
    DEFINITIONS, RESTORATIONS, content, create_cluster, define, deleted, publish, set,
};
use super::trigger::Trigger;
use super::world::{NS, World, app};

const APP: &str = "/openapi/v1/apps/demo";

async fn owed(world: &World) -> usize {
    pending_change::of_environment(&world.store, "LOCAL", 10).await.unwrap().readable.len()
}

/// A demo app with the definition `extra`, which has content in two clusters.
async fn world_with_extra() -> (World, [String; 2]) {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    create_cluster(&root, "c1").await;
    define(&root, "demo", "extra", false).await;
    let default = NS.replace("application", "extra");
    let places = [default.replace("default", "c1"), default];
    for path in &places {
        set(&root, path, "k", "v").await;
        publish(&root, path).await;
    }
    (world, places)
}

/// The environment has made the deletion; nothing after that is stored, as after a kill.
#[tokio::test]
async fn a_deletion_in_an_environment_alone_is_undone() {
    for (path, table) in [(format!("{DEFINITIONS}/extra"), "AppNamespace"), (APP.to_owned(), "App")]
    {
        let (world, places) = world_with_extra().await;
        let root = world.user("apollo").await;
        let before = [content(&root, &places[0]).await, content(&root, &places[1]).await];
        let triggers = [(table, "BEFORE UPDATE"), ("CastaliaPendingChange", "BEFORE DELETE")]
            .map(|(table, when)| Trigger { name: table, table, when, row: None, statement: None });
        for one in &triggers {
            one.create(&world.store).await;
        }
        root.delete(&path).await.fails(503, "deleted in the environments, but not in the portal");
        for one in &triggers {
            one.drop(&world.store).await;
        }
        // Nobody edits there what comes back.
        root.get(&places[0]).await.fails(503, "LOCAL still has to delete an earlier");
        assert_eq!(owed(&world).await, 1);

        let _background = world.run();
        let begun = Instant::now();
        while owed(&world).await > 0 {
            assert!(begun.elapsed() < SOON, "{path}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let after = [content(&root, &places[0]).await, content(&root, &places[1]).await];
        assert_eq!(after, before, "{path}");
        root.delete(&path).await.empty();
        assert_eq!(owed(&world).await, 0, "{path}");
        root.get(&places[0]).await.fails(404, "");
    }
}

/// While it lasts, other nodes do not undo it; afterwards nothing is left to be sent.
#[tokio::test]
async fn a_deletion_that_is_completed_leaves_nothing_to_be_sent() {
    let (world, _) = world_with_extra().await;
    let root = world.user("apollo").await;
    for path in [format!("{DEFINITIONS}/extra"), APP.to_owned()] {
        root.delete(&path).await.empty();
        assert_eq!(owed(&world).await, 0, "{path}");
    }
}

fn time_of(one: &Value) -> i64 {
    let time = one["deletedTime"].as_str().unwrap();
    DateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S%.f%z").unwrap().timestamp_millis()
}

#[tokio::test]
async fn a_restoration_in_the_portal_alone_is_completed_by_its_repetition() {
    let (world, places) = world_with_extra().await;
    let root = world.user("apollo").await;
    let before = content(&root, &places[0]).await;
    // So that its creation is before its deletion also where times of creation are whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    root.delete(&format!("{DEFINITIONS}/extra")).await.empty();
    let one = deleted(&root).await.remove(0);
    let name = ("demo", "extra");
    portal_restoration::restore_definition(&world.store, name, time_of(&one), "u1").await.unwrap();
    root.post(RESTORATIONS, one.clone()).await.empty();
    assert_eq!(content(&root, &places[0]).await, before);
    root.post(RESTORATIONS, one).await.fails(400, "no appNamespace with this name was deleted");

    root.delete(APP).await.empty();
    let one = root.get("/openapi/v1/deleted-apps").await.ok()[0].clone();
    let body = json!({ "kind": "app", "deletedTime": one["deletedTime"] });
    portal_restoration::restore_app(&world.store, "demo", time_of(&one), "u1").await.unwrap();
    root.post(RESTORATIONS, body.clone()).await.empty();
    assert_eq!(content(&root, &places[0]).await, before);
    root.post(RESTORATIONS, body).await.fails(400, "app already exists");
}

#[tokio::test]
async fn a_repetition_restores_nothing_of_an_earlier_app_or_definition() {
    let (world, _) = world_with_extra().await;
    let root = world.user("apollo").await;
    let environment = world.environments.find("LOCAL").unwrap();
    let in_environment = async |path: &[&str]| {
        let address = Address::new(path.iter().copied());
        environment.delete(address.with(&[("operator", "u1")])).await.unwrap();
    };
    root.delete(&format!("{DEFINITIONS}/extra")).await.empty();
    let one = deleted(&root).await.remove(0);
    define(&root, "demo", "extra", false).await;
    in_environment(&["apps", "demo", "appnamespaces", "extra"]).await;
    root.post(RESTORATIONS, one).await.fails(400, "");

    root.delete(APP).await.empty();
    let one = root.get("/openapi/v1/deleted-apps").await.ok()[0].clone();
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    in_environment(&["apps", "demo"]).await;
    let body = json!({ "kind": "app", "deletedTime": one["deletedTime"] });
    root.post(RESTORATIONS, body).await.fails(400, "app already exists");
    root.get(NS).await.fails(404, "");
}

/// The portal learns from the code in its answer that another environment has restored it.
#[tokio::test]
async fn grants_on_a_cluster_of_another_environment_come_back_with_a_repetition() {
    let (router, _) = admin_router().await;
    let world = world_with_far(&[listen(router).await]).await;
    let (root, other) = (world.user("apollo").await, world.user("u2").await);
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let clusters = "/openapi/v1/envs/FAR/apps/demo/clusters";
    root.post(clusters, json!({ "name": "c1", "appId": "demo" })).await.ok();
    let role = NamedRole::cluster(Action::Modify, "demo", "FAR", "c1");
    assignment::assign(&world.store, role, "u2", "u1").await.unwrap();
    root.delete(&format!("{clusters}/c1")).await.empty();
    let one = deleted(&root).await.remove(0);
    let environment = world.environments.find("FAR").unwrap();
    let list = Address::new(["apps", "demo", "deleted"]);
    let mut body = environment.get::<Value>(list).await.unwrap()[0].clone();
    body["deletedBy"] = Value::Null;
    let restorations = Address::new(["apps", "demo", "restorations"]);
    environment.post(restorations.with(&[("operator", "u1")]), &body).await.unwrap();
    root.post(RESTORATIONS, one.clone()).await.empty();
    set(&other, &far().replace("default", "c1"), "k", "v").await;
    let refused = root.post(RESTORATIONS, one).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("not_deleted")));
}
