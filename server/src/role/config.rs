//! Router of the config role: what clients ask for. Every client endpoint is read by one parser, checked by one guard, and only
//! then handed to its handler.

pub(super) mod access;
mod file;
mod notification;
mod query;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Extension, Request, State};
use axum::response::Response;
use castalia_core::protocol::route::{Caller, Endpoint, Target};
use http::HeaderMap;

use self::access::Checked;
use self::notification::Poll;
use crate::error::{Error, Result};
use crate::role::{ClientAccess, ClientRoutes};
use crate::state::EnvironmentState;

/// All spellings below these prefixes reach the one parser, so that it alone decides what a path means.
pub fn routes(routes: ClientRoutes) -> ClientRoutes {
    const PATHS: [&str; 6] = [
        "/configs",
        "/configs/{*rest}",
        "/configfiles",
        "/configfiles/{*rest}",
        "/notifications",
        "/notifications/{*rest}",
    ];
    PATHS.into_iter().fold(routes, |routes, path| routes.get(path, ClientAccess::Client, client))
}

/// Hands a checked request to its handler. Nothing of the request is kept while a poll is parked.
async fn client(
    State(state): State<EnvironmentState>,
    Extension(checked): Extension<Arc<Checked>>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    request: Request,
) -> Result<Response> {
    match begin(&state, checked, peer, request).await? {
        Step::Answer(response) => Ok(response),
        Step::Wait(poll) => poll.answer(&state).await,
    }
}

/// What becomes of a request at first.
enum Step {
    Answer(Response),
    Wait(Poll),
}

async fn begin(
    state: &EnvironmentState,
    checked: Arc<Checked>,
    peer: SocketAddr,
    request: Request,
) -> Result<Step> {
    let (head, _) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let with_address = |mut caller: Caller| {
        let own = || {
            forwarded_address(&head.headers).unwrap_or_else(|| peer.ip().to_canonical().to_string())
        };
        caller.ip.get_or_insert_with(own);
        caller
    };
    let client = &checked.client;
    match &checked.endpoint {
        Endpoint::Config(target) => {
            query::answer(state, target, client, query, with_address).await.map(Step::Answer)
        }
        Endpoint::File(form, target) => {
            let caller = with_address(Caller::parse(query));
            file::answer(state, *form, target, client, caller).await.map(Step::Answer)
        }
        Endpoint::Poll(app_id) => notification::poll(state, app_id, client, query, peer.ip()),
        Endpoint::LegacyPoll(app_id) => {
            notification::legacy_poll(state, app_id, client, query, peer.ip())
        }
    }
}

/// First usable element of `X-Forwarded-For`.
fn forwarded_address(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("x-forwarded-for")?.to_str().ok()?;
    text.split(',').map(str::trim).find(|part| !part.is_empty()).map(str::to_owned)
}

/// What a client of an unknown namespace is told; before any body is chosen, so the reference's early shape.
fn not_found(target: &Target) -> Error {
    Error::not_found(format!(
        "Could not load configurations with appId: {}, clusterName: {}, namespace: {}",
        target.app_id, target.cluster, target.namespace
    ))
    .with_code("release_not_found")
    .early()
}
