//! The JSON Schema of a namespace in a remote environment: an error of its admin service, or a
//! pause, leads to no publish past the schema.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::environment::{admin_router, listen, world};
use super::user_token::eventually;
use super::world::{Caller, NS, World, app, item};

/// What an admin service does with some requests.
#[derive(Clone)]
struct Disturbance {
    /// Answers 503 to requests for the branch of a namespace.
    has_no_branches: Arc<AtomicBool>,
    /// Lists of items are answered as often as this has permits.
    lists: Arc<Semaphore>,
    /// Whether a list was asked for while there are no permits.
    asked: Arc<AtomicBool>,
}

async fn disturb(State(disturbance): State<Disturbance>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path.ends_with("/branches") && disturbance.has_no_branches.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let response = next.run(request).await;
    if path.ends_with("/namespaces/application/items") {
        disturbance.asked.fetch_or(disturbance.lists.available_permits() == 0, Ordering::Relaxed);
        disturbance.lists.acquire().await.unwrap().forget();
    }
    response
}

/// A portal over one disturbed environment, with an app whose namespace has a schema.
async fn disturbed() -> (World, Disturbance) {
    let (router, _) = admin_router().await;
    let lists = Arc::new(Semaphore::new(1_000));
    let disturbance = Disturbance { has_no_branches: Arc::default(), lists, asked: Arc::default() };
    let router = router.layer(from_fn_with_state(disturbance.clone(), disturb));
    let world = world(&[listen(router).await]).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    put_schema(&user, &json!({ "properties": { "port": { "type": "integer" } } })).await;
    (world, disturbance)
}

fn far(cluster: &str) -> String {
    NS.replace("LOCAL", "FAR").replace("default", cluster)
}

async fn put_schema(user: &Caller<'_>, schema: &Value) {
    user.put(&format!("{}/schema", far("default")), json!({ "schema": schema })).await.empty();
}

#[tokio::test]
async fn a_branch_is_not_published_past_the_schema_while_nobody_says_that_it_is_one() {
    let (world, disturbance) = disturbed().await;
    let user = world.user("u1").await;
    let made = user.post(&format!("{}/branches", far("default")), Value::Null).await.ok();
    let branch = far(made["clusterName"].as_str().unwrap());
    user.post(&format!("{branch}/items"), item("port", "none")).await.ok();
    let publish = async || {
        let answer = user.post(&format!("{branch}/releases"), json!({ "releaseTitle": "r" })).await;
        answer.status
    };
    assert_eq!(publish().await, 400);
    disturbance.has_no_branches.store(true, Ordering::Relaxed);
    assert_ne!(publish().await, 200);
    disturbance.has_no_branches.store(false, Ordering::Relaxed);
    assert_eq!(publish().await, 400);
}

#[tokio::test]
async fn a_schema_that_is_stored_during_a_publish_is_obeyed() {
    let (world, disturbance) = disturbed().await;
    let user = world.user("u1").await;
    user.post(&format!("{}/items", far("default")), item("port", "80")).await.ok();
    let taken = disturbance.lists.forget_permits(1_000);
    assert!(taken > 900, "{taken}");
    let publisher = world.user("u1").await;
    let path = format!("{}/releases", far("default"));
    let (published, ()) =
        tokio::join!(publisher.post(&path, json!({ "releaseTitle": "r" })), async {
            // The publish has read the schema, and waits for the items.
            eventually(async || disturbance.asked.load(Ordering::Relaxed).then_some(())).await;
            put_schema(
                &user,
                &json!({ "properties": { "port": { "type": "integer", "maximum": 79 } } }),
            )
            .await;
            disturbance.lists.add_permits(1_000);
        });
    assert_eq!(published.status, 400, "{published:?}");
}
