//! An environment whose health is bad is used as long as it answers calls: one release that cannot
//! be decoded must not hide the environment in which it is corrected.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use castalia_server::feed::cache::{NamespaceRef, ReadFrom};
use castalia_store::entity::release::{Column, Entity};
use castalia_store::{Id, Store, StoreError};
use http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::json;

use super::environment::{admin_state, far, listen, probe, router_of, world};
use super::fan_out::{apps, leave, unless_away};
use super::user_token::eventually;
use super::world::{World, app, item};

const ENVS: &str = "/openapi/v1/envs";
const PENDING: &str = "castalia-pending-environments";
const PLACE: NamespaceRef<'_> =
    NamespaceRef { app_id: "demo", cluster: "default", namespace: "application" };

/// More probes than are tolerated without an answer.
async fn probe_often(world: &World) {
    for _ in 0..3 {
        probe(world).await;
    }
}

/// Makes the text of every release one that is no JSON.
async fn damage_releases(store: &Store) {
    let damaged: Result<u64, StoreError> = store
        .write((), |tx, ()| {
            Box::pin(async move {
                let releases = Entity::update_many()
                    .col_expr(Column::Configurations, Expr::value(r#"{"k":"#))
                    .filter(Column::Id.gt(Id(0)));
                Ok(releases.exec(tx).await?.rows_affected)
            })
        })
        .await;
    assert_eq!(damaged.unwrap(), 1);
}

/// `is_ready` as on a server, or not as with a SQLite file and a client of the damaged namespace.
async fn is_used_until_it_does_not_answer(is_ready: bool) {
    let far_state = admin_state().await;
    far_state.ready.set(is_ready);
    let away = Arc::new(AtomicBool::new(false));
    let gate = from_fn_with_state(Arc::clone(&away), unless_away);
    let world = world(&[listen(router_of(&far_state).layer(gate)).await]).await;
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    root.post(&format!("{}/items", far()), item("k", "v")).await.ok();
    let releases = format!("{}/releases", far());
    root.post(&releases, json!({ "releaseTitle": "r" })).await.ok();
    damage_releases(&far_state.store).await;
    // As a client asks for it.
    let _ = far_state.feed.published(PLACE, None, ReadFrom::Database).await;
    assert!(!far_state.faults().await.is_empty());

    probe_often(&world).await;
    assert_eq!(root.get(ENVS).await.ok(), json!(["LOCAL", "FAR"]));
    let changed = root.put("/openapi/v1/apps/demo", renamed("while it is faulty")).await;
    changed.empty();
    assert!(!changed.headers.contains_key(PENDING), "{changed:?}");
    let names = apps(&far_state.store).await;
    assert_eq!(names, [("demo".to_owned(), "while it is faulty".to_owned())]);
    // The remedy that the fault states.
    root.post(&releases, json!({ "releaseTitle": "again" })).await.ok();
    eventually(async || far_state.feed.faults().is_empty().then_some(())).await;

    leave(&world, &away).await;
    assert_eq!(root.get(ENVS).await.ok(), json!(["LOCAL"]));
    let changed = root.put("/openapi/v1/apps/demo", renamed("while it is away")).await;
    changed.empty();
    assert_eq!(changed.headers[PENDING], "FAR");
}

fn renamed(name: &str) -> serde_json::Value {
    let mut body = app("demo", "u1")["app"].clone();
    body["name"] = json!(name);
    body
}

#[tokio::test]
async fn an_environment_with_a_damaged_release_is_used_until_it_does_not_answer() {
    is_used_until_it_does_not_answer(true).await;
}

#[tokio::test]
async fn an_environment_that_is_not_ready_is_used_as_long_as_it_answers_calls() {
    is_used_until_it_does_not_answer(false).await;
}

/// An admin service as Apollo's, whose health is bad. It has no path for readiness.
async fn apollos(call: StatusCode) -> World {
    let health = async || -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"DOWN"}"#).into_response()
    };
    let is_unique = async move || -> Response { (call, "true").into_response() };
    let router =
        Router::new().route("/health", get(health)).route("/apps/{app_id}/unique", get(is_unique));
    world(&[listen(router).await]).await
}

#[tokio::test]
async fn a_service_of_apollo_with_bad_health_is_used_unless_it_answers_no_call() {
    for (call, envs) in [
        // Little space on its disk, for example.
        (StatusCode::OK, json!(["LOCAL", "FAR"])),
        // No database.
        (StatusCode::INTERNAL_SERVER_ERROR, json!(["LOCAL"])),
    ] {
        let world = apollos(call).await;
        probe_often(&world).await;
        assert_eq!(world.user("u1").await.get(ENVS).await.ok(), envs, "{call}");
    }
}
