//! Callers of the admin API that disconnect before the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use castalia_server::role::admin;
use castalia_server::state::EnvironmentState;
use castalia_store::StoreError;
use futures_util::FutureExt as _;
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

use super::restoration_unused::{KEYS_READ, in_time};
use super::world::World;

const KEY: &str = "demo+default+application";
const NAMESPACES: &str = "/apps/demo/clusters/default/namespaces";
/// More than continue without their callers.
const MANY: usize = 100;

/// The tests share the limit of those that continue.
static ALONE: Mutex<()> = Mutex::const_new(());

fn publish() -> Request<Body> {
    Request::post(format!("{NAMESPACES}/application/releases"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("name=r&operator=u1"))
        .unwrap()
}

fn request(method: Method, path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

async fn call(environment: &EnvironmentState, request: Request<Body>) -> Value {
    let answer = admin::in_process(environment.clone()).oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap_or_default()
}

async fn get(environment: &EnvironmentState, path: &str) -> Value {
    call(environment, request(Method::GET, path, &Value::Null)).await
}

/// Sends a request and disconnects.
fn leave(environment: &EnvironmentState, request: Request<Body>) {
    assert!(admin::in_process(environment.clone()).oneshot(request).now_or_never().is_none());
}

/// What it published reaches clients without the next scan.
#[tokio::test]
async fn what_a_publisher_commits_that_disconnects_is_announced() {
    let _alone = ALONE.lock().await;
    let world = World::with_demo().await;
    world.set_in_environment("apollo.message-scan.interval", "3600000");
    let environment = world.environment();
    // The scan takes the interval into account after the present one.
    environment.feed.deliver_committed().await;
    let before = environment.feed.positions().of(KEY);
    leave(environment, publish());
    let announced = async {
        while environment.feed.positions().of(KEY) == before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    // Less than the interval of the reconciliation, which would announce it too.
    timeout(Duration::from_secs(20), announced).await.unwrap();
}

/// An app with access keys is restored in two steps, and an app without its namespaces cannot be
/// restored again.
#[tokio::test]
async fn a_restoration_ends_however_many_callers_disconnect() {
    let _alone = ALONE.lock().await;
    in_time(restore_among_many).await;
}

async fn restore_among_many() -> Option<()> {
    let world = World::with_demo().await;
    let environment = world.environment();
    let key = json!({ "appId": "demo", "secret": "s".repeat(32), "dataChangeCreatedBy": "u1" });
    let key = call(environment, request(Method::POST, "/apps/demo/accesskeys", &key)).await;
    let enable = format!("/apps/demo/accesskeys/{}/enable?mode=0&operator=u1", key["id"]);
    call(environment, request(Method::PUT, &enable, &Value::Null)).await;
    let delete = request(Method::DELETE, "/apps/demo?operator=u1", &Value::Null);
    call(environment, delete).await;
    let deleted = get(environment, "/apps/demo/deleted").await;
    let app = deleted.as_array().unwrap().iter().find(|row| row["kind"] == "app").unwrap();
    let restore = request(Method::POST, "/apps/demo/restorations?operator=u1", app);
    let begun = Instant::now();
    let restoring = tokio::spawn(admin::in_process(environment.clone()).oneshot(restore));
    while get(environment, "/apps/demo").await["appId"] != "demo" {
        sleep(Duration::from_millis(10)).await;
    }
    let namespaces = get(environment, NAMESPACES).await.as_array().map_or(0, Vec::len);
    // They may have been back already.
    if namespaces > 0 && begun.elapsed() >= KEYS_READ {
        return None;
    }
    assert_eq!(namespaces, 0);
    // The writer of a SQLite file waits, and all that use it.
    let opened = Arc::new(Notify::new());
    let store = environment.store.clone();
    let gate = Arc::clone(&opened);
    let held = tokio::spawn(async move {
        let wait = store.write(gate, |_, gate| {
            Box::pin(async move {
                gate.notified().await;
                // The work runs again if another one of its transaction fails.
                gate.notify_one();
                Ok::<_, StoreError>(())
            })
        });
        wait.await
    });
    (0..MANY).for_each(|_| leave(environment, publish()));
    restoring.abort();
    let (is_answered, took) = (restoring.await.is_ok(), begun.elapsed());
    opened.notify_one();
    held.await.unwrap().unwrap();
    // It may have ended before the writer was held.
    if is_answered && took >= KEYS_READ {
        return None;
    }
    assert!(!is_answered, "after {took:?}");
    let restored = async {
        while get(environment, NAMESPACES).await.as_array().is_none_or(Vec::is_empty) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), restored).await.unwrap();
    Some(())
}
