//! Requests to a server by its address, and the limits and switches that tests set.
//!
//! A started server applies them immediately; a reference reads them again once a minute
//! (`CASTALIA_TEST_REREAD`, in seconds). Changes are therefore collected and written before the
//! next request, only if they are not in effect already. Tests of one server run one after the
//! other.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::body::Body;
use castalia_store::entity::server_config;
use castalia_store::{Store, StoreError};
use http::Request;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use sea_orm::EntityTrait as _;
use serde_json::json;

use super::client::{Answer, variable};

const TOKENS: &str = "admin-service.access.tokens";
/// Default values that tests rely on.
const DEFAULTS: [(&str, &str); 7] = [
    ("admin-service.access.control.enabled", "false"),
    ("apollo.access-key.auto-provision.enabled", "false"),
    ("apollo.audit.log.enabled", "true"),
    ("apollo.release-history.retention.size", "-1"),
    ("item.num.limit.enabled", "false"),
    ("namespace.lock.switch", "false"),
    ("namespace.num.limit.enabled", "false"),
];

/// Limits and switches that were set.
#[derive(Clone, Default)]
pub(crate) struct Switches(Arc<Mutex<BTreeMap<String, Switch>>>);

struct Switch {
    asked: String,
    in_force: Option<String>,
}

impl Switches {
    /// Those of the one server that all tests share; the changes of the previous test are reverted.
    pub(crate) fn of_all_tests() -> Self {
        static ALL: LazyLock<Switches> = LazyLock::new(Switches::default);
        let mut switches = ALL.0.lock().unwrap();
        for (key, default) in DEFAULTS {
            if let Some(switch) = switches.get_mut(key) {
                default.clone_into(&mut switch.asked);
            }
        }
        ALL.clone()
    }

    pub(crate) fn ask(&self, key: &str, value: &str) {
        let mut switches = self.0.lock().unwrap();
        let in_force = switches.remove(key).and_then(|switch| switch.in_force);
        switches.insert(key.to_owned(), Switch { asked: value.to_owned(), in_force });
    }

    pub(crate) async fn put_in_force(&self, address: &str) {
        let token = self.token();
        let changes = self.changes();
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
        let seconds = variable("CASTALIA_TEST_REREAD").map(|text| text.parse().unwrap());
        tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(0))).await;
    }

    /// Switches that differ from the requested ones; they are in effect from now on.
    fn changes(&self) -> Vec<(String, String)> {
        let mut changes = Vec::new();
        for (key, switch) in self.0.lock().unwrap().iter_mut() {
            if switch.in_force.as_ref() != Some(&switch.asked) {
                switch.in_force = Some(switch.asked.clone());
                changes.push((key.clone(), switch.asked.clone()));
            }
        }
        changes
    }

    /// A token that is accepted while access control is on.
    fn token(&self) -> String {
        let switches = self.0.lock().unwrap();
        let tokens = switches.get(TOKENS).and_then(|switch| switch.in_force.as_deref());
        tokens.and_then(|tokens| tokens.split(',').next()).unwrap_or("none").trim().to_owned()
    }
}

/// Removes all limits and switches from a database that no server uses.
pub(crate) async fn remove_all(store: &Store) {
    let removed: Result<_, StoreError> = store
        .write((), |tx, ()| {
            Box::pin(async move {
                server_config::Entity::delete_many().exec(tx).await?;
                Ok(())
            })
        })
        .await;
    removed.unwrap();
}

pub(super) async fn exchange(address: &str, request: Request<Body>) -> Answer {
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
