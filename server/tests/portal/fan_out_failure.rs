//! Environments that answer, and fail some changes or all of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_store::Store;
use castalia_store::pending_change::{self, PendingChange};
use http::{Method, StatusCode};
use serde_json::json;

use super::environment::{admin_router, listen, probe, world};
use super::fan_out::{
    Away, SOON, apps, come_back, come_back_with_a_problem, definitions, leave, unless_away,
};
use super::world::{World, app};

/// Less than the pause between two rounds of attempts.
const PAUSE: Duration = Duration::from_secs(4);
/// Longer than a test waits.
const LATER: Duration = Duration::from_secs(600);

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

/// The changes that the environment FAR answers with 503 at present.
#[derive(Clone, Default)]
struct Frozen(Arc<Mutex<Freeze>>);

#[derive(Default)]
struct Freeze {
    /// Beginnings of their paths.
    beginnings: Vec<&'static str>,
    /// Paths and times of those that were answered so.
    asked: Vec<(String, Instant)>,
}

impl Frozen {
    fn set(&self, beginnings: &[&'static str]) {
        *self.0.lock().unwrap() = Freeze { beginnings: beginnings.to_vec(), ..Freeze::default() };
    }

    fn asked(&self) -> Vec<(String, Instant)> {
        self.0.lock().unwrap().asked.clone()
    }
}

async fn unless_frozen(State(frozen): State<Frozen>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    {
        let Freeze { beginnings, asked } = &mut *frozen.0.lock().unwrap();
        let is_frozen = beginnings.iter().any(|beginning| path.starts_with(beginning));
        if is_frozen && request.method() != Method::GET {
            asked.push((path, Instant::now()));
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    next.run(request).await
}

async fn owed(store: &Store) -> Vec<PendingChange> {
    pending_change::of_environment(store, "FAR", 10).await.unwrap().readable
}

/// Sets that the changes are due after this time.
async fn set_due(store: &Store, changes: &[PendingChange], pause: Duration) {
    let ids: Vec<_> = changes.iter().map(|change| change.id).collect();
    let due = store.write(ids, move |tx, ids| {
        Box::pin(async move { pending_change::extend(tx, ids, pause).await })
    });
    due.await.unwrap();
}

/// A portal that owes three apps to the environment, which answers again and whose changes are
/// frozen.
async fn world_that_owes_apps(beginnings: &[&'static str]) -> (World, Store, Away, Frozen) {
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
    // At the same time, so that one round may try them all.
    set_due(&world.store, &owed(&world.store).await, Duration::ZERO).await;
    frozen.set(beginnings);
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
/// attempts in each round are enough. The next round begins with what was not tried yet.
#[tokio::test]
async fn an_environment_that_stores_nothing_refuses_nothing() {
    let (world, far, away, frozen) = world_that_owes_apps(&["/"]).await;
    let _background = world.run();
    eventually("two rounds", async || frozen.asked().len() > 2).await;
    let mut asked = frozen.asked();
    asked.truncate(3);
    assert!(asked[2].1 - asked[0].1 > PAUSE, "{asked:?}");
    asked.sort();
    let paths: Vec<_> = asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/apps/first", "/apps/second", "/apps/third"]);
    let left = owed(&world.store).await;
    assert!(left.len() == 3 && left.iter().all(|change| change.problem.is_empty()), "{left:?}");
    frozen.set(&[]);
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await.len(), 3);
}

/// A row that is locked, or a proxy that gives up on one call.
#[tokio::test]
async fn an_object_that_an_environment_cannot_store_at_present_stops_no_other() {
    let (world, far, away, frozen) = world_that_owes_apps(&["/apps/first"]).await;
    let _background = world.run();
    eventually("the other apps", async || apps(&far).await.len() == 2).await;
    frozen.set(&[]);
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await.len(), 3);
}

/// X123: two of them, of which a round does not try more, kept all others from the environment.
#[tokio::test]
async fn objects_that_an_environment_cannot_store_at_present_stop_no_other() {
    let (world, far, away, frozen) = world_that_owes_apps(&["/apps/first", "/apps/second"]).await;
    let _background = world.run();
    eventually("the third app", async || apps(&far).await.len() == 1).await;
    frozen.set(&[]);
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await.len(), 3);
}

/// X123: an environment still has to delete a definition, as after it refused that at first, when its
/// app is deleted and created again. The deletion would concern the definition of the new app.
#[tokio::test]
async fn no_deletion_of_a_definition_comes_after_that_of_its_app() {
    for is_up in [false, true] {
        let away = Away::default();
        let (router, far) = admin_router().await;
        let router = router.layer(from_fn_with_state(Arc::clone(&away), unless_away));
        let world = world(&[listen(router).await]).await;
        let root = world.user("apollo").await;
        root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
        leave(&world, &away).await;
        root.delete("/openapi/v1/apps/demo/appnamespaces/application").await.empty();
        if is_up {
            away.store(false, Ordering::SeqCst);
            probe(&world).await;
            assert!(world.environments.find("FAR").is_ok_and(|far| far.is_up()));
        }
        root.delete("/openapi/v1/apps/demo").await.empty();
        root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
        let is_of_app = |change: &PendingChange| change.namespace_name.is_empty();
        let (of_app, of_definition): (Vec<_>, Vec<_>) =
            owed(&world.store).await.into_iter().partition(is_of_app);
        set_due(&world.store, &of_definition, LATER).await;
        set_due(&world.store, &of_app, Duration::ZERO).await;
        away.store(false, Ordering::SeqCst);

        let _background = world.run();
        let is_sent = async || !owed(&world.store).await.iter().any(is_of_app);
        eventually("the new app", is_sent).await;
        set_due(&world.store, &owed(&world.store).await, Duration::ZERO).await;
        come_back(&world, &away).await;
        assert_eq!(apps(&far).await.len(), 1, "{is_up}");
        assert_eq!(definitions(&far).await, ["application"], "{is_up}");
    }
}
