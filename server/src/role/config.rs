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

/// Hands a checked request to its handler. The request is dropped before a poll parks.
async fn client(
    State(state): State<EnvironmentState>,
    Extension(endpoint): Extension<Arc<Endpoint>>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    request: Request,
) -> Result<Response> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let forwarded = forwarded_address(request.headers());
    drop(request);
    let with_address = |mut caller: Caller| {
        caller.ip = caller.ip.or(forwarded).or_else(|| Some(peer.ip().to_canonical().to_string()));
        caller
    };
    match &*endpoint {
        Endpoint::Config(target) => query::answer(&state, target, &query, with_address).await,
        Endpoint::File(form, target) => file::answer(&state, *form, target, with_address(Caller::parse(&query))).await,
        Endpoint::Poll(app_id) => notification::poll(&state, app_id, &query).await,
        Endpoint::LegacyPoll(app_id) => notification::legacy_poll(&state, app_id, &query).await,
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
