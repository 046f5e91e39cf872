//! `/configs`: one namespace for one client, as 304, in full, or as changes.

use axum::response::{IntoResponse as _, Response};
use castalia_core::protocol::route::{Caller, ConfigQuery, Target};
use castalia_core::protocol::wire::ApolloConfig;
use http::StatusCode;

use super::not_found;
use crate::domain::lookup;
use crate::error::Result;
use crate::json::Json;
use crate::state::EnvironmentState;

/// Answers a request; 304 is decided before any body is touched.
pub(super) async fn answer(
    state: &EnvironmentState,
    target: &Target,
    query: &str,
    with_address: impl FnOnce(Caller) -> Caller,
) -> Result<Response> {
    let query = ConfigQuery::parse(query);
    let caller = with_address(query.caller);
    let found = lookup::find(&state.feed, target, &caller, query.messages.as_ref()).await?;
    let found = found.ok_or_else(|| not_found(target))?;
    let release_key = found.release_key();
    if query.release_key.as_deref() == Some(release_key.as_str()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let config = ApolloConfig {
        app_id: target.app_id.clone(),
        cluster: found.cluster.clone(),
        namespace_name: target.namespace.clone(),
        configurations: Some(found.configurations()),
        release_key,
        config_sync_type: None,
        configuration_changes: None,
    };
    Ok(Json(config).into_response())
}
