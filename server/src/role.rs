//! The roles that a process can play. Each brings routes of its own and imports no other; roles that share a port are joined here.

pub mod admin;
pub mod config;
pub mod meta;
pub mod portal;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::http::health;
use crate::http::limit;
use crate::http::route::{Listed, Routes};
use crate::nudge;
use crate::state::EnvironmentState;

/// One role of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Hands configuration to clients and holds their polls.
    Config,
    /// Tells clients which services are alive; shares the config role's port.
    Meta,
    /// Edits and publishes in one environment.
    Admin,
    /// Web UI and OpenAPI over all environments.
    Portal,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Config, Role::Meta, Role::Admin, Role::Portal];

    /// Name in settings and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Config => "config",
            Role::Meta => "meta",
            Role::Admin => "admin",
            Role::Portal => "portal",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Who may call a route of the port that config and meta share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAccess {
    /// Everybody: health and discovery.
    Open,
    /// Clients of the app that the request names; signed where the app has a filter key.
    Client,
    /// Other nodes of the installation, by the secret that the database holds.
    Node,
}

/// Routes of the environment's client port.
pub type ClientRoutes = Routes<EnvironmentState, ClientAccess>;

/// The router of the port that config and meta share, with the routes of those that this process plays.
pub fn client_port(state: EnvironmentState) -> (Router, Vec<Listed<ClientAccess>>) {
    let settings = state.settings.clone();
    let mut routes = Routes::new(state, client_guard)
        .get("/health", ClientAccess::Open, health)
        .get("/health/live", ClientAccess::Open, health::live)
        .get("/health/ready", ClientAccess::Open, ready)
        .get("/apollo/version", ClientAccess::Open, health::version)
        .post(nudge::PATH, ClientAccess::Node, nudged);
    if settings.plays(Role::Meta) {
        routes = meta::routes(routes);
    }
    if settings.plays(Role::Config) {
        routes = config::routes(routes);
    }
    let (router, listed) = routes.finish();
    (router.layer(from_fn(limit::heads)), listed)
}

fn client_guard(
    state: EnvironmentState,
    access: ClientAccess,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        match access {
            ClientAccess::Open => next.run(request).await,
            ClientAccess::Client => match config::access::check(&state, request) {
                Ok(request) => next.run(request).await,
                Err(error) => error.into_response(),
            },
            ClientAccess::Node if state.nudge.accepts(request.headers()) => next.run(request).await,
            ClientAccess::Node => {
                Error::unauthorized("Only nodes of this installation may call this.")
                    .early()
                    .into_response()
            }
        }
    })
}

/// Well while node and database are; balancers ask `/health/ready`, since a node serves from memory.
async fn health(State(state): State<EnvironmentState>) -> Response {
    health::answer(state.store.ping().await.is_ok())
}

/// Another node committed a release message, a name or an access key.
async fn nudged(State(state): State<EnvironmentState>) {
    state.feed.signal();
    state.feed.signal_definitions();
}

async fn ready(State(state): State<EnvironmentState>) -> Response {
    health::answer(state.ready.get())
}
