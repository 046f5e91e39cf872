//! Routes of the admin role: edits and publishes in one environment. Each kind of object has a file
//! below. `request.rs` parses requests, `body.rs` converts rows to bodies.

/// A path below a namespace, as most paths are.
macro_rules! in_namespace {
    ($rest:literal) => {
        concat!("/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}", $rest)
    };
}

mod about;
mod access;
mod access_key;
mod app;
mod audit_log;
mod body;
mod branch;
mod bulk;
mod cluster;
mod instance;
mod item;
mod long_read;
mod namespace;
mod release;
mod release_list;
mod request;
mod restoration;
mod server_config;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

use crate::background::Background;
use crate::domain::audit_log::{self as audits, Log};
use crate::domain::namespace::NamespaceKey;
use crate::domain::retention;
use crate::feed::hub::network;
use crate::http::request_memory::{MemoryHolder, Payer};
use crate::http::route::{Listed, Routes};
use crate::state::EnvironmentState;

/// Access to a route of the admin port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAccess {
    /// Open to everyone: health, name and version.
    Open,
    /// Requires the token of the installation if access control is on.
    Token,
}

type AdminRoutes = Routes<EnvironmentState, AdminAccess>;

/// The router of the admin port, with the list of its routes.
pub fn router(state: EnvironmentState) -> (Router, Vec<Listed<AdminAccess>>) {
    let changes = state.changes.clone();
    let (router, listed) = routes(Routes::new(state, guard).charge_callers(payer)).finish();
    (layered(router, changes), listed)
}

/// Marks a request with a token.
#[derive(Debug, Clone, Copy)]
struct HasToken;

/// A portal has limited its users. Without access control, everyone may be the caller.
fn payer(request: &Request) -> Option<Payer> {
    let extensions = request.extensions();
    extensions.get::<HasToken>()?;
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let holder = MemoryHolder::Portal(network(peer.ip()));
    Some(Payer { holder, is_change: !request.method().is_safe() })
}

/// The same for the portal role of this process, which is trusted and needs no token.
pub fn in_process(state: EnvironmentState) -> Router {
    let changes = state.changes.clone();
    layered(routes(Routes::new(state, trust)).finish().0, changes)
}

/// Starts the background tasks of the role.
pub fn run(state: &EnvironmentState, background: &Background) {
    retention::run(&state.store, &state.config, background);
    audits::seal::run(Log::of_environment(&state.store), background);
    audits::retention::run(Log::of_environment(&state.store), &state.config, background);
}

fn layered(router: Router, changes: TaskTracker) -> Router {
    let continued = from_fn_with_state(changes, request::continued);
    router.layer(continued).layer(from_fn(request::plain_path))
}

fn routes(routes: AdminRoutes) -> AdminRoutes {
    let kinds: [fn(AdminRoutes) -> AdminRoutes; 13] = [
        about::routes,
        app::routes,
        access_key::routes,
        cluster::routes,
        bulk::routes,
        restoration::routes,
        namespace::routes,
        item::routes,
        release::routes,
        branch::routes,
        instance::routes,
        server_config::routes,
        audit_log::routes,
    ];
    kinds.into_iter().fold(routes, |routes, add| add(routes))
}

fn guard(
    state: EnvironmentState,
    access: AdminAccess,
    mut request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        if access == AdminAccess::Token {
            match access::check(&state.config, state.compat, request.headers()) {
                Ok(true) => drop(request.extensions_mut().insert(HasToken)),
                Ok(false) => {}
                Err(error) => return error.into_response(),
            }
        }
        next.run(request).await
    })
}

fn trust(
    _: EnvironmentState,
    _: AdminAccess,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(next.run(request))
}

/// The app, cluster and namespace in most paths.
type NamespaceNames = (String, String, String);

fn key((app_id, cluster, namespace): &NamespaceNames) -> NamespaceKey {
    NamespaceKey::new(app_id, cluster, namespace)
}
