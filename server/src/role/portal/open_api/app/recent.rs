//! `/openapi/v1/recents`: the apps that the signed-in user opened last, in any browser.

use axum::extract::{Extension, State};

use super::super::favorite::own_name;
use super::shown;
use crate::domain::permission::requirement::Resource;
use crate::domain::recent;
use crate::error::Result;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::App;

/// Lists the apps, the one opened last first.
pub(in super::super) async fn list(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<App>>> {
    let rows = recent::of_user(&portal.state.store, own_name(&caller)?).await?;
    Ok(Json(shown(&portal, &caller, rows).await?))
}

/// Makes an app the first one.
pub(in super::super) async fn open(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<()> {
    let user = own_name(&caller)?;
    recent::open(&portal.state.store, &portal.own.recents, user, &place.app_id).await
}
