//! `/openapi/v1/.../items/batch-*`: several items of one namespace at once. All are changed, with
//! one commit, or none.

use axum::extract::{Extension, State};

use super::{check, entry};
use crate::domain::draft::batch::{Batch, ListedItem};
use crate::domain::permission::requirement::Resource;
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, LARGE_BODY};
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::draft::change;
use crate::role::portal::open_api::{By, required};
use crate::wire::open_api::Item;

/// Appends items in the order of the list.
pub(in super::super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(items): Body<Vec<Item>, LARGE_BODY>,
) -> Result<()> {
    let batch = Batch { create: entries(items)?, ..Batch::default() };
    apply(&portal, &caller, &place, by, &batch).await
}

/// Changes the items of these keys.
pub(in super::super) async fn update(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(items): Body<Vec<Item>, LARGE_BODY>,
) -> Result<()> {
    // As with Apollo, an absent comment is an empty one.
    let whole = |item: Item| Item { comment: item.comment.or_else(|| Some(String::new())), ..item };
    let items = items.into_iter().map(whole).collect();
    let batch = Batch { update: entries(items)?, ..Batch::default() };
    apply(&portal, &caller, &place, by, &batch).await
}

/// Deletes the items of these keys.
pub(in super::super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(keys): Body<Vec<String>, LARGE_BODY>,
) -> Result<()> {
    let batch = Batch { delete: checked(keys)?, ..Batch::default() };
    apply(&portal, &caller, &place, by, &batch).await
}

async fn apply(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    by: By,
    batch: &Batch,
) -> Result<()> {
    check_is_not_empty(batch)?;
    let operator = portal.operator(caller, by.operator, None).await?;
    change(portal, caller, place, &operator, batch).await
}

/// The items of a list; a violation names the position of its item, from 0.
pub(super) fn entries(items: Vec<Item>) -> Result<Vec<ListedItem>> {
    let checked = |(position, item): (usize, Item)| {
        let at = |error: Error| {
            let (code, message) = (error.code(), error.message());
            Error::bad_request(format!("Item {position}: {message}")).with_code(code)
        };
        check(&item).map_err(at)?;
        let key = required(item.key.clone(), "key").map_err(at)?;
        Ok(entry(&key, &item))
    };
    items.into_iter().enumerate().map(checked).collect()
}

/// The keys of a list, of which none may be empty.
pub(super) fn checked(keys: Vec<String>) -> Result<Vec<String>> {
    keys.into_iter().map(|key| required(Some(key), "key")).collect()
}

pub(super) fn check_is_not_empty(batch: &Batch) -> Result<()> {
    if batch.is_empty() {
        return Err(
            Error::bad_request("The list of items can not be empty").with_code(Code::MissingMember)
        );
    }
    Ok(())
}
