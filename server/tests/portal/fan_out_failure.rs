//! Environments that answer, and fail some changes or all of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_store::{Store, pending_change};
use http::{Method, StatusCode};
use serde_json::json;

use super::environment::{admin_router, listen, world};
use super::fan_out::{Away, SOON, apps, come_back, come_back_with_a_problem, leave, unless_away};
use super::world::{World, app};

/// As for an app with more namespaces than the environment permits.
async fn unless_definition_of_full(request: Request, next: Next) -> Response {
    match request.uri().path() {
        "/apps/full/appnamespaces" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => next.run(request).await,
    }
}

#[tokio::test]
async fn a_change_that_fails_in_an_environment_stops_no_other() {
    let away = Away::default();
    let (router, far) = admin_router().await;
    let router = router.layer(from_fn(unless_definition_of_full));
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    let world = world(&[service]).await;
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("full", "u1")).await.empty();
    leave(&world, &away).await;
    let definition = json!({ "appId": "full", "name": "more", "format": "properties" });
    root.post("/openapi/v1/apps/full/appnamespaces", definition).await.ok();
    root.post("/openapi/v1/apps", app("later", "u1")).await.empty();
    let _background = world.run();
    let left = come_back_with_a_problem(&world, &away).await;
    assert_eq!(left[0], "full");
    assert_eq!(apps(&far).await.len(), 2);
}

/// The changes that the environment FAR answers with 503 at present, and those that it did.
#[derive(Clone, Default)]
struct Frozen(Arc<Mutex<(Option<&'static str>, Vec<String>)>>);

impl Frozen {
    /// Answers 503 to changes of paths with this beginning; `None` ends that.
    fn set(&self, beginning: Option<&'static str>) {
        *self.0.lock().unwrap() = (beginning, Vec::new());
    }

    /// The paths of the changes that were answered with 503.
    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().1.clone()
    }
}

async fn unless_frozen(State(frozen): State<Frozen>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    {
        let (beginning, asked) = &mut *frozen.0.lock().unwrap();
        let is_frozen = beginning.is_some_and(|beginning| path.starts_with(beginning));
        if is_frozen && request.method() != Method::GET {
            asked.push(path);
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    next.run(request).await
}

/// A portal that owes three apps to the environment, which answers again and whose changes are
/// frozen.
async fn world_that_owes_apps(beginning: &'static str) -> (World, Store, Away, Frozen) {
    let (away, frozen) = (Away::default(), Frozen::default());
    let (router, far) = admin_router().await;
    let router = router.layer(from_fn_with_state(frozen.clone(), unless_frozen));
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    let world = world(&[service]).await;
    let root = world.user("apollo").await;
    leave(&world, &away).await;
    for app_id in ["first", "second", "third"] {
        root.post("/openapi/v1/apps", app(app_id, "u1")).await.empty();
    }
    frozen.set(Some(beginning));
    away.store(false, Ordering::SeqCst);
    (world, far, away, frozen)
}

async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Its health is good, but it stores nothing at present: what waits for it is not refused, and some
/// attempts in each round are enough.
#[tokio::test]
async fn an_environment_that_stores_nothing_refuses_nothing() {
    let (world, far, away, frozen) = world_that_owes_apps("/").await;
    let _background = world.run();
    let count = |app_id: &str| {
        let path = format!("/apps/{app_id}");
        frozen.asked().iter().filter(|asked| **asked == path).count()
    };
    eventually("two rounds", async || count("first") > 1).await;
    assert!(count("second") > 0);
    assert_eq!(count("third"), 0);
    let left = pending_change::of_environment(&world.store, "FAR", 10).await.unwrap().readable;
    assert!(left.len() == 3 && left.iter().all(|change| change.problem.is_empty()), "{left:?}");
    frozen.set(None);
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await.len(), 3);
}

/// A row that is locked, or a proxy that gives up on one call.
#[tokio::test]
async fn an_object_that_an_environment_cannot_store_at_present_stops_no_other() {
    let (world, far, away, frozen) = world_that_owes_apps("/apps/first").await;
    let _background = world.run();
    eventually("the other apps", async || apps(&far).await.len() == 2).await;
    frozen.set(None);
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await.len(), 3);
}
