//! What is restored in an unusual order, and of several objects that had one name: each comes back with
//! what was its own.

use castalia_server::domain::permission::{Act, NamedRole, assignment};
use serde_json::{Value, json};

use super::restoration::{
    CLUSTERS, DEFINITIONS, RESTORATIONS, content, create_cluster, define, deleted, deletion,
    publish, set,
};
use super::world::{NS, World, app, item};

/// Whoever creates an app of the same name is not its owner, and neither sees nor receives what was
/// deleted of the earlier one.
#[tokio::test]
async fn what_was_deleted_of_an_earlier_app_stays_hidden() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    define(&user, "demo", "gone", false).await;
    set(&user, NS, "password", "secret").await;
    publish(&user, NS).await;
    user.delete(&deletion("default", "application")).await.empty();
    user.delete(&format!("{DEFINITIONS}/gone")).await.empty();
    let before = deleted(&user).await;
    assert_eq!(before.len(), 2, "{before:?}");
    root.delete("/openapi/v1/apps/demo").await.empty();
    let apps = root.get("/openapi/v1/deleted-apps").await.ok();
    // MySQL stores the time of a creation in whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let other = world.user("u2").await;
    other.post("/openapi/v1/apps", app("demo", "u2")).await.empty();
    assert_eq!(deleted(&other).await, Vec::<Value>::new());
    other.delete(&deletion("default", "application")).await.empty();
    for one in &before {
        let refused = other.post(RESTORATIONS, one.clone()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("not_deleted")));
    }
    // With the earlier app, it can be restored again.
    root.delete("/openapi/v1/apps/demo").await.empty();
    let restoration = json!({ "kind": "app", "deletedTime": apps[0]["deletedTime"] });
    root.post(RESTORATIONS, restoration).await.empty();
    assert_eq!(deleted(&user).await, before);
    for one in before {
        user.post(RESTORATIONS, one).await.empty();
    }
    assert_eq!(content(&user, NS).await[1], json!({ "password": "secret" }));
}

/// Of two clusters that had one name, each comes back with its own grants.
#[tokio::test]
async fn a_cluster_comes_back_with_its_own_grants() {
    let world = World::with_demo().await;
    let (root, other) = (world.user("apollo").await, world.user("u2").await);
    let ns = NS.replace("default", "c1");
    let path = format!("{ns}/items/k?createIfNotExists=true");
    create_cluster(&root, "c1").await;
    let role = NamedRole::cluster(Act::Modify, "demo", "LOCAL", "c1");
    assignment::assign(&world.store, role, "u2", "u1").await.unwrap();
    root.delete(&format!("{CLUSTERS}/c1")).await.empty();
    create_cluster(&root, "c1").await;
    root.delete(&format!("{CLUSTERS}/c1")).await.empty();
    let listed = deleted(&root).await;
    root.post(RESTORATIONS, listed[0].clone()).await.empty();
    other.put(&path, item("k", "v")).await.fails(403, "Access is denied");
    root.delete(&format!("{CLUSTERS}/c1")).await.empty();
    root.post(RESTORATIONS, listed[1].clone()).await.empty();
    set(&other, &ns, "k", "v").await;
}

/// A definition that was deleted after a cluster is restored after it: its namespace in the cluster
/// comes back with the definition, and its gray release leaves nothing behind.
#[tokio::test]
async fn a_definition_comes_back_in_a_cluster_that_came_back_before_it() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    define(&user, "demo", "x", false).await;
    create_cluster(&root, "c1").await;
    let ns = NS.replace("default", "c1").replace("application", "x");
    set(&user, &ns, "k", "v").await;
    publish(&user, &ns).await;
    user.post(&format!("{ns}/branches"), Value::Null).await.ok();
    let before = content(&user, &ns).await;
    root.delete(&format!("{CLUSTERS}/c1")).await.empty();
    user.delete(&format!("{DEFINITIONS}/x")).await.empty();
    let is =
        |list: Vec<Value>, kind: &str| list.into_iter().find(|one| one["kind"] == kind).unwrap();
    root.post(RESTORATIONS, is(deleted(&root).await, "cluster")).await.empty();
    assert_eq!(deleted(&root).await.len(), 1);
    user.post(RESTORATIONS, is(deleted(&root).await, "appNamespace")).await.empty();
    let after = content(&user, &ns).await;
    assert_eq!([&after[0], &after[1]], [&before[0], &before[1]]);
    assert!(deleted(&root).await.is_empty());
    let branch = user.post(&format!("{ns}/branches"), Value::Null).await.ok();
    let branch = branch["clusterName"].as_str().unwrap().to_owned();
    let found = user.get(&format!("{ns}/branches")).await.ok();
    assert_eq!(found["clusterName"], branch.as_str());
}

/// Without the definition in the portal, another app could declare its public name.
#[tokio::test]
async fn a_definition_is_not_restored_in_an_environment_alone() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    define(&user, "demo", "shared", true).await;
    user.delete(&format!("{DEFINITIONS}/shared")).await.empty();
    let mut one = deleted(&user).await[0].clone();
    one["env"] = json!("LOCAL");
    user.post(RESTORATIONS, one).await.fails(400, "appNamespace not exist");
    // Roles that somebody created meanwhile do not keep the grants away.
    let init = "/openapi/v1/apps/demo/namespaces/shared/permission-init";
    user.post(init, Value::Null).await;
    user.post(RESTORATIONS, deleted(&user).await[0].clone()).await.empty();
    set(&user, &NS.replace("application", "shared"), "k", "v").await;
}
