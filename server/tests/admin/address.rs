//! Requests to a server that is reached by its address, and the settings that tests ask it for.
//!
//! It takes a minute to read its settings again. What tests ask for is therefore written before the next request, all at once, and only
//! where it is not in force already. The tests run one after the other.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use serde_json::json;

use super::client::Answer;

/// Time after which a running server has read its settings again.
const REREAD: Duration = Duration::from_secs(62);
const TOKENS: &str = "admin-service.access.tokens";
/// What tests rely on where they ask for nothing else.
const DEFAULTS: [(&str, &str); 7] = [
    ("admin-service.access.control.enabled", "false"),
    ("apollo.access-key.auto-provision.enabled", "false"),
    ("apollo.audit.log.enabled", "true"),
    ("apollo.release-history.retention.size", "-1"),
    ("item.num.limit.enabled", "false"),
    ("namespace.lock.switch", "false"),
    ("namespace.num.limit.enabled", "false"),
];

static SETTINGS: Mutex<BTreeMap<String, Setting>> = Mutex::new(BTreeMap::new());

struct Setting {
    asked: String,
    in_force: Option<String>,
}

/// Takes back what the test before asked for.
pub(crate) fn reset() {
    let mut settings = SETTINGS.lock().unwrap();
    for (key, default) in DEFAULTS {
        if let Some(setting) = settings.get_mut(key) {
            default.clone_into(&mut setting.asked);
        }
    }
}

/// Asks for a setting.
pub(crate) fn set(key: &str, value: &str) {
    let mut settings = SETTINGS.lock().unwrap();
    let in_force = settings.remove(key).and_then(|setting| setting.in_force);
    settings.insert(key.to_owned(), Setting { asked: value.to_owned(), in_force });
}

/// Sends a request once all settings are in force.
pub(crate) async fn send(address: &str, request: Request<Body>) -> Answer {
    put_in_force(address).await;
    exchange(address, request).await
}

async fn put_in_force(address: &str) {
    let token = token();
    let changes = changes();
    if changes.is_empty() {
        return;
    }
    for (key, value) in changes {
        let body = json!({
            "key": key, "value": value, "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
        });
        let request = Request::post("/server/config")
            .header("content-type", "application/json")
            .header("authorization", &token);
        exchange(address, request.body(Body::from(body.to_string())).unwrap()).await.ok();
    }
    tokio::time::sleep(REREAD).await;
}

/// Settings that are not what was asked for; they count as in force from now on.
fn changes() -> Vec<(String, String)> {
    let mut changes = Vec::new();
    for (key, setting) in SETTINGS.lock().unwrap().iter_mut() {
        if setting.in_force.as_ref() != Some(&setting.asked) {
            setting.in_force = Some(setting.asked.clone());
            changes.push((key.clone(), setting.asked.clone()));
        }
    }
    changes
}

/// A token that passes while the access control is on.
fn token() -> String {
    let settings = SETTINGS.lock().unwrap();
    let tokens = settings.get(TOKENS).and_then(|setting| setting.in_force.as_deref());
    tokens.and_then(|tokens| tokens.split(',').next()).unwrap_or("none").trim().to_owned()
}

async fn exchange(address: &str, request: Request<Body>) -> Answer {
    let authority = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    parts.headers.insert("host", authority.parse().unwrap());
    let answer = sender.send_request(Request::from_parts(parts, body)).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}
