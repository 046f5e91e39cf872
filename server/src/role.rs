//! The roles that a process can play. Each brings routes of its own and imports no other; roles that share a port are joined here.

pub mod admin;
pub mod config;
pub mod meta;
pub mod portal;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use castalia_core::protocol::route::POLL_LINE_HEADER;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Map};
use http::HeaderValue;
use tower::{Service, ServiceExt as _};

use crate::error::Error;
use crate::http::health;
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

/// What clients are told of the length of a poll: the longest that the parser of URLs takes.
const POLL_LINE: HeaderValue = HeaderValue::from_static("65534");

/// The port that config and meta share. Client endpoints go to the parser that alone decides what their paths mean, everything else to
/// the router.
#[derive(Debug, Clone)]
pub struct ClientPort(Arc<ClientPortParts>);

#[derive(Debug)]
struct ClientPortParts {
    router: Router,
    state: EnvironmentState,
}

impl ClientPort {
    /// The port with the routes of those roles that this process plays, and `more`.
    #[must_use]
    pub fn new(state: EnvironmentState, more: Router) -> (Self, Vec<Listed<ClientAccess>>) {
        let mut routes = Routes::new(state.clone(), client_guard)
            .get("/health", ClientAccess::Open, health)
            .get("/health/live", ClientAccess::Open, health::live)
            .get("/health/ready", ClientAccess::Open, ready)
            .get("/apollo/version", ClientAccess::Open, health::version)
            .post(nudge::PATH, ClientAccess::Node, nudged);
        if state.settings.plays(Role::Meta) {
            routes = meta::routes(routes);
        }
        let (router, mut listed) = routes.finish();
        if state.settings.plays(Role::Config) {
            listed.extend(config::listed());
        }
        (Self(Arc::new(ClientPortParts { router: router.merge(more), state })), listed)
    }

    fn is_for_clients(&self, path: &str) -> bool {
        self.0.state.settings.plays(Role::Config) && config::is_client_path(path)
    }

    /// The beginning is in a box of its own, which is gone when a poll waits: the room that it needs, a parked poll must not keep.
    fn client(&self, request: Request) -> BoxFuture<'static, Response> {
        let (begun, waiting) = (Arc::clone(&self.0), Arc::clone(&self.0));
        let begin = Box::pin(async move { config::begin(&begun.state, request).await });
        Box::pin(async move {
            let answered = match begin.await {
                Ok(step) => step.finish(&waiting.state).await,
                Err(error) => Err(error),
            };
            let mut response = answered.unwrap_or_else(Error::into_response);
            response.headers_mut().insert(POLL_LINE_HEADER, POLL_LINE);
            response
        })
    }
}

impl Service<Request> for ClientPort {
    type Response = Response;
    type Error = Infallible;
    type Future = Map<BoxFuture<'static, Response>, fn(Response) -> Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if self.is_for_clients(request.uri().path()) {
            return self.client(request).map(Ok);
        }
        let routed = self.0.router.clone().oneshot(request);
        let answer: BoxFuture<'static, Response> =
            Box::pin(async { routed.await.unwrap_or_else(|never| match never {}) });
        answer.map(Ok)
    }
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
            // Not reached through the router: `ClientPort` hands these to the config role, which checks them itself.
            ClientAccess::Client => Error::not_found("no such path").into_response(),
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
    health::answer(state.store.check().await.is_ok())
}

/// Another node committed a release message, a name or an access key.
async fn nudged(State(state): State<EnvironmentState>) {
    state.feed.signal();
    state.feed.signal_definitions();
}

async fn ready(State(state): State<EnvironmentState>) -> Response {
    health::answer(state.ready.get())
}
