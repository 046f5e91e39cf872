//! Routes of the portal role: web UI, sign-in, and OpenAPI over all environments. Each route
//! declares the access that it requires; `portal/access.rs` enforces it.

mod abandoned;
mod access;
mod audit;
mod based;
mod calls;
mod events;
mod extract;
mod fan_out;
mod identity;
mod notice;
mod open_api;
mod origin;
mod rate;
mod right;
mod sign_in;
mod throttle;
mod turns;
mod web;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_store::Id;
use http::HeaderValue;

use self::abandoned::AbandonedChanges;
use self::audit::allowance::RefusedCalls;
use self::audit::sign_in::RefusedSignIns;
use self::calls::Calls;
use self::events::Hub;
use self::open_api::document::Document;
use self::open_api::reads::ReadTurns;
use self::open_api::upload::Uploads;
use self::origin::Hosts;
use self::rate::RequestRates;
use self::sign_in::basic::VerifiedUsers;
use self::sign_in::token_owner::TokenOwners;
use self::throttle::Throttle;
use self::turns::UserTurns;
use crate::background::Background;
use crate::directory::Directory;
use crate::domain::audit_log::{Log, retention, seal};
use crate::domain::permission::grant;
use crate::domain::permission::requirement::{Requirement, Rights};
use crate::domain::{recent, session};
use crate::environment::{Environment, Environments, revision};
use crate::http::health;
use crate::http::route::{Listed, Routes};
use crate::open_id::OpenId;
use crate::server_config::keys;
use crate::settings::Installation;
use crate::state::PortalState;
use crate::turns::{KeyedTurns, Turn};

/// Maximum number of exports and imports that are worked on concurrently; each occupies a
/// temporary file, a core and the environments.
const TRANSFERS: usize = 4;
/// Maximum number of searches of a user in the directory at a time.
const SEARCHES_OF_USER: usize = 2;
/// Interval at which probes of other environments are started if they are due.
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// Interval of the searches for sessions of users who were disabled or deleted.
const SESSION_PAUSE: Duration = Duration::from_secs(10);
/// Paths that are answered for every host: probes and load balancers call a node by its address,
/// whatever the names of the portal are, and no answer depends on a session.
const PROBED: [&str; 4] = ["/health", "/health/live", "/health/ready", health::VERSION_PATH];

/// The access that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortalAccess {
    /// Open to everyone: sign-in with its files, health.
    Open,
    /// Requires a session, and redirects to the sign-in without one. For pages.
    Page,
    /// Requires a known caller with this permission.
    Call(Requirement),
    /// Requires a signed-in user with this permission; refused to tokens, whatever their
    /// permissions.
    Session(Requirement),
    /// The same, but a user without permission to see the values receives an empty answer instead
    /// of an error.
    Read(Requirement, EmptyAnswer),
    /// Requires a known caller, and of a token an operation for this permission. The handler checks
    /// the permission as soon as it knows the namespaces or the release.
    ByContent(Requirement),
    /// Requires a token of a user, whatever its scope.
    UserToken,
}

/// The answer in place of values that a user may not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyAnswer {
    /// An empty body.
    Nothing,
    /// An empty list.
    List,
    /// A page without elements.
    Page,
    /// The number zero.
    Zero,
}

/// State that the handlers of this role share. Cheap to clone.
#[derive(Debug, Clone)]
struct Portal {
    state: PortalState,
    own: Arc<Own>,
}

/// State with the lifetime of the router.
#[derive(Debug)]
struct Own {
    hosts: Hosts,
    throttle: Throttle,
    refused_sign_ins: RefusedSignIns,
    refused_calls: RefusedCalls,
    verified_users: VerifiedUsers,
    token_owners: TokenOwners,
    /// Changes whose callers disconnected.
    abandoned: AbandonedChanges,
    /// Changes of own accounts, each of which hashes a password.
    own_changes: UserTurns,
    /// Searches in the directory of users.
    searches: UserTurns,
    /// Searches in the tables of the portal and of environments, and comparisons of gray rules.
    table_searches: UserTurns,
    imports: UserTurns,
    exports: UserTurns,
    consumer_token_rates: RequestRates<Id>,
    user_token_rates: RequestRates<Id>,
    /// Requests of users without a token of the portal.
    user_rates: RequestRates<String>,
    /// Exports and imports of all users.
    transfers: KeyedTurns<()>,
    uploads: Uploads,
    reads: ReadTurns,
    calls: Calls,
    events: Hub,
    document: Document,
    /// Whether recently opened apps cannot be noted.
    recents: recent::Denial,
    /// The provider of OpenID Connect, if one is configured.
    open_id: Option<OpenId>,
    /// The directory of users, if one is configured.
    directory: Option<Directory>,
}

type PortalRoutes = Routes<Portal, PortalAccess>;

impl Portal {
    fn new(state: PortalState) -> Self {
        let words: Vec<&str> = match (&state.settings.hosts, state.installation) {
            (Some(words), _) => words.iter().map(String::as_str).collect(),
            (None, Installation::Fresh) => vec!["auto"],
            (None, Installation::Adopted) => vec!["*"],
        };
        let own = Own {
            hosts: Hosts::new(words, state.settings.bind),
            throttle: Throttle::default(),
            refused_sign_ins: RefusedSignIns::default(),
            refused_calls: RefusedCalls::default(),
            verified_users: VerifiedUsers::default(),
            token_owners: TokenOwners::default(),
            abandoned: AbandonedChanges::new(state.changes.clone()),
            own_changes: UserTurns::new(1),
            searches: UserTurns::new(SEARCHES_OF_USER),
            table_searches: UserTurns::new(2),
            imports: UserTurns::new(1),
            exports: UserTurns::new(1),
            consumer_token_rates: RequestRates::of_consumer_tokens(),
            user_token_rates: RequestRates::of_user_tokens(),
            user_rates: RequestRates::of_users(),
            transfers: KeyedTurns::default(),
            uploads: Uploads::default(),
            reads: ReadTurns::default(),
            calls: Calls::start(state.clone()),
            events: Hub::start(state.clone()),
            document: Document::default(),
            recents: recent::Denial::default(),
            open_id: state.settings.sign_in.open_id.clone().map(OpenId::new),
            directory: state.settings.sign_in.directory.clone().map(Directory::new),
        };
        Self { state, own: Arc::new(own) }
    }

    fn rights(&self) -> Rights<'_> {
        let PortalState { store, config, compat, .. } = &self.state;
        Rights::new(store, config, *compat)
    }

    /// Address of the portal for users, if the settings name one.
    fn public_address(&self) -> Option<String> {
        self.state.config.get(&keys::PORTAL_ADDRESS)
    }

    /// Waits until another export or import may start; `None` if others lasted for this time.
    async fn turn_to_transfer(&self, patience: Duration) -> Option<Turn> {
        self.own.transfers.wait_at_most(patience, (), TRANSFERS).await
    }

    /// Adds the base path to a path of the portal.
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.state.settings.base_path)
    }
}

/// Starts the background work of the portal.
pub fn run(state: &PortalState, background: &Background) {
    state.environments.report_missing_addresses();
    probe_environments(state.environments.clone(), background);
    fan_out::run(state, background);
    seal::run(Log::of_portal(&state.store), background);
    retention::run(Log::of_portal(&state.store), &state.config, background);
    notice::run(state, background);
    let store = state.store.clone();
    background.repeat("sessions of disabled users", SESSION_PAUSE, move || {
        let store = store.clone();
        async move {
            if let Err(error) = session::end_all_of_disabled(&store).await {
                tracing::debug!(%error, "cannot look up sessions of disabled users; retrying");
            }
        }
    });
    let store = state.store.clone();
    background.spawn("system roles", move || {
        let store = store.clone();
        async move {
            if let Err(error) = grant::seed_system_roles(&store).await {
                tracing::warn!(%error, "cannot create the system roles; the next start retries");
            }
        }
    });
}

/// Probes each environment on its own, so that one that does not answer delays no other.
fn probe_environments(environments: Environments, background: &Background) {
    let probes = background.clone();
    background.repeat("environment probes", PROBE_PAUSE, move || {
        for environment in environments.all().into_iter().filter(Environment::take_probe) {
            probes.spawn("environment probe", move || {
                let environment = environment.clone();
                async move { environment.probe().await }
            });
        }
        std::future::ready(())
    });
}

/// The router and the list of its routes, for the tests of access control.
pub fn router(state: PortalState) -> (Router, Vec<Listed<PortalAccess>>) {
    let portal = Portal::new(state);
    let routes = Routes::new(portal.clone(), access::guard)
        .get("/health", PortalAccess::Open, health)
        .get("/health/live", PortalAccess::Open, health::live)
        .get("/health/ready", PortalAccess::Open, ready)
        .get(health::VERSION_PATH, PortalAccess::Open, health::version);
    let (router, listed) = open_api::routes::routes(sign_in::routes(web::routes(routes))).finish();
    portal.own.document.describe(&listed, &portal.state.settings.base_path);
    let router = open_api::subrequest::with_subrequests(router)
        .layer(from_fn_with_state(portal, check_host))
        .layer(from_fn(deny_frames))
        .layer(from_fn(revision::carry));
    (router, listed)
}

/// Prevents other pages from embedding a page of the portal.
async fn deny_frames(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-frame-options", HeaderValue::from_static("DENY"));
    response
}

/// Checks the host, so that a foreign name that resolves to this machine cannot make a browser
/// treat this portal as part of a foreign site (DNS rebinding).
async fn check_host(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    if PROBED.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    match portal.own.hosts.check(request.headers(), portal.public_address().as_deref()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn health(State(portal): State<Portal>) -> Response {
    health::report(&portal.state.faults().await)
}

async fn ready(State(portal): State<Portal>) -> Response {
    health::report(&portal.state.obstacles().await)
}
