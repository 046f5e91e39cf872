//! A receiver of webhooks, which records requests and answers as its test says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use castalia_server::background::Background;
use http::{HeaderMap, StatusCode, Uri};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::world::{Caller, NS, World, item};

pub(crate) const WEBHOOKS: &str = "/openapi/v1/webhooks";
pub(crate) const SECRET: &str = "0123456789abcdef";
/// Maximum time for a delivery with a few retries.
const PATIENCE: Duration = Duration::from_secs(90);

/// One answer.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    Status(u16),
    Redirect(String),
    /// Never answers.
    Hang,
    /// Answers with success and a body without end.
    Endless,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    script: Mutex<VecDeque<Script>>,
}

/// A running receiver. Answers 200 after its script.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener)
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub(crate) fn answers(&self, script: impl IntoIterator<Item = Script>) {
        self.shared.script.lock().extend(script);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().clone()
    }

    /// Waits for a number of requests.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Received> {
        until("requests arrive", async || self.received().len() >= count).await;
        self.received()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let query = uri.query().unwrap_or_default().to_owned();
    shared.received.lock().push(Received { query, headers, text });
    let script = shared.script.lock().pop_front();
    match script {
        None => StatusCode::OK.into_response(),
        Some(Script::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Script::Redirect(to)) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response()
        }
        Some(Script::Hang) => std::future::pending().await,
        Some(Script::Endless) => {
            let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
            let endless = futures_util::stream::repeat_with(move || {
                Ok::<_, std::convert::Infallible>(chunk.clone())
            });
            axum::body::Body::from_stream(endless).into_response()
        }
    }
}

/// Waits until a condition is true.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "not in time: {what}");
}

/// A portal with the app `demo` whose webhooks may call this machine; its tasks do not run yet.
pub(crate) async fn world() -> World {
    let flags = [("security.webhook_hosts", "127.0.0.1")];
    let world = World::with(castalia_server::settings::Installation::Adopted, &flags).await;
    world.user("u1").await.post("/openapi/v1/apps", super::world::app("demo", "u1")).await.empty();
    world
}

/// Ends the background work as the end of the process does.
pub(crate) async fn end(background: Background) {
    background.shutdown.cancel();
    background.tracker.close();
    background.tracker.wait().await;
}

/// Registers a webhook and returns its id.
pub(crate) async fn register(world: &World, url: &str) -> i64 {
    let root = world.user("apollo").await;
    let made = root.post(WEBHOOKS, json!({ "url": url, "secret": SECRET })).await.ok();
    made["id"].as_i64().unwrap()
}

/// Sets a key and publishes; returns the id of the release.
pub(crate) async fn publish(user: &Caller<'_>, value: &str) -> i64 {
    user.put(&format!("{NS}/items/a?createIfNotExists=true"), item("a", value)).await.empty();
    let body = json!({ "releaseTitle": "r", "releaseComment": "why" });
    user.post(&format!("{NS}/releases"), body).await.ok()["id"].as_i64().unwrap()
}

/// The delivery log, oldest first.
pub(crate) async fn log(world: &World) -> Vec<Value> {
    let root = world.user("apollo").await;
    let log = root.get(&format!("{WEBHOOKS}/deliveries")).await.ok();
    log.as_array().unwrap().iter().rev().cloned().collect()
}

/// Waits until the log has these states, oldest first.
pub(crate) async fn states(world: &World, expected: &[&str]) -> Vec<Value> {
    let state = |row: &Value| row["state"].as_str().unwrap().to_owned();
    let what = format!("deliveries are {expected:?}");
    until(&what, async || log(world).await.iter().map(state).collect::<Vec<_>>() == expected).await;
    log(world).await
}
