//! Routes of the meta role, which report the live config and admin services. Open, since clients
//! call them before they know any other service.

use axum::extract::State;
use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use castalia_core::protocol::wire::ServiceInstance;

use crate::error::{Error, Result};
use crate::json::Json;
use crate::role::{ClientAccess, ClientRoutes};
use crate::state::EnvironmentState;

/// Adds the routes of this role.
pub fn routes(routes: ClientRoutes) -> ClientRoutes {
    routes
        .get("/", ClientAccess::Open, all)
        .get("/services/meta", ClientAccess::Open, meta)
        .get("/services/config", ClientAccess::Open, config)
        .get("/services/admin", ClientAccess::Open, admin)
}

/// Deprecated; Apollo answers an empty list.
async fn meta() -> Json<[ServiceInstance; 0]> {
    Json([])
}

async fn config(State(state): State<EnvironmentState>) -> Result<Json<Vec<ServiceInstance>>> {
    listed(&state, CONFIG_SERVICE)
}

async fn admin(State(state): State<EnvironmentState>) -> Result<Json<Vec<ServiceInstance>>> {
    listed(&state, ADMIN_SERVICE)
}

/// A node that has just started does not pretend that there is nobody: other nodes know more.
fn listed(state: &EnvironmentState, service: &str) -> Result<Json<Vec<ServiceInstance>>> {
    let instances = state.registry.instances(service);
    if instances.is_empty() && state.registry.is_starting() {
        return Err(Error::unavailable(
            "This node has just started and knows no such service yet.",
        ));
    }
    Ok(Json(instances))
}

async fn all(State(state): State<EnvironmentState>) -> Json<Vec<ServiceInstance>> {
    let mut instances = state.registry.instances(CONFIG_SERVICE);
    instances.extend(state.registry.instances(ADMIN_SERVICE));
    Json(instances)
}
