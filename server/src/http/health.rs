//! Health of a node, on every port: alive, ready to answer, and free of faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

/// Whether this node can serve: set after the first load, cleared while it drains.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Sets whether the node can serve.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether the node can serve.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// `/health/live`: succeeds while the process runs.
pub async fn live() -> Response {
    report(&[])
}

/// The path of [`version`] on every port.
pub const VERSION_PATH: &str = "/apollo/version";
/// How the answer begins, unlike Apollo's.
pub const PRODUCT: &str = "castalia-";

/// Name and version of the program.
pub async fn version() -> String {
    format!("{PRODUCT}{}", env!("CARGO_PKG_VERSION"))
}

/// Returns `UP` and 200 if there are no faults, otherwise 503 with the faults as description. The
/// status is an object, as in Apollo, and scripts search for the text `UP`.
#[must_use]
pub fn report(faults: &[String]) -> Response {
    report_with(faults, &[])
}

/// The same with notes, which do not change the status.
#[must_use]
pub fn report_with(faults: &[String], notes: &[String]) -> Response {
    let (status, code) = match faults {
        [] => (StatusCode::OK, "UP"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "DOWN"),
    };
    let status_body = StatusBody { code, description: [faults, notes].concat().join("; ") };
    let body = crate::json::write(&Health { status: status_body }).unwrap_or_default();
    (status, [(CONTENT_TYPE, crate::json::JSON_TYPE)], body).into_response()
}

#[derive(Serialize)]
struct Health {
    status: StatusBody,
}

#[derive(Serialize)]
struct StatusBody {
    code: &'static str,
    description: String,
}
