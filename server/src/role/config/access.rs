//! Access-key check in front of every client endpoint. The parsed request goes on with the request, so that what was checked is
//! what is served.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use castalia_core::protocol::route::Endpoint;
use castalia_core::protocol::signature::{Signer, TIMESTAMP_HEADER, signature_of};
use http::header::AUTHORIZATION;

use crate::error::{Error, Result};
use crate::state::EnvironmentState;

/// Reads the endpoint and checks the signature where the app has enabled keys.
pub(in crate::role) fn check(state: &EnvironmentState, mut request: Request) -> Result<Request> {
    let uri = request.uri();
    let endpoint = Endpoint::parse(uri.path(), uri.query().unwrap_or_default())?;
    let keys = state.feed.keys();
    if !keys.is_loaded() {
        return Err(Error::unavailable("Access keys were not loaded yet.").early());
    }
    let keys = keys.of(endpoint.app_id()).unwrap_or_default();
    if !keys.filter.is_empty() {
        verify(state, &keys.filter, &request)?;
    } else if state.settings.require_access_key {
        return Err(Error::unauthorized("This installation serves only apps that have an access key.").early());
    } else if !keys.observe.is_empty()
        && let Err(error) = verify(state, &keys.observe, &request)
    {
        tracing::warn!(app_id = endpoint.app_id(), %error, "a request does not fit the observed access key");
    }
    request.extensions_mut().insert(Arc::new(endpoint));
    Ok(request)
}

/// Timestamp first, then signature, against every key: any of them is enough.
fn verify(state: &EnvironmentState, keys: &[Signer], request: &Request) -> Result<()> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let timestamp = header(TIMESTAMP_HEADER);
    let tolerance = state.config.number("apollo.access-key.auth-time-diff-tolerance", 60, 1..=i64::MAX);
    let age = now_ms() - timestamp.parse::<i128>().unwrap_or(0);
    if age.abs() >= i128::from(tolerance) * 1000 {
        return Err(Error::unauthorized("RequestTimeTooSkewed").with_code("request_time_too_skewed").early());
    }
    let signature = signature_of(header(AUTHORIZATION.as_str())).unwrap_or_default();
    let line = signed_line(state, request);
    if keys.iter().any(|key| key.verify(timestamp, &line, signature)) {
        return Ok(());
    }
    Err(Error::unauthorized("Unauthorized").early())
}

/// Path and query as the client sent and signed them: with the base path, and without a bare `?`.
fn signed_line(state: &EnvironmentState, request: &Request) -> String {
    let uri = request.uri();
    let query = uri.query().filter(|query| !query.is_empty());
    let separator = if query.is_some() { "?" } else { "" };
    format!("{}{}{separator}{}", state.settings.base_path, uri.path(), query.unwrap_or_default())
}

fn now_ms() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i128::try_from(since.as_millis()).unwrap_or(0))
}
