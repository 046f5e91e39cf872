//! `/openapi/v1/.../presence`: a page announces every few seconds that its user has unsaved edits
//! of a namespace. The others learn of it through the stream of events, of all nodes.

use axum::extract::{Extension, State};

use super::favorite::own_name;
use crate::domain::event::{self, EventKind};
use crate::domain::permission::requirement::Resource;
use crate::error::Result;
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;

pub(super) async fn announce(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<()> {
    portal.own.events.record(event::about(&place, EventKind::Presence, own_name(&caller)?, 0));
    Ok(())
}
