//! The config role: answers clients. One parser reads every client endpoint; the request is checked
//! once and only then passed to its handler.

mod access;
mod file;
mod notification;
mod query;

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::{Caller, ClientRequest};
use http::request::Parts;
use http::{HeaderMap, Method};

use self::access::Checked;
use self::notification::Poll;
use crate::error::{Code, Error, Reaction, Result};
use crate::http::route::Listed;
use crate::role::ClientAccess;
use crate::state::EnvironmentState;

/// All paths below these go to the parser of client endpoints.
const PREFIXES: [&str; 3] = ["/configs", "/configfiles", "/notifications"];

/// Whether a path is that of a client endpoint, or below one.
pub(super) fn is_client_path(path: &str) -> bool {
    let is_below = |prefix: &&str| {
        path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    PREFIXES.iter().any(is_below)
}

/// The client endpoints, for callers that enumerate all routes.
pub(super) fn listed() -> impl Iterator<Item = Listed<ClientAccess>> {
    const PATHS: [&str; 6] = [
        "/configs",
        "/configs/{*rest}",
        "/configfiles",
        "/configfiles/{*rest}",
        "/notifications",
        "/notifications/{*rest}",
    ];
    PATHS.into_iter().map(|path| Listed {
        method: Method::GET,
        path,
        access: ClientAccess::Client,
        operation: None,
    })
}

/// First outcome of a request: its answer, or a poll that waits.
pub(super) enum Step {
    Answer(Response),
    Wait(Poll),
}

impl Step {
    /// Waits for the answer.
    pub(super) async fn finish(self, state: &EnvironmentState) -> Result<Response> {
        match self {
            Self::Answer(response) => Ok(response),
            Self::Wait(poll) => poll.answer(state).await,
        }
    }
}

/// Starts to answer a client: parses and checks the request once, then passes it to its endpoint. A
/// poll that has to wait keeps nothing of its request.
pub(super) async fn begin(state: &EnvironmentState, request: Request) -> Result<Step> {
    let (head, _) = request.into_parts();
    if !matches!(head.method, Method::GET | Method::HEAD) {
        let message = format!("Request method '{}' is not supported", head.method);
        return Err(Error::new(Reaction::MethodNotAllowed, message));
    }
    let Checked { endpoint, client } = access::check(state, &head)?;
    let query = head.uri.query().unwrap_or_default();
    let peer = peer_of(&head);
    let with_address = |mut caller: Caller| {
        let own = || forwarded_address(&head.headers).or_else(|| peer.map(|ip| ip.to_string()));
        caller.ip = caller.ip.take().or_else(own);
        caller
    };
    match &endpoint {
        ClientRequest::Config(target) => {
            query::answer(state, target, &client, query, with_address).await.map(Step::Answer)
        }
        ClientRequest::File(form, target) => {
            let caller = with_address(Caller::parse(query));
            file::answer(state, *form, target, &client, caller).await.map(Step::Answer)
        }
        ClientRequest::Poll(app_id) => notification::poll(state, app_id, &client, query, peer),
        ClientRequest::LegacyPoll(app_id) => {
            notification::legacy_poll(state, app_id, &client, query, peer)
        }
    }
}

/// Address that the connection comes from; `None` in tests without one.
fn peer_of(head: &Parts) -> Option<IpAddr> {
    let ConnectInfo(peer) = head.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.ip().to_canonical())
}

/// First usable element of `X-Forwarded-For`.
fn forwarded_address(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("x-forwarded-for")?.to_str().ok()?;
    text.split(',').map(str::trim).find(|part| !part.is_empty()).map(str::to_owned)
}

/// The answer for an unknown namespace. It is chosen before any body, and therefore has Apollo's
/// early format.
fn not_found(target: &NamespaceKey) -> Error {
    Error::not_found(format!(
        "Could not load configurations with appId: {}, clusterName: {}, namespace: {}",
        target.app_id, target.cluster, target.namespace
    ))
    .with_code(Code::ReleaseNotFound)
    .early()
}
