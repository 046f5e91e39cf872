//! X122: what an environment has to receive about names that differ only in case. Its database may
//! consider them one where that of the portal does not, as Apollo's services on MySQL beside a
//! portal on SQLite or PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_server::domain::pending_change as domain;
use castalia_store::entity::{Standard as _, item as item_row};
use castalia_store::pending_change::{self, NewPendingChange, PendingChange, PendingOperation};
use castalia_store::{Id, Store};
use http::{Method, StatusCode};
use serde_json::json;
use tower::Layer as _;

use super::environment::{admin_router, far, listen, world};
use super::fan_out::{Away, SOON, apps, come_back, leave, unless_away};
use super::world::{World, app, item};

const DEFINITIONS: &str = "/openapi/v1/apps/demo/appnamespaces";

async fn owed(store: &Store) -> Vec<PendingChange> {
    pending_change::of_environment(store, "FAR", 10).await.unwrap().readable
}

#[tokio::test]
async fn a_deletion_concerns_all_spellings_of_its_names() {
    let world = World::adopted().await;
    let store = &world.store;
    let announce = async |app_id: &str, namespace: &str, operation: PendingOperation| {
        let change = NewPendingChange {
            app_id: app_id.to_owned(),
            namespace: namespace.to_owned(),
            operation,
            operator: "apollo".to_owned(),
        };
        let announced = domain::announce(store, change, vec!["FAR".to_owned()]).await.unwrap();
        announced[0].is_behind
    };
    assert!(!announce("demo", "Redis", PendingOperation::Delete(Id(1))).await);
    assert!(announce("demo", "redis", PendingOperation::Write).await);
    assert!(announce("Demo", "REDIS", PendingOperation::Write).await);
    assert!(!announce("demo", "other", PendingOperation::Write).await);
    assert!(!announce("Other", "", PendingOperation::Delete(Id(2))).await);
    assert!(announce("other", "redis", PendingOperation::Write).await);

    let objects =
        [("demo", "redis"), ("DEMO", "REDIS"), ("demo", "other"), ("demo", ""), ("other", "x")];
    let missed = domain::are_deletions_missed(store, "FAR", &objects).await.unwrap();
    assert_eq!(missed, [true, true, false, false, true]);
    let refused = domain::require_no_missed_deletion(store, "FAR", &objects).await.unwrap_err();
    let expected =
        "FAR still has to delete an earlier namespace Redis of the app demo; retry later";
    assert_eq!(refused.message(), expected);
}

/// Makes `Redis` another spelling of `redis`, as a database does that ignores case.
async fn fold(request: Request, next: Next) -> Response {
    let folded = |text: &str| text.replace("Redis", "redis");
    let (mut head, body) = request.into_parts();
    head.uri = folded(&head.uri.to_string()).parse().unwrap();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = folded(std::str::from_utf8(&body).unwrap());
    next.run(Request::from_parts(head, body.into())).await
}

/// Fails deletions of definitions while it is set, as for a row that is damaged.
async fn unless_kept(
    State(kept): State<Arc<AtomicBool>>,
    request: Request,
    next: Next,
) -> Response {
    let is_deletion = request.method() == Method::DELETE
        && request.uri().path().starts_with("/apps/demo/appnamespaces/");
    match is_deletion && kept.load(Ordering::SeqCst) {
        true => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        false => next.run(request).await,
    }
}

#[tokio::test]
async fn a_definition_waits_until_one_in_another_case_is_deleted() {
    let (away, kept) = (Away::default(), Arc::new(AtomicBool::new(false)));
    let (router, far_store) = admin_router().await;
    // Before the router reads the path.
    let folding = from_fn(fold).layer(router);
    let service = Router::new()
        .fallback_service(folding)
        .layer(from_fn_with_state(Arc::clone(&kept), unless_kept))
        .layer(from_fn_with_state(Arc::clone(&away), unless_away));
    let world = world(&[listen(service).await]).await;
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    owner.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let definition = |name: &str| json!({ "appId": "demo", "name": name, "format": "properties" });
    owner.post(DEFINITIONS, definition("Redis")).await.ok();
    let items = |name: &str| format!("{}/items", far().replace("application", name));
    owner.post(&items("Redis"), item("old", "v")).await.ok();

    leave(&world, &away).await;
    owner.delete(&format!("{DEFINITIONS}/Redis")).await.empty();
    owner.post(DEFINITIONS, definition("redis")).await.ok();
    root.post("/openapi/v1/apps", app("later", "u1")).await.empty();
    kept.store(true, Ordering::SeqCst);
    away.store(false, Ordering::SeqCst);
    let still = "FAR still has to delete an earlier namespace Redis of the app demo";
    owner.get(&items("redis")).await.fails(503, still);
    owner.post(&items("redis"), item("new", "v")).await.fails(503, still);

    // The environment has the earlier definition, so it would accept the new one as known.
    let _background = world.run();
    let begun = Instant::now();
    while apps(&far_store).await.len() < 2 {
        assert!(begun.elapsed() < SOON, "{:?}", owed(&world.store).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = owed(&world.store).await;
    let names: Vec<_> = left.iter().map(|change| change.namespace_name.as_str()).collect();
    assert_eq!(names, ["Redis", "redis"]);

    kept.store(false, Ordering::SeqCst);
    let ids: Vec<_> = left.iter().map(|change| change.id).collect();
    // Not as late as after a failure.
    let due = world.store.write(ids, |tx, ids| {
        Box::pin(async move { pending_change::extend(tx, ids, Duration::ZERO).await })
    });
    due.await.unwrap();
    come_back(&world, &away).await;
    owner.post(&items("redis"), item("new", "v")).await.ok();
    let rows = item_row::Entity::live().all(far_store.read()).await.unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["new"]);
}
