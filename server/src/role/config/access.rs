//! Access-key check before every client endpoint. Returns the parsed request, so that exactly the
//! checked request is served.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use castalia_core::protocol::namespace::is_no_app_id;
use castalia_core::protocol::route::{Caller, ClientRequest};
use castalia_core::protocol::signature::{Signer, TIMESTAMP_HEADER, signature_of};
use http::header::AUTHORIZATION;

use super::with_address;
use crate::error::{Code, Error, Result};
use crate::feed::access_key::AppKeys;
use crate::http::memory::ClientHead;
use crate::log_rate::{LogRate, shortened};
use crate::server_config::keys;
use crate::state::EnvironmentState;

/// A request that passed the check.
#[derive(Debug)]
pub(super) struct Checked {
    /// The request, as the client wrote it.
    pub(super) endpoint: ClientRequest,
    /// The app that it acts for.
    pub(super) client: AuthenticatedClient,
    /// Why the request would be refused if the observed access key was enforced.
    misfit: Option<Error>,
}

/// The app that a request acts for, and the key that authenticated it.
#[derive(Debug, Clone)]
pub(super) struct AuthenticatedClient {
    /// App id in its stored spelling; `None` for an app that is not stored, and for "no app id".
    pub(super) app_id: Option<Arc<str>>,
    /// Row id of the filter key that matched; `None` if the app has none.
    key: Option<i64>,
}

/// Parses the endpoint, resolves the app, and checks the signature if the app has enabled keys.
pub(super) fn check(state: &EnvironmentState, head: &ClientHead<'_>) -> Result<Checked> {
    let endpoint = ClientRequest::parse(head.path, head.query)?;
    if !state.feed.names().is_loaded() {
        return Err(Error::unavailable("Names have not been loaded yet.").early());
    }
    let app_id = stored_app(state, endpoint.app_id());
    let keys = keys_of(state, app_id.as_deref())?;
    let (filter, observe) =
        keys.as_deref().map_or((&[][..], &[][..]), |keys| (&keys.filter[..], &keys.observe[..]));
    let key = if !filter.is_empty() {
        Some(verify(state, filter, head)?)
    } else if state.settings.require_access_key {
        return Err(Error::unauthorized(
            "This installation serves only apps that have an access key.",
        )
        .early());
    } else {
        None
    };
    let misfit = (key.is_none() && !observe.is_empty())
        .then(|| verify(state, observe, head).err())
        .flatten();
    Ok(Checked { endpoint, client: AuthenticatedClient { app_id, key }, misfit })
}

impl Checked {
    /// Counts a request that the observed access key does not admit, and records its client. Called
    /// with the answer, since a request that memory is not sufficient for is checked twice.
    pub(super) fn report(&self, state: &EnvironmentState, head: &ClientHead<'_>) {
        static MISFITS: LogRate = LogRate::new();
        let Some(error) = &self.misfit else { return };
        metrics::counter!("castalia_observed_signature_failures_total").increment(1);
        if let (Some(app_id), Some(address)) = (&self.client.app_id, stated_address(head)) {
            state.unsigned.offer(app_id, address);
        }
        if let Some(suppressed) = MISFITS.admit() {
            let app_id = shortened(self.endpoint.app_id());
            tracing::warn!(app_id, %error, suppressed, "a request is not signed with the observed access key; it would be refused if the key was enforced");
        }
    }
}

impl AuthenticatedClient {
    /// Repeats the decision when a held poll is answered: the app may have received its first key
    /// or lost one meanwhile.
    pub(super) fn check_again(&self, state: &EnvironmentState, written_app_id: &str) -> Result<()> {
        let keys = keys_of(state, stored_app(state, written_app_id).as_deref())?;
        let is_admitted = keys.is_none_or(|keys| keys.admit(self.key))
            && (self.key.is_some() || !state.settings.require_access_key);
        if is_admitted { Ok(()) } else { Err(Error::unauthorized("Unauthorized").early()) }
    }
}

/// As in the records of instances, so that a client is found there; `None` if it is no address.
fn stated_address(head: &ClientHead<'_>) -> Option<IpAddr> {
    let caller = with_address(Caller::parse(head.query), head);
    Some(caller.ip?.parse::<IpAddr>().ok()?.to_canonical())
}

fn stored_app(state: &EnvironmentState, written: &str) -> Option<Arc<str>> {
    (!is_no_app_id(written)).then(|| state.feed.names().app(written)).flatten()
}

/// The enabled keys of an app, if it has any. Fails if keys were never read, or too long ago: that
/// is not the same as an app without keys.
fn keys_of(state: &EnvironmentState, app_id: Option<&str>) -> Result<Option<Arc<AppKeys>>> {
    let keys = state.feed.keys();
    if !keys.is_loaded() {
        return Err(Error::unavailable("Access keys have not been loaded yet.").early());
    }
    if state.has_outdated_keys() {
        return Err(Error::unavailable("The access keys were read too long ago.").early());
    }
    Ok(app_id.and_then(|app_id| keys.of(app_id)))
}

/// Checks the timestamp, then the signature against every key, and returns the first that matches.
fn verify(state: &EnvironmentState, keys: &[(i64, Signer)], head: &ClientHead<'_>) -> Result<i64> {
    let header = |name: &str| head.headers.get(name).unwrap_or_default();
    let timestamp = header(TIMESTAMP_HEADER);
    let tolerance = state.config.get(&keys::ACCESS_KEY_TOLERANCE);
    let age = now_ms() - timestamp.parse::<i128>().unwrap_or(0);
    if age.unsigned_abs() >= tolerance.as_millis() {
        return Err(Error::unauthorized("RequestTimeTooSkewed")
            .with_code(Code::RequestTimeTooSkewed)
            .early());
    }
    let signature = signature_of(header(AUTHORIZATION.as_str())).unwrap_or_default();
    let line = signed_line(state, head);
    let fitting = keys.iter().find(|(_, key)| key.verify(timestamp, &line, signature));
    fitting.map(|(id, _)| *id).ok_or_else(|| Error::unauthorized("Unauthorized").early())
}

/// Path and query as the client sent and signed them: with the base path, and without a bare `?`.
fn signed_line(state: &EnvironmentState, head: &ClientHead<'_>) -> String {
    let ClientHead { path, query, .. } = head;
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{}{path}{separator}{query}", state.settings.base_path)
}

fn now_ms() -> i128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i128::try_from(since.as_millis()).unwrap_or(0))
}
