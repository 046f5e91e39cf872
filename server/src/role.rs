//! The roles of a process. Each has its own routes and imports no other role; roles that share a
//! port are joined here.

pub mod admin;
pub mod config;
mod eureka;
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

use self::config::Step;
use self::eureka::EurekaPort;
use crate::error::{Error, Result};
use crate::feed::cache::ReadFrom;
use crate::http::health;
use crate::http::memory::{Begun, ClientHead, FromMemory, FrontAnswer, PlainAnswer};
use crate::http::route::{Listed, Routes};
use crate::nudge;
use crate::settings::role::Role;
use crate::state::EnvironmentState;

/// Access to a route of the port that config and meta share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAccess {
    /// Open to everyone: health and discovery.
    Open,
    /// For clients of the app that the request names; signed if the app has a filter key.
    Client,
    /// For clients and peers of the hosted Eureka, with the user name and password of the settings.
    Eureka,
    /// For other nodes of the installation, authenticated by the secret in the database.
    Node,
}

/// Routes of the environment's client port.
pub type ClientRoutes = Routes<EnvironmentState, ClientAccess>;

/// The port that config and meta share. Paths of client endpoints go to one parser, which alone
/// decides what they mean; all others go to the router.
#[derive(Debug, Clone)]
pub struct ClientPort(Arc<ClientPortParts>);

#[derive(Debug)]
struct ClientPortParts {
    router: Router,
    state: EnvironmentState,
    /// Absent unless this node hosts Eureka.
    eureka: Option<EurekaPort>,
}

impl ClientPort {
    /// The port with the routes of those roles that this process has, and `more`.
    #[must_use]
    pub fn new(state: EnvironmentState, more: Router) -> (Self, Vec<Listed<ClientAccess>>) {
        let mut routes = Routes::new(state.clone(), client_guard)
            .get("/health", ClientAccess::Open, health)
            .get("/health/live", ClientAccess::Open, health::live)
            .get("/health/ready", ClientAccess::Open, ready)
            .get(health::VERSION_PATH, ClientAccess::Open, health::version)
            .post(nudge::PATH, ClientAccess::Node, nudged);
        if state.settings.plays(Role::Meta) {
            routes = meta::routes(routes);
        }
        let (router, mut listed) = routes.finish();
        if state.settings.plays(Role::Config) {
            listed.extend(config::listed());
        }
        let eureka = state.registry.eureka().cloned();
        let eureka = eureka.map(|eureka| EurekaPort::new(eureka, &state.settings));
        if eureka.is_some() {
            listed.extend(eureka::listed());
        }
        (Self(Arc::new(ClientPortParts { router: router.merge(more), state, eureka })), listed)
    }

    fn is_for_clients(&self, path: &str) -> bool {
        self.0.state.settings.plays(Role::Config) && config::is_client_path(path)
    }

    /// The first part is boxed and dropped before a poll waits, so that a parked poll does not keep
    /// the memory that it needs.
    fn client(&self, request: Request) -> BoxFuture<'static, Response> {
        let (begun, waiting) = (Arc::clone(&self.0), Arc::clone(&self.0));
        let begin = Box::pin(async move { config::begin_request(&begun.state, request).await });
        Box::pin(async move {
            let answered = match begin.await {
                Ok(step) => step.finish(&waiting.state).await,
                Err(error) => Err(error),
            };
            for_client(answered).into_response()
        })
    }
}

/// An answer of the config role. The plain ones have its headers already.
fn for_client(answered: Result<PlainAnswer>) -> FrontAnswer {
    match answered {
        Ok(plain) => FrontAnswer::Plain(plain),
        Err(error) => {
            let mut response = error.into_response();
            let poll_line = HeaderValue::from_static(config::POLL_LINE);
            response.headers_mut().insert(POLL_LINE_HEADER, poll_line);
            FrontAnswer::Response(response)
        }
    }
}

impl FromMemory for ClientPort {
    fn begin(&self, head: &ClientHead<'_>) -> Option<Begun> {
        if !self.is_for_clients(head.path) {
            return None;
        }
        let begun = config::begin(&self.0.state, head, ReadFrom::Memory).now_or_never()?;
        Some(match begun {
            Ok(Step::Wait(poll)) => {
                let parts = Arc::clone(&self.0);
                let answer = async move { for_client(poll.answer(&parts.state).await) };
                Begun::Wait(Box::pin(answer))
            }
            Ok(Step::Answer(answer)) => Begun::Answer(for_client(Ok(answer))),
            Err(error) => Begun::Answer(for_client(Err(error))),
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
        if self.0.eureka.is_some() && eureka::is_path(request.uri().path()) {
            let parts = Arc::clone(&self.0);
            let answer: BoxFuture<'static, Response> = Box::pin(async move {
                match &parts.eureka {
                    Some(eureka) => eureka.answer(request).await,
                    None => Error::not_found("no such path").into_response(),
                }
            });
            return answer.map(Ok);
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
            // Not reached through the router: `ClientPort` passes these to the config role, which
            // checks them itself.
            ClientAccess::Client | ClientAccess::Eureka => {
                Error::not_found("no such path").into_response()
            }
            ClientAccess::Node if state.nudge.accepts(request.headers()) => next.run(request).await,
            ClientAccess::Node => {
                Error::unauthorized("Only nodes of this installation may call this.")
                    .early()
                    .into_response()
            }
        }
    })
}

/// `UP` while publishes are stored, announced and served. Load balancers should use
/// `/health/ready`: a node also serves from memory without its database.
async fn health(State(state): State<EnvironmentState>) -> Response {
    health::report_with(&state.faults().await, &state.registry.notes())
}

/// Called by another node that committed a release message, a name or an access key.
async fn nudged(State(state): State<EnvironmentState>) {
    state.feed.signal();
    state.feed.signal_definitions();
}

async fn ready(State(state): State<EnvironmentState>) -> Response {
    health::report(&state.obstacles())
}
