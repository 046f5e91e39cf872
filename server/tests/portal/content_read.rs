//! X71: whatever returns the contents of a namespace or of a release has a limited number of turns
//! for each caller, and is read for those only who may see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use castalia_server::http::operation::Signature;
use futures_util::future::{join, join_all};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::environment::{self, admin_router, far, listen};
use super::world::{World, app, item};

/// Bodies that contain items or configurations, and files.
const CONTENTS: [&str; 5] = [
    "OpenItemDTO",
    "OpenReleaseDTO",
    "OpenReleaseDiffDTO",
    "OpenReleaseHistoryDTO",
    "OpenCommitDTO",
];
const FILE: &str = "application/octet-stream";

/// Those that take no turn: exports have turns of their own, others return one item or none, or
/// releases without their values.
const WITHOUT_TURN: [&str; 8] = [
    "exportAllConfigs",
    "exportAppConfig",
    "getByNamespace",
    "getByRelease",
    "getByReleasesAndNamespaceNotIn",
    "getItem",
    "getItemByEncodedKey",
    "getPublicAppNamespaceInstances",
];

fn returns_contents(signature: &Signature) -> bool {
    let is_file = signature.response.as_ref().is_some_and(|media| media.kind == FILE);
    is_file || signature.schemas.iter().any(|(name, _)| CONTENTS.contains(&name.as_str()))
}

#[tokio::test]
async fn every_operation_that_returns_contents_takes_a_turn() {
    let world = World::with_demo().await;
    let (mut with, mut without) = (0, Vec::new());
    for route in world.routes.iter().filter(|route| route.method == Method::GET) {
        let Some(operation) = &route.operation else { continue };
        let signature = (operation.signature)();
        match (returns_contents(&signature), signature.reads_contents) {
            (true, true) => with += 1,
            (true, false) => without.push(operation.about.id),
            (false, _) => {}
        }
    }
    without.sort_unstable();
    assert_eq!(without, WITHOUT_TURN);
    assert!(with > 8, "{with}");
}

/// An admin service whose reads of items and of releases wait for a gate, and the number of those of
/// items that arrived.
async fn gated(gate: watch::Receiver<bool>, arrived: Arc<AtomicUsize>) -> Router {
    let wait = move |request: Request, next: Next| {
        let (mut gate, arrived) = (gate.clone(), Arc::clone(&arrived));
        async move {
            let path = request.uri().path();
            let is_items = path.contains("/items");
            if request.method() == Method::GET && (is_items || path.contains("/releases/")) {
                arrived.fetch_add(usize::from(is_items), Ordering::SeqCst);
                gate.wait_for(|is_open| *is_open).await.unwrap();
            }
            next.run(request).await
        }
    };
    admin_router().await.0.layer(from_fn(wait))
}

#[tokio::test]
async fn one_namespace_or_release_takes_a_turn_and_is_read_for_whom_may_see_it() {
    let (open, gate) = watch::channel(true);
    let arrived = Arc::new(AtomicUsize::new(0));
    let service = listen(gated(gate, Arc::clone(&arrived)).await).await;
    let mut world = environment::world(&[service]).await;
    world.set("api.readTimeout", "120000");
    world.set("configView.memberOnly.envs", "far");
    world.user("apollo").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let (user, outsider) = (world.user("u1").await, world.user("u2").await);
    let namespace = far();
    user.post(&format!("{namespace}/items"), item("k", "1")).await.ok();
    let title = json!({ "releaseTitle": "r" });
    let release = user.post(&format!("{namespace}/releases"), title).await.ok()["id"].clone();
    let branch = user.post(&format!("{namespace}/branches"), Value::Null).await.ok();
    let branch = branch["clusterName"].as_str().unwrap();
    let by_id = [
        format!("/openapi/v1/envs/FAR/releases/{release}"),
        format!(
            "/openapi/v1/envs/FAR/releases/comparison?baseReleaseId=0&toCompareReleaseId={release}"
        ),
    ];
    let mut paths = vec![
        namespace.clone(),
        format!("{namespace}/releases/latest"),
        format!("{namespace}/branches"),
        format!("{namespace}/branches/{branch}/items"),
    ];
    paths.extend(by_id.iter().cloned());
    open.send_replace(false);
    for path in &by_id {
        outsider.get(path).await.fails(403, "Access is denied");
    }
    let items = format!("{namespace}/items");
    let before = arrived.load(Ordering::SeqCst);
    let both = async {
        while arrived.load(Ordering::SeqCst) < before + 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        answers = join(user.get(&items), user.get(&items)) => panic!("{answers:?}"),
        () = both => {}
    }
    for refused in join_all(paths.iter().map(|path| user.get(path))).await {
        refused.fails(503, "Too many concurrent reads");
    }
    open.send_replace(true);
    for path in &paths {
        user.get(path).await.ok();
    }
}
