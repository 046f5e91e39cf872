//! Environments that answer, and fail some changes or all of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_store::pending_change;
use http::{Method, StatusCode};
use serde_json::json;

use super::environment::{admin_router, listen, world};
use super::fan_out::{Away, SOON, apps, come_back, come_back_with_a_problem, leave, unless_away};
use super::world::app;

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

/// The apps that an environment was asked to change while its database did not answer.
#[derive(Clone, Default)]
struct Frozen(Arc<Mutex<Option<Vec<String>>>>);

async fn unless_frozen(State(frozen): State<Frozen>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET
        && let Some(asked) = frozen.0.lock().unwrap().as_mut()
    {
        asked.push(request.uri().path().to_owned());
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

/// Its health is good, but it stores nothing at present: what waits for it is not refused, and one
/// attempt in each round is enough.
#[tokio::test]
async fn an_environment_that_stores_nothing_refuses_nothing() {
    let (away, frozen) = (Away::default(), Frozen::default());
    let (router, far) = admin_router().await;
    let router = router.layer(from_fn_with_state(frozen.clone(), unless_frozen));
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    let world = world(&[service]).await;
    let root = world.user("apollo").await;
    leave(&world, &away).await;
    for app_id in ["first", "second"] {
        root.post("/openapi/v1/apps", app(app_id, "u1")).await.empty();
    }
    *frozen.0.lock().unwrap() = Some(Vec::new());
    away.store(false, Ordering::SeqCst);
    let _background = world.run();
    let begun = Instant::now();
    let asked = loop {
        let asked = frozen.0.lock().unwrap().clone().unwrap();
        if asked.len() > 1 {
            break asked;
        }
        assert!(begun.elapsed() < SOON, "{asked:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(asked.iter().all(|path| path == "/apps/first"), "{asked:?}");
    let left = pending_change::of_environment(&world.store, "FAR", 10).await.unwrap().readable;
    assert!(left.len() == 2 && left.iter().all(|change| change.problem.is_empty()), "{left:?}");
    *frozen.0.lock().unwrap() = None;
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await.len(), 2);
}
