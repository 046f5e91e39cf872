//! Router of the admin role: edits and publishes in one environment. A file below for each kind of thing; how requests are read is in
//! `request.rs`, how rows become bodies in `body.rs`.

mod access;
mod app;
mod body;
mod branch;
mod cluster;
mod item;
mod namespace;
mod release;
mod request;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::StatusCode;
use serde::Serialize;

use crate::domain::namespace::NamespaceKey;
use crate::http::route::{Listed, Routes};
use crate::http::{health, limit};
use crate::json::Json;
use crate::state::EnvironmentState;

/// Who may call a route of the admin port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAccess {
    /// Everybody: health, name and version.
    Open,
    /// Callers with the token of the installation, where the control is on.
    Token,
}

type AdminRoutes = Routes<EnvironmentState, AdminAccess>;

/// The router of the admin port with the list of its routes.
#[must_use]
pub fn router(state: EnvironmentState) -> (Router, Vec<Listed<AdminAccess>>) {
    let (router, listed) = routes(Routes::new(state, guard)).finish();
    (layered(router), listed)
}

/// The same for the portal role of this process, which is trusted.
#[must_use]
pub fn in_process(state: EnvironmentState) -> Router {
    layered(routes(Routes::new(state, trust)).finish().0)
}

fn layered(router: Router) -> Router {
    router.layer(from_fn(request::plain_path)).layer(from_fn(limit::heads))
}

fn routes(routes: AdminRoutes) -> AdminRoutes {
    let routes = routes
        .get("/", AdminAccess::Open, name)
        .get("/health", AdminAccess::Open, well)
        .get("/health/live", AdminAccess::Open, health::live)
        .get("/health/ready", AdminAccess::Open, ready)
        .get("/apollo/version", AdminAccess::Open, health::version);
    let routes = cluster::routes(app::routes(routes));
    let routes = item::routes(namespace::routes(routes));
    branch::routes(release::routes(routes))
}

/// Name of the service, as balancers of the reference ask for it.
async fn name() -> &'static str {
    castalia_core::protocol::namespace::ADMIN_SERVICE
}

async fn well(State(state): State<EnvironmentState>) -> Response {
    health::answer(state.store.ping().await.is_ok())
}

async fn ready(State(state): State<EnvironmentState>) -> Response {
    health::answer(state.ready.get())
}

fn guard(
    state: EnvironmentState,
    access: AdminAccess,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        if access == AdminAccess::Token
            && let Err(error) = access::check(&state.config, state.compat, request.headers())
        {
            return error.into_response();
        }
        next.run(request).await
    })
}

fn trust(_: EnvironmentState, _: AdminAccess, request: Request, next: Next) -> BoxFuture<'static, Response> {
    Box::pin(next.run(request))
}

/// A value, or an empty body where there is none: callers read that as "none".
#[derive(Debug)]
struct OrEmpty<T>(Option<T>);

impl<T: Serialize> IntoResponse for OrEmpty<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Some(value) => Json(value).into_response(),
            None => StatusCode::OK.into_response(),
        }
    }
}

/// The three names in front of most paths.
fn key((app_id, cluster, namespace): &(String, String, String)) -> NamespaceKey {
    NamespaceKey::new(app_id, cluster, namespace)
}
