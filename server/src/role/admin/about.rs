//! Information about the node: name, health, version, addresses, location.

use axum::extract::State;
use axum::response::Response;

use super::{AdminAccess, AdminRoutes};
use crate::http::health;
use crate::state::EnvironmentState;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .get("/", AdminAccess::Open, name)
        .get("/health", AdminAccess::Open, well)
        .get("/health/live", AdminAccess::Open, health::live)
        .get("/health/ready", AdminAccess::Open, ready)
        .get(health::VERSION_PATH, AdminAccess::Open, health::version)
        .get("/apollo/net", AdminAccess::Token, addresses)
        .get("/apollo/server", AdminAccess::Token, place)
}

/// Name of the service, which load balancers of Apollo request.
async fn name() -> &'static str {
    castalia_core::protocol::namespace::ADMIN_SERVICE
}

async fn well(State(state): State<EnvironmentState>) -> Response {
    health::report_with(&state.faults().await, &state.registry.notes())
}

async fn ready(State(state): State<EnvironmentState>) -> Response {
    health::report(&state.admin_obstacles().await)
}

async fn addresses() -> String {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let lines =
        interfaces.iter().map(|interface| format!("{} {}\n", interface.name, interface.ip()));
    lines.collect()
}

async fn place(State(state): State<EnvironmentState>) -> String {
    let settings = &state.settings;
    let (idc, cluster) = (settings.idc.as_deref(), settings.cluster.as_deref());
    format!(
        "env={} idc={} cluster={}\n",
        settings.env,
        idc.unwrap_or_default(),
        cluster.unwrap_or_default()
    )
}
