//! `/openapi/v1/organizations`: the departments in the settings.

use axum::extract::State;

use crate::json::Json;
use crate::role::portal::Portal;
use crate::server_config::keys;
use crate::wire::open_api::Organization;

/// In the order of the settings; an invalid text is treated as an empty list.
pub(super) async fn list(State(portal): State<Portal>) -> Json<Vec<Organization>> {
    let text = portal.state.config.get(&keys::ORGANIZATIONS).unwrap_or_default();
    Json(serde_json::from_str(&text).unwrap_or_default())
}
