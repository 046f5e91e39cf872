//! `/openapi/v1/preferences`: what the signed-in user has chosen for the web UI, in any browser.

use axum::extract::{Extension, State};

use super::favorite::own_name;
use crate::domain::preference;
use crate::error::Result;
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::Preferences;

/// Maximum body, in bytes; all members together need less than a tenth of it.
const BODY: usize = 1 << 10;

pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Preferences>> {
    let stored = preference::of_user(&portal.state.store, own_name(&caller)?).await?;
    Ok(Json(Preferences::known(stored)))
}

pub(super) async fn put(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Body(chosen): Body<Preferences, BODY>,
) -> Result<()> {
    preference::put(&portal.state.store, own_name(&caller)?, chosen.members()).await
}
