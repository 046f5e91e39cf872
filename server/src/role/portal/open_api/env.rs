//! `/openapi/v1/envs`: the reachable environments.

use axum::extract::State;

use crate::json::Json;
use crate::role::portal::Portal;

/// Names in the order of the settings.
pub(super) async fn list(State(portal): State<Portal>) -> Json<Vec<String>> {
    let active = portal.state.environments.active();
    Json(active.iter().map(|environment| environment.name().to_owned()).collect())
}
