//! Changes of apps and definitions reach every environment, also one that was away when they were made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_store::entity::{Standard as _, app as app_row, app_namespace};
use castalia_store::{Store, pending_change};
use http::StatusCode;
use serde_json::json;

use super::environment::{admin_router, listen, world};
use super::recent::rename;
use super::world::{World, app};

/// Longer than a busy machine needs for some rounds of retries.
const SOON: Duration = Duration::from_secs(90);
const HEADER: &str = "castalia-pending-environments";

type Away = Arc<AtomicBool>;

async fn unless_away(State(away): State<Away>, request: Request, next: Next) -> Response {
    match away.load(Ordering::SeqCst) {
        true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        false => next.run(request).await,
    }
}

/// A portal with the environment FAR, which is away.
async fn world_beside_an_environment_that_is_away() -> (World, Store, Away) {
    let away = Arc::new(AtomicBool::new(true));
    let (router, store) = admin_router().await;
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    (world(&[service]).await, store, away)
}

async fn leave(world: &World, away: &Away) {
    away.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        world.environments.probe().await;
    }
    assert!(world.environments.find("FAR").is_ok_and(|far| !far.is_up()));
}

/// Waits until nothing is left to be sent.
async fn come_back(world: &World, away: &Away) {
    away.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    loop {
        let left = pending_change::until(&world.store, castalia_store::now(), 10).await.unwrap();
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < SOON, "{left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn apps(far: &Store) -> Vec<(String, String)> {
    let rows = app_row::Entity::live().all(far.read()).await.unwrap();
    rows.into_iter().map(|row| (row.app_id, row.name)).collect()
}

async fn definitions(far: &Store) -> Vec<String> {
    let rows = app_namespace::Entity::live().all(far.read()).await.unwrap();
    let mut names: Vec<_> = rows.into_iter().map(|row| row.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_environment_that_was_away_gets_what_it_missed() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    let root = world.user("apollo").await;
    let made = root.post("/openapi/v1/apps", app("demo", "u1")).await;
    made.empty();
    assert_eq!(made.headers[HEADER], "FAR");
    // Until here the portal has not noticed.
    leave(&world, &away).await;
    let extra = json!({ "appId": "demo", "name": "extra", "format": "json", "isPublic": false });
    let made = root.post("/openapi/v1/apps/demo/appnamespaces", extra).await;
    made.ok();
    assert_eq!(made.headers[HEADER], "FAR");
    let mut changed = app("demo", "u1")["app"].clone();
    changed["name"] = json!("another name");
    let changed = root.put("/openapi/v1/apps/demo", changed).await;
    changed.empty();
    assert_eq!(changed.headers[HEADER], "FAR");
    root.post("/openapi/v1/apps", app("short", "u1")).await.empty();
    root.delete("/openapi/v1/apps/short").await.empty();
    assert!(apps(&far).await.is_empty());

    let _background = world.run();
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await, [("demo".to_owned(), "another name".to_owned())]);
    assert_eq!(definitions(&far).await, ["application", "extra.json"]);

    // While it answers, nothing is pending.
    let second =
        json!({ "appId": "demo", "name": "second", "format": "properties", "isPublic": false });
    let made = root.post("/openapi/v1/apps/demo/appnamespaces", second).await;
    made.ok();
    assert!(!made.headers.contains_key(HEADER));
    assert_eq!(definitions(&far).await, ["application", "extra.json", "second"]);
}

#[tokio::test]
async fn an_environment_that_was_away_deletes_what_was_deleted() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    for name in ["demo", "kept", "again"] {
        root.post("/openapi/v1/apps", app(name, "u1")).await.empty();
    }
    let extra =
        json!({ "appId": "kept", "name": "extra", "format": "properties", "isPublic": false });
    root.post("/openapi/v1/apps/kept/appnamespaces", extra).await.ok();

    leave(&world, &away).await;
    for path in ["demo", "again", "kept/appnamespaces/extra"] {
        let deleted = root.delete(&format!("/openapi/v1/apps/{path}")).await;
        deleted.empty();
        assert_eq!(deleted.headers[HEADER], "FAR", "{path}");
    }
    // What the portal has again is not deleted.
    root.post("/openapi/v1/apps", app("again", "u1")).await.empty();
    assert_eq!(apps(&far).await.len(), 3);

    let _background = world.run();
    come_back(&world, &away).await;
    let left: Vec<_> = apps(&far).await.into_iter().map(|(app_id, _)| app_id).collect();
    assert_eq!(left, ["kept", "again"]);
    assert_eq!(definitions(&far).await, ["application", "application"]);
}

#[tokio::test]
async fn a_request_that_fails_leaves_the_environments_as_they_are() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    // The portal refuses them after it announced them.
    root.post("/openapi/v1/apps", app("demo", "u2")).await.fails(400, "");
    let ghost =
        json!({ "appId": "ghost", "name": "n", "orgId": "o", "orgName": "o", "ownerName": "u1" });
    root.put("/openapi/v1/apps/ghost", ghost).await.fails(400, "");
    let _background = world.run();
    come_back(&world, &away).await;
    let left: Vec<_> = apps(&far).await.into_iter().map(|(app_id, _)| app_id).collect();
    assert_eq!(left, ["demo"]);
}

/// An administrator of a database may have created the tables of an older version only.
#[tokio::test]
async fn without_the_table_environments_that_answer_get_their_changes() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    let root = world.user("apollo").await;
    rename(&world, "CastaliaPendingChange", "Hidden").await;
    let missed = root.post("/openapi/v1/apps", app("missed", "u1")).await;
    away.store(false, Ordering::SeqCst);
    let made = root.post("/openapi/v1/apps", app("demo", "u1")).await;
    let deleted = root.delete("/openapi/v1/apps/missed").await;
    rename(&world, "Hidden", "CastaliaPendingChange").await;
    assert_eq!((missed.status, missed.header(HEADER)), (200, "FAR"));
    assert_eq!((made.status, made.header(HEADER)), (200, ""));
    deleted.empty();
    assert_eq!(apps(&far).await, [("demo".to_owned(), "demo".to_owned())]);
}
