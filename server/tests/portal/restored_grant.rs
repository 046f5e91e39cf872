//! Grants on a cluster that is restored: exactly those that ended with it, whatever ended under the
//! same names before or after.

use castalia_server::domain::permission::requirement::Resource;
use castalia_server::domain::permission::{Action, NamedRole, assignment, grant};
use castalia_server::environment::{Address, Environment};
use castalia_store::user::role;
use serde_json::json;

use super::restoration::{RESTORATIONS, create_cluster, deleted};
use super::world::{World, app};

const C1: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters/c1";
const MODIFY: &str = "ModifyNamespacesInCluster+demo+LOCAL+c1";

fn role_to(act: Action) -> NamedRole {
    NamedRole::cluster(act, "demo", "LOCAL", "c1")
}

/// Grants `u2` a role on the cluster.
async fn permit(world: &World, act: Action) {
    assignment::assign(&world.store, role_to(act), "u2", "u1").await.unwrap();
}

/// Names of the roles of `u2`.
async fn held(world: &World) -> Vec<String> {
    let roles = role::roles_of_user(world.store.read(), "u2").await.unwrap();
    roles.into_iter().map(|role| role.role_name).collect()
}

/// Somebody who does not know the portal creates the cluster and deletes it.
async fn come_and_go(environment: &Environment) {
    let cluster = json!({
        "appId": "demo", "name": "c1", "dataChangeCreatedBy": "u1", "dataChangeLastModifiedBy": "u1",
    });
    environment.post(Address::new(["apps", "demo", "clusters"]), &cluster).await.unwrap();
    let address = Address::new(["apps", "demo", "clusters", "c1"]);
    environment.delete(address.with(&[("operator", "u1")])).await.unwrap();
}

/// Clusters of one name are deleted within a second: the portal made only the second one, and ended
/// its grants.
#[tokio::test]
async fn a_cluster_comes_back_without_grants_that_ended_with_another_one() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let environment = world.environments.find("LOCAL").unwrap();
    come_and_go(&environment).await;
    create_cluster(&root, "c1").await;
    permit(&world, Action::Modify).await;
    root.delete(C1).await.empty();
    come_and_go(&environment).await;
    let listed = deleted(&root).await;
    assert_eq!(listed.len(), 3, "{listed:?}");
    for without in [&listed[0], &listed[2]] {
        root.post(RESTORATIONS, without.clone()).await.empty();
        assert_eq!(held(&world).await, [""; 0], "{without}");
        root.delete(C1).await.empty();
    }
    root.post(RESTORATIONS, listed[1].clone()).await.empty();
    assert_eq!(held(&world).await, [MODIFY]);
}

#[tokio::test]
async fn a_cluster_comes_back_without_grants_that_ended_with_an_earlier_app() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let environment = world.environments.find("LOCAL").unwrap();
    create_cluster(&root, "c1").await;
    permit(&world, Action::Modify).await;
    root.delete("/openapi/v1/apps/demo").await.empty();
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    come_and_go(&environment).await;
    let listed = deleted(&root).await;
    let cluster = listed.iter().find(|one| one["kind"] == "cluster").unwrap();
    root.post(RESTORATIONS, cluster.clone()).await.empty();
    assert_eq!(held(&world).await, [""; 0]);
}

#[tokio::test]
async fn a_cluster_comes_back_without_a_grant_that_ended_before_it() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    create_cluster(&root, "c1").await;
    permit(&world, Action::Modify).await;
    permit(&world, Action::Release).await;
    assignment::revoke(&world.store, role_to(Action::Release), "u2", "u1").await.unwrap();
    root.delete(C1).await.empty();
    let listed = deleted(&root).await;
    root.post(RESTORATIONS, listed[0].clone()).await.empty();
    assert_eq!(held(&world).await, [MODIFY]);
}

/// Two callers may restore a cluster at once, and both find the roles deleted.
#[tokio::test]
async fn a_second_restoration_of_roles_leaves_the_grants() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    create_cluster(&root, "c1").await;
    permit(&world, Action::Modify).await;
    root.delete(C1).await.empty();
    let place = Resource {
        app_id: "demo".to_owned(),
        env: "LOCAL".to_owned(),
        cluster: "c1".to_owned(),
        ..Resource::default()
    };
    let times = grant::deletions_of_cluster_roles(&world.store, &place, 0..=i64::MAX).await;
    let at = times.unwrap()[0];
    for is_first in [true, false] {
        let restored = grant::restore_cluster_roles(&world.store, &place, at, "apollo").await;
        assert_eq!(restored.unwrap(), is_first);
        assert_eq!(held(&world).await, [MODIFY]);
    }
}
