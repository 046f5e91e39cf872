//! X71: whatever returns the contents of a namespace or of a release has a limited number of turns
//! for each caller, and is read for those only who may see it. X76: so has what a change reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_server::http::operation::Signature;
use futures_util::future::{join, join_all};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::environment::{self, admin_router, far, listen};
use super::world::{Answer, World, app, item};

/// Bodies that contain items or configurations, and files.
const CONTENTS: [&str; 5] = [
    "OpenItemDTO",
    "OpenReleaseDTO",
    "OpenReleaseDiffDTO",
    "OpenReleaseHistoryDTO",
    "OpenCommitDTO",
];
const FILE: &str = "application/octet-stream";
/// How long a read takes: those that are sent at once arrive within this time.
const READ: Duration = Duration::from_millis(20);

/// Those that take no turn: exports have turns of their own, others return releases without their
/// values, or no items.
const WITHOUT_TURN: [&str; 5] = [
    "exportAllConfigs",
    "exportAppConfig",
    "getByNamespace",
    "getByReleasesAndNamespaceNotIn",
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
        // With the revision of all items.
        format!("{namespace}/items/k"),
        format!("{namespace}/encodedItems/aw"),
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

/// Whether a request reads the values of a namespace.
fn reads_values(request: &Request) -> bool {
    let path = request.uri().path();
    // The answer with one item contains the revision of all.
    let reads_items = path.ends_with("/items") || path.contains("/encodedItems/");
    request.method() == Method::GET && (reads_items || path.ends_with("/releases/latest"))
}

/// An admin service that notes how many reads of values it had at once.
async fn counting(most: Arc<AtomicUsize>) -> Router {
    let running = Arc::new(AtomicUsize::new(0));
    let count = move |request: Request, next: Next| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            if !reads_values(&request) {
                return next.run(request).await;
            }
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(READ).await;
            let response = next.run(request).await;
            running.fetch_sub(1, Ordering::SeqCst);
            response
        }
    };
    admin_router().await.0.layer(from_fn(count))
}

/// Sends a request several times at once, and returns the statuses, which are the same.
async fn together(request: impl AsyncFn() -> Answer) -> u16 {
    let answers = join_all((0..6).map(|_| request())).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.dedup();
    assert_eq!(statuses.len(), 1, "{statuses:?}");
    statuses[0]
}

#[tokio::test]
async fn what_changes_and_checks_read_takes_a_turn() {
    let most = Arc::new(AtomicUsize::new(0));
    let service = listen(counting(Arc::clone(&most)).await).await;
    let world = environment::world(&[service]).await;
    world.user("apollo").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let user = world.user("u1").await;
    let at = |rest: &str| format!("{}{rest}", far());
    user.post(&at("/items"), item("k", "1")).await.ok();
    let title = json!({ "releaseTitle": "r" });
    user.post(&at("/releases"), title.clone()).await.ok();
    let branch = user.post(&at("/branches"), Value::Null).await.ok();
    let branch = format!("/branches/{}", branch["clusterName"].as_str().unwrap());
    let few = |what: &str| {
        let most = most.swap(0, Ordering::SeqCst);
        assert!((1..=2).contains(&most), "{what}: {most} at once");
    };

    assert_eq!(together(async || user.put(&at("/items/k"), item("k", "2")).await).await, 200);
    few("an item");
    let text = json!({ "format": "properties", "configText": "k = 2" });
    assert_eq!(together(async || user.put(&at("/items"), text.clone()).await).await, 200);
    few("a text");
    let change = json!({ "update": [item("k", "3")], "dryRun": true });
    assert_eq!(together(async || user.post(&at("/changes"), change.clone()).await).await, 200);
    few("a trial");
    let stale = world.user("u1").await.with("castalia-revision", "0");
    let change = json!({ "update": [item("k", "3")] });
    assert_eq!(together(async || stale.post(&at("/changes"), change.clone()).await).await, 409);
    few("a conflict");
    assert_eq!(
        together(async || user.post(&at("/items/revocation"), Value::Null).await).await,
        200
    );
    few("a revocation");
    let schema = json!({ "schema": { "type": "object" } });
    user.put(&at("/schema"), schema).await.empty();
    assert_eq!(together(async || user.get(&at("/schema/violations")).await).await, 200);
    few("violations");
    assert_eq!(together(async || user.post(&at("/releases"), title.clone()).await).await, 200);
    few("a publish");
    // One may find the release of another one beside items that are not in it yet.
    let merge = at(&format!("{branch}/merge?deleteBranch=false"));
    join_all((0..6).map(|_| user.post(&merge, title.clone()))).await;
    few("a merge");
}

/// It needs to know whether there is a release.
#[tokio::test]
async fn the_end_of_a_branch_reads_no_values() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requests);
    let note = move |request: Request, next: Next| {
        noted.lock().unwrap().push(request.uri().to_string());
        async move { next.run(request).await }
    };
    let service = listen(admin_router().await.0.layer(from_fn(note))).await;
    let world = environment::world(&[service]).await;
    world.user("apollo").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    let branches = format!("{}/branches", far());
    let branch = world.user("u1").await.post(&branches, Value::Null).await.ok();
    let editor = world.user("u2").await;
    requests.lock().unwrap().clear();
    let branch = format!("{branches}/{}", branch["clusterName"].as_str().unwrap());
    editor.delete(&branch).await.empty();
    let requests = requests.lock().unwrap();
    assert!(requests.iter().any(|uri| uri.contains("/releases/active?")), "{requests:?}");
    for uri in requests.iter() {
        assert!(!uri.contains("/releases/") || uri.contains("onlyKey="), "{uri}");
        assert!(!uri.contains("/items"), "{uri}");
    }
}

/// X77: Apollo's admin service sends the values of a release to whom only wants to know its
/// namespace.
#[tokio::test]
async fn the_permission_on_a_release_elsewhere_takes_a_turn() {
    let (open, gate) = watch::channel(true);
    let arrived = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&arrived);
    let wait = move |request: Request, next: Next| {
        let (mut gate, arrived) = (gate.clone(), Arc::clone(&counted));
        async move {
            if request.uri().path() == "/releases" {
                arrived.fetch_add(1, Ordering::SeqCst);
                gate.wait_for(|is_open| *is_open).await.unwrap();
            }
            next.run(request).await
        }
    };
    let service = listen(admin_router().await.0.layer(from_fn(wait))).await;
    let mut world = environment::world(&[service]).await;
    world.set("api.readTimeout", "120000");
    world.user("apollo").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let user = world.user("u1").await;
    let title = json!({ "releaseTitle": "r" });
    let release = user.post(&format!("{}/releases", far()), title).await.ok()["id"].clone();
    open.send_replace(false);
    let envs = "/openapi/v1/envs/FAR";
    let paths = [
        format!("{envs}/releases/{release}"),
        format!("{envs}/releases/comparison?baseReleaseId=0&toCompareReleaseId={release}"),
        format!("{envs}/instances/by-release?releaseId={release}&page=0&size=10"),
    ];
    let both = async {
        while arrived.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        answers = join(user.get(&paths[0]), user.get(&paths[1])) => panic!("{answers:?}"),
        () = both => {}
    }
    for refused in join_all(paths.iter().map(|path| user.get(path))).await {
        refused.fails(503, "Too many concurrent reads");
    }
    assert_eq!(arrived.load(Ordering::SeqCst), 2);
    open.send_replace(true);
    for path in &paths {
        user.get(path).await.ok();
    }
}
