//! The config role: answers clients. One parser reads every client endpoint; the request is checked
//! once and only then passed to its handler.

mod access;
mod file;
mod notification;
mod query;

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use bytes::Bytes;
use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::{Caller, ClientRequest, POLL_LINE_HEADER};
use http::{Method, StatusCode};

use self::notification::Poll;
use crate::error::{Code, Error, Reaction, Result};
use crate::feed::cache::ReadFrom;
use crate::http::memory::{ClientHead, HeadFields, PlainAnswer, StaticHeaders};
use crate::http::route::Listed;
use crate::json::JSON_TYPE;
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

/// Maximum length of a poll's request line, as announced to clients: the longest that the URL
/// parser accepts.
pub(super) const POLL_LINE: &str = "65534";

/// Headers of the answers.
const JSON: StaticHeaders = &[("content-type", JSON_TYPE), (POLL_LINE_HEADER, POLL_LINE)];
const NO_BODY: StaticHeaders = &[(POLL_LINE_HEADER, POLL_LINE)];

/// First outcome of a request: its answer, or a poll that waits.
pub(super) enum Step {
    Answer(PlainAnswer),
    Wait(Poll),
}

impl Step {
    /// Waits for the answer.
    pub(super) async fn finish(self, state: &EnvironmentState) -> Result<PlainAnswer> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Wait(poll) => poll.answer(state).await,
        }
    }
}

/// Starts to answer a complete request.
pub(super) async fn begin_request(state: &EnvironmentState, request: Request) -> Result<Step> {
    let (head, _) = request.into_parts();
    if !matches!(head.method, Method::GET | Method::HEAD) {
        let message = format!("Request method '{}' is not supported", head.method);
        return Err(Error::new(Reaction::MethodNotAllowed, message));
    }
    let peer = head.extensions.get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| *peer);
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let head = ClientHead { path, query, headers: HeadFields::Map(&head.headers), peer };
    begin(state, &head, ReadFrom::Database).await
}

/// Starts to answer a client: parses and checks the request once, then passes it to its endpoint. A
/// poll that has to wait keeps nothing of its request.
pub(super) async fn begin(
    state: &EnvironmentState,
    head: &ClientHead<'_>,
    read_from: ReadFrom,
) -> Result<Step> {
    let checked = access::check(state, head)?;
    let client = &checked.client;
    let step = match &checked.endpoint {
        ClientRequest::Config(target) => {
            query::answer(state, target, client, head, read_from).await.map(Step::Answer)
        }
        ClientRequest::File(form, target) => {
            file::answer(state, *form, target, client, head, read_from).await.map(Step::Answer)
        }
        ClientRequest::Poll(app_id) => notification::poll(state, app_id, client, head),
        ClientRequest::LegacyPoll(app_id) => notification::legacy_poll(state, app_id, client, head),
    };
    checked.report(state, head);
    if read_from == ReadFrom::Database {
        // A release may have been read meanwhile, with the key that protects it.
        client.check_again(state, checked.endpoint.app_id())?;
    }
    step
}

fn ok(headers: StaticHeaders, body: Bytes) -> PlainAnswer {
    PlainAnswer { status: StatusCode::OK, headers, body }
}

fn without_body(status: StatusCode) -> PlainAnswer {
    PlainAnswer { status, headers: NO_BODY, body: Bytes::new() }
}

/// Address that the connection comes from; `None` in tests without one.
fn peer_of(head: &ClientHead<'_>) -> Option<IpAddr> {
    head.peer.map(|peer| peer.ip().to_canonical())
}

/// The caller with the address of its connection, unless it sent one.
fn with_address(mut caller: Caller, head: &ClientHead<'_>) -> Caller {
    let own = || forwarded_address(head).or_else(|| peer_of(head).map(|ip| ip.to_string()));
    caller.ip = caller.ip.take().or_else(own);
    caller
}

/// First usable element of `X-Forwarded-For`.
fn forwarded_address(head: &ClientHead<'_>) -> Option<String> {
    let text = head.headers.get("x-forwarded-for")?;
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
