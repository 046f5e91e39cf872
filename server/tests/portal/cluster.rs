//! Clusters, and the roles that are created and deleted with them.

use castalia_server::domain::cluster;
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::entity::{Standard as _, role, user_role};
use serde_json::json;

use super::world::{NS, World, item};

const CLUSTERS: &str = "/openapi/v1/envs/local/apps/demo/clusters";
const C1: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters/c1";

#[tokio::test]
async fn a_cluster_is_made_once_with_its_namespaces_and_roles() {
    // A26, A27
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let body = json!({ "name": "c1", "appId": "demo", "comment": "first" });
    let made = user.post(CLUSTERS, body.clone()).await.ok();
    assert_eq!(
        (&made["name"], &made["comment"], &made["dataChangeCreatedBy"]),
        (&json!("c1"), &json!("first"), &json!("u1"))
    );
    user.post(CLUSTERS, body).await.fails(400, "cluster already exists for clusterName:c1");
    user.post(CLUSTERS, json!({ "name": "c2", "appId": "other" }))
        .await
        .fails(400, "The App Id of path variable");
    user.post(CLUSTERS, json!({ "name": "a b", "appId": "demo" }))
        .await
        .fails(400, "Invalid Cluster format");
    user.post(CLUSTERS, json!({ "appId": "demo" }))
        .await
        .fails(400, "Params(name) can not be empty");

    assert_eq!(user.get(C1).await.ok()["dataChangeCreatedByDisplayName"], "Name of u1");
    user.get(&C1.replace("c1", "ghost")).await.fails(404, "");
    let namespaces = user.get(&format!("{C1}/namespaces")).await.ok();
    assert_eq!(namespaces[0]["namespaceName"], "application");
    let roles = role::Entity::live().all(world.store.read()).await.unwrap();
    let of_cluster = roles
        .iter()
        .filter(|role| role.role_name.ends_with("NamespacesInCluster+demo+LOCAL+c1"))
        .count();
    assert_eq!(of_cluster, 2);
    world
        .user("u2")
        .await
        .post(CLUSTERS, json!({ "name": "c3", "appId": "demo" }))
        .await
        .fails(403, "Access is denied");
}

#[tokio::test]
async fn only_root_and_consumers_of_the_app_delete_clusters() {
    // A28
    let world = World::with_demo().await;
    let token = world.token("ci", &["demo"]).await;
    for (name, deleter) in [("c1", world.user("apollo").await), ("c2", world.consumer(&token))] {
        world.user("u1").await.post(CLUSTERS, json!({ "name": name, "appId": "demo" })).await.ok();
        let path = format!("{CLUSTERS}/{name}?operator=u1");
        world.user("u1").await.delete(&path).await.fails(403, "Access is denied");
        deleter.delete(&path).await.empty();
        deleter.get(&path).await.fails(404, "");
    }
    world
        .user("apollo")
        .await
        .delete(&format!("{CLUSTERS}/default"))
        .await
        .fails(400, "can not delete default cluster!");
}

#[tokio::test]
async fn a_right_on_a_cluster_ends_with_it() {
    let world = World::with_demo().await;
    world.user("u1").await.post(CLUSTERS, json!({ "name": "c1", "appId": "demo" })).await.ok();
    world.grant("u2", vec![NamedRole::cluster(Action::Modify, "demo", "LOCAL", "c1")]).await;
    let in_c1 = NS.replace("/default/", "/c1/");
    let user = world.user("u2").await;
    user.post(&format!("{in_c1}/items"), item("k", "v")).await.ok();
    user.post(&format!("{NS}/items"), item("k", "v")).await.fails(403, "Access is denied");
    world.user("apollo").await.delete(C1).await.empty();
    let left = user_role::Entity::live().all(world.store.read()).await.unwrap();
    assert!(left.iter().all(|row| row.user_id.as_deref() != Some("u2")), "{left:?}");
    world.user("u1").await.post(CLUSTERS, json!({ "name": "c1", "appId": "demo" })).await.ok();
    user.post(&format!("{in_c1}/items"), item("k", "v")).await.fails(403, "Access is denied");
}

/// A deletion that failed after its first half is repeated, or followed by a cluster of the same
/// name.
#[tokio::test]
async fn a_right_on_a_cluster_ends_although_its_deletion_failed_half_way() {
    let world = World::with_demo().await;
    let (owner, root) = (world.user("u1").await, world.user("apollo").await);
    let in_c1 = NS.replace("/default/", "/c1/");
    let user = world.user("u2").await;
    for is_repeated in [true, false] {
        owner.post(CLUSTERS, json!({ "name": "c1", "appId": "demo" })).await.ok();
        user.post(&format!("{in_c1}/items"), item("k", "v")).await.fails(403, "Access is denied");
        world.grant("u2", vec![NamedRole::cluster(Action::Modify, "demo", "LOCAL", "c1")]).await;
        user.post(&format!("{in_c1}/items"), item("k", "v")).await.ok();
        // The half of the environment.
        cluster::delete(&world.environment_store, "demo", "c1", "apollo").await.unwrap();
        if is_repeated {
            assert_eq!(root.delete(C1).await.status, 404);
        }
    }
    owner.post(CLUSTERS, json!({ "name": "c1", "appId": "demo" })).await.ok();
    user.post(&format!("{in_c1}/items"), item("k", "v")).await.fails(403, "Access is denied");
}
