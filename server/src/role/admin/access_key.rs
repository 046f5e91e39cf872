//! `/apps/{app_id}/accesskeys`: the secrets that sign the requests of an app's clients.

use axum::extract::State;

use super::body::{author, bodies, standard_body};
use super::request::FormParameters;
use super::{AdminAccess, AdminRoutes};
use crate::domain::access_key::{self, AccessKey, NewAccessKey};
use crate::domain::constraint::Author;
use crate::domain::unsigned_client::{self, Observation, UnsignedClient};
use crate::error::Result;
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .post("/apps/{app_id}/accesskeys", AdminAccess::Token, create)
        .get("/apps/{app_id}/accesskeys", AdminAccess::Token, list)
        .get("/apps/{app_id}/accesskeys/unsigned", AdminAccess::Token, unsigned)
        .put("/apps/{app_id}/accesskeys/{id}/enable", AdminAccess::Token, enable)
        .put("/apps/{app_id}/accesskeys/{id}/disable", AdminAccess::Token, disable)
        .delete("/apps/{app_id}/accesskeys/{id}", AdminAccess::Token, delete)
}

async fn create(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
    Body(body): Body<wire::AccessKey>,
) -> Result<Json<wire::AccessKey>> {
    let key = access_key::create(&state.store, new_access_key(app_id, body)).await?;
    state.redefined().await;
    Ok(Json(key.into()))
}

async fn list(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<Vec<wire::AccessKey>>> {
    Ok(Json(bodies(access_key::list(&state.store, &app_id).await?)))
}

/// Not in Apollo's admin service.
async fn unsigned(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<wire::UnsignedClients>> {
    let found = unsigned_client::of_app(&state.store, &app_id).await?;
    Ok(Json(found.map_or_else(wire::UnsignedClients::default, Into::into)))
}

async fn enable(
    State(state): State<EnvironmentState>,
    Path((app_id, id)): Path<(String, i64)>,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    let mode = parameters.small_or("mode", 0)?;
    access_key::switch(&state.store, &app_id, id, Some(mode), parameters.optional("operator"))
        .await?;
    state.redefined().await;
    Ok(())
}

async fn disable(
    State(state): State<EnvironmentState>,
    Path((app_id, id)): Path<(String, i64)>,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    access_key::switch(&state.store, &app_id, id, None, parameters.optional("operator")).await?;
    state.redefined().await;
    Ok(())
}

async fn delete(
    State(state): State<EnvironmentState>,
    Path((app_id, id)): Path<(String, i64)>,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    access_key::delete(&state.store, &app_id, id, parameters.optional("operator")).await?;
    state.redefined().await;
    Ok(())
}

impl From<AccessKey> for wire::AccessKey {
    fn from(row: AccessKey) -> Self {
        standard_body!(AccessKey of row {
            id: Some(row.id.0),
            secret: Some(row.secret.expose().to_owned()),
            app_id: Some(row.app_id),
            mode: Some(row.mode.0),
            enabled: Some(row.is_enabled),
        })
    }
}

impl From<Observation> for wire::UnsignedClients {
    fn from(found: Observation) -> Self {
        let client = |row: UnsignedClient| wire::UnsignedClient {
            ip: Some(row.ip),
            last_time: Some(*row.last_time),
        };
        Self {
            known: true,
            count: i64::try_from(found.count).unwrap_or(i64::MAX),
            more: found.is_full,
            newest: Some(found.newest.into_iter().map(client).collect()),
        }
    }
}

/// A new key of an app; the app id of the path overrides that of the body.
fn new_access_key(app_id: String, body: wire::AccessKey) -> NewAccessKey {
    NewAccessKey {
        app_id,
        secret: body.secret.map(Into::into),
        mode: body.mode.unwrap_or_default(),
        is_enabled: body.enabled.unwrap_or_default(),
        author: author!(body),
    }
}
