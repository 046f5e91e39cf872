//! `/openapi/v1/.../items/batch-*`: several items of one namespace at once. All are changed, with
//! one commit, or none.

use axum::extract::{Extension, State};

use super::check;
use crate::domain::draft::batch::{self, Entry};
use crate::domain::draft::{DraftChanges, Line};
use crate::domain::permission::need::Resource;
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
    let entries = entries(items)?;
    apply(&portal, &caller, &place, by, |draft| batch::creation(draft, &entries)).await
}

/// Changes the items of these keys.
pub(in super::super) async fn update(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(items): Body<Vec<Item>, LARGE_BODY>,
) -> Result<()> {
    let entries = entries(items)?;
    apply(&portal, &caller, &place, by, |draft| batch::update(draft, &entries)).await
}

/// Deletes the items of these keys.
pub(in super::super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(keys): Body<Vec<String>, LARGE_BODY>,
) -> Result<()> {
    check_is_not_empty(&keys)?;
    for key in &keys {
        required(Some(key.clone()), "key")?;
    }
    apply(&portal, &caller, &place, by, |draft| batch::deletion(draft, &keys)).await
}

async fn apply(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    by: By,
    edits: impl Fn(&[Line]) -> Result<DraftChanges> + Sync,
) -> Result<()> {
    let operator = portal.operator(caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    change(&environment, place, &operator, edits).await
}

/// The items of a list; a violation names the position of its item, from 0.
fn entries(items: Vec<Item>) -> Result<Vec<Entry>> {
    check_is_not_empty(&items)?;
    let entry = |(position, item): (usize, Item)| {
        let at = |error: Error| {
            let (code, message) = (error.code(), error.message());
            Error::bad_request(format!("Item {position}: {message}")).with_code(code)
        };
        check(&item).map_err(at)?;
        Ok(Entry {
            key: required(item.key, "key").map_err(at)?,
            value: item.value.unwrap_or_default(),
            kind: item.r#type,
            comment: item.comment.unwrap_or_default(),
        })
    };
    items.into_iter().enumerate().map(entry).collect()
}

fn check_is_not_empty<T>(list: &[T]) -> Result<()> {
    if list.is_empty() {
        return Err(
            Error::bad_request("The list of items can not be empty").with_code(Code::MissingMember)
        );
    }
    Ok(())
}
