//! `/openapi/v1/.../changes`: one save of an editor, whose new, changed and deleted items are
//! stored with one commit on the revision that the editor saw, or not at all. The order of the lines
//! is part of it, if it is stated.

use axum::extract::{Extension, State};

use super::batch::{check_is_not_empty, checked, entries};
use crate::domain::audit_log::request::leave_out;
use crate::domain::draft::batch::{Batch, ListedLine};
use crate::domain::draft::text::is_comment;
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_namespace;
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, LARGE_BODY};
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::By;
use crate::role::portal::open_api::draft::{change, try_out};
use crate::wire::open_api::{ItemChanges, ItemLine};

/// Makes the edits, or only tries them.
pub(in super::super) async fn apply(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(changes): Body<ItemChanges, LARGE_BODY>,
) -> Result<()> {
    if changes.lines.is_some() && is_document(&portal, &place).await? {
        let message = "The namespace is one document: only properties have lines";
        return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    }
    let lines = |lines: Vec<_>| lines.into_iter().enumerate().map(line).collect::<Result<_>>();
    let batch = Batch {
        create: entries(changes.create.unwrap_or_default())?,
        update: entries(changes.update.unwrap_or_default())?,
        delete: checked(changes.delete.unwrap_or_default())?,
        lines: changes.lines.map(lines).transpose()?,
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

async fn is_document(portal: &Portal, place: &Resource) -> Result<bool> {
    let Resource { app_id, namespace, .. } = place;
    let format = portal_namespace::format_of(&portal.state.store, app_id, namespace).await?;
    Ok(format.is_document())
}

/// The line at this position of a list, from 0.
fn line((position, line): (usize, ItemLine)) -> Result<ListedLine> {
    let problem = match (line.key.filter(|key| !key.is_empty()), line.comment) {
        (Some(key), None) => return Ok(ListedLine::Item(key)),
        (None, comment) => {
            let comment = comment.unwrap_or_default();
            if is_comment(&comment) {
                return Ok(ListedLine::Comment(comment));
            }
            "a comment begins with `#` or `!`, and is one line without white space at its edges"
        }
        (Some(_), Some(_)) => "the line of an item has no comment",
    };
    let message = format!("Line {position}: {problem}");
    Err(Error::bad_request(message).with_code(Code::InvalidParameter))
}
