//! What is restored in an unusual order, and of several objects that had one name: each comes back
//! with what was its own.

use castalia_server::domain::permission::{Action, NamedRole, assignment};
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
    let role = NamedRole::cluster(Action::Modify, "demo", "LOCAL", "c1");
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

/// A namespace that nobody used gives way to an earlier one of its name; one that somebody edited
/// does not, even if it is empty again.
#[tokio::test]
async fn an_unused_namespace_gives_way_to_an_earlier_one() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "k", "v").await;
    publish(&user, NS).await;
    let before = content(&user, NS).await;
    let create = json!([{
        "appId": "demo", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "application",
    }]);
    let again = async || {
        user.delete(&deletion("default", "application")).await.empty();
        user.post("/openapi/v1/namespaces", create.clone()).await.empty();
        deleted(&user).await[0].clone()
    };
    let earlier = again().await;
    user.post(RESTORATIONS, earlier).await.empty();
    assert_eq!(content(&user, NS).await, before);
    assert!(deleted(&user).await.is_empty());
    let refused = async |earlier: Value| {
        let refused = user.post(RESTORATIONS, earlier).await;
        refused.fails(400, "namespace already exists for namespaceName:application");
        assert_eq!(refused.json()["code"], "namespace_exists");
    };
    let earlier = again().await;
    set(&user, NS, "k", "other").await;
    user.delete(&format!("{NS}/items/k")).await.empty();
    refused(earlier.clone()).await;
    user.delete(&deletion("default", "application")).await.empty();
    user.post("/openapi/v1/namespaces", create.clone()).await.empty();
    user.post(&format!("{NS}/branches"), Value::Null).await.ok();
    refused(earlier.clone()).await;
    user.delete(&deletion("default", "application")).await.empty();
    user.post(RESTORATIONS, earlier).await.empty();
    assert_eq!(content(&user, NS).await, before);
}

/// Clusters that were deleted after a definition get its namespaces back with their own
/// restoration, and a new cluster of the name gets an empty one.
#[tokio::test]
async fn a_namespace_follows_its_own_cluster() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    define(&user, "demo", "x", false).await;
    let ns = NS.replace("application", "x");
    let clusters = ["c1", "c2", "c3"];
    let mut before = Vec::new();
    for cluster in clusters {
        create_cluster(&root, cluster).await;
        let ns = ns.replace("default", cluster);
        set(&user, &ns, "k", cluster).await;
        publish(&user, &ns).await;
        before.push(content(&user, &ns).await);
    }
    user.delete(&format!("{DEFINITIONS}/x")).await.empty();
    for cluster in clusters {
        root.delete(&format!("{CLUSTERS}/{cluster}")).await.empty();
    }
    create_cluster(&root, "c3").await;
    let listed = deleted(&root).await;
    let find = |kind: &str, cluster: &str| {
        let is = |one: &&Value| one["kind"] == kind && one["clusterName"].as_str() == Some(cluster);
        listed.iter().find(is).unwrap().clone()
    };
    let definition = listed.iter().find(|one| one["kind"] == "appNamespace").unwrap().clone();
    user.post(RESTORATIONS, definition).await.empty();
    let in_c3 = ns.replace("default", "c3");
    assert_eq!(content(&user, &in_c3).await, json!([[], null, 0]));
    root.delete(&format!("{CLUSTERS}/c3")).await.empty();
    for (cluster, before) in clusters.iter().zip(before) {
        root.post(RESTORATIONS, find("cluster", cluster)).await.empty();
        assert_eq!(content(&user, &ns.replace("default", cluster)).await, before);
    }
    assert_eq!(deleted(&root).await.len(), 1, "the new cluster");
}
