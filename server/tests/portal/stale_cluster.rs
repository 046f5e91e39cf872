//! Roles of a cluster whose deletion or creation ends late: what was granted for the present cluster
//! remains, and what is left of an earlier one ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use castalia_server::domain::cluster;
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::Store;
use castalia_store::user::role;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::environment::{admin_router, listen, world};
use super::world::{Answer, World, app};

const CLUSTERS: &str = "/openapi/v1/envs/FAR/apps/demo/clusters";
const C1: &str = "/openapi/v1/envs/FAR/apps/demo/clusters/c1";
/// The role that is granted for the present cluster.
const MODIFY: &str = "ModifyNamespacesInCluster+demo+FAR+c1";
/// Longer than a busy machine needs for anything here.
const SOON: Duration = Duration::from_secs(60);

/// Holds back an answer of the environment: it has done what the portal does not know yet.
#[derive(Debug)]
struct Gate {
    method: Method,
    is_armed: AtomicBool,
    reached: Semaphore,
    opened: Semaphore,
}

impl Gate {
    /// Sends a request, and does something else before its answer arrives.
    async fn hold(
        &self,
        request: impl Future<Output = Answer>,
        meanwhile: impl Future<Output = ()>,
    ) -> Answer {
        self.is_armed.store(true, Ordering::SeqCst);
        let meanwhile = async {
            let reached = timeout(SOON, self.reached.acquire()).await;
            reached.expect("the environment is asked").unwrap().forget();
            meanwhile.await;
            self.opened.add_permits(1);
        };
        tokio::join!(request, meanwhile).0
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let is_held = *request.method() == gate.method && request.uri().path().contains("/clusters");
    let answer = next.run(request).await;
    if is_held && gate.is_armed.swap(false, Ordering::SeqCst) {
        gate.reached.add_permits(1);
        gate.opened.acquire().await.unwrap().forget();
    }
    answer
}

/// A portal with the app `demo`, and its environment behind a gate for requests of this method.
async fn gated(method: Method) -> (World, Store, Arc<Gate>) {
    let (reached, opened) = (Semaphore::new(0), Semaphore::new(0));
    let gate = Arc::new(Gate { method, is_armed: AtomicBool::new(false), reached, opened });
    let (router, far) = admin_router().await;
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&gate), pass))).await;
    let world = world(&[service]).await;
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    (world, far, gate)
}

fn c1() -> Value {
    json!({ "name": "c1", "appId": "demo" })
}

async fn grant(world: &World, act: Action) {
    world.grant("u2", vec![NamedRole::cluster(act, "demo", "FAR", "c1")]).await;
}

/// Names of the roles of `u2`.
async fn held(world: &World) -> Vec<String> {
    let roles = role::roles_of_user(world.store.read(), "u2").await.unwrap();
    roles.into_iter().map(|role| role.role_name).collect()
}

/// The late deletion finds that another one has deleted the cluster, or has deleted it itself.
#[tokio::test]
async fn a_late_deletion_of_a_cluster_leaves_the_roles_of_the_next_one() {
    let (world, _far, gate) = gated(Method::DELETE).await;
    let (owner, root) = (world.user("u1").await, world.user("apollo").await);
    for (is_gone, status) in [(false, 200), (true, 404)] {
        owner.post(CLUSTERS, c1()).await.ok();
        grant(&world, Action::Release).await;
        if is_gone {
            root.delete(C1).await.empty();
        }
        let create = async {
            owner.post(CLUSTERS, c1()).await.ok();
            grant(&world, Action::Modify).await;
        };
        let late = gate.hold(root.delete(C1), create).await;
        assert_eq!(late.status, status, "{late:?}");
        assert_eq!(held(&world).await, [MODIFY], "{is_gone}");
        root.delete(C1).await.empty();
        assert_eq!(held(&world).await, [""; 0], "{is_gone}");
    }
}

#[tokio::test]
async fn a_late_creation_of_a_cluster_leaves_the_roles_that_were_granted_meanwhile() {
    let (world, far, gate) = gated(Method::POST).await;
    let owner = world.user("u1").await;
    owner.post(CLUSTERS, c1()).await.ok();
    grant(&world, Action::Release).await;
    // By somebody who does not know the portal.
    cluster::delete(&far, "demo", "c1", "apollo").await.unwrap();
    let late = gate.hold(owner.post(CLUSTERS, c1()), grant(&world, Action::Modify)).await;
    late.ok();
    assert_eq!(held(&world).await, [MODIFY]);
    // It exists, and so do its roles.
    owner.post(CLUSTERS, c1()).await.fails(400, "cluster already exists for clusterName:c1");
    assert_eq!(held(&world).await, [MODIFY]);
}
