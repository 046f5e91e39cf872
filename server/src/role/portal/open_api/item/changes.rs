//! `/openapi/v1/.../changes`: one save of an editor, whose new, changed and deleted items are
//! stored with one commit on the revision that the editor saw, or not at all.

use axum::extract::{Extension, State};

use super::batch::{check_is_not_empty, checked, entries};
use crate::domain::audit_log::request::leave_out;
use crate::domain::draft::batch::Batch;
use crate::domain::permission::requirement::Resource;
use crate::error::Result;
use crate::http::request::{Body, LARGE_BODY};
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::By;
use crate::role::portal::open_api::draft::{change, try_out};
use crate::wire::open_api::ItemChanges;

/// Makes the edits, or only tries them.
pub(in super::super) async fn apply(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(changes): Body<ItemChanges, LARGE_BODY>,
) -> Result<()> {
    let batch = Batch {
        create: entries(changes.create.unwrap_or_default())?,
        update: entries(changes.update.unwrap_or_default())?,
        delete: checked(changes.delete.unwrap_or_default())?,
    };
    check_is_not_empty(&batch)?;
    let operator = portal.operator(&caller, by.operator, None).await?;
    if changes.dry_run {
        try_out(&portal, &caller, &place, &operator, &batch).await?;
        leave_out();
    } else {
        change(&portal, &caller, &place, &operator, &batch).await?;
        portal.edited(&place, &operator);
    }
    Ok(())
}
