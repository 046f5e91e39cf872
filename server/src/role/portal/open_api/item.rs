//! `/openapi/v1/.../items`: single items, lists of them, all items of a namespace as a text, and
//! resetting them to the release. Keys that a path cannot contain are sent encoded.

pub(super) mod batch;
pub(super) mod changes;
pub(super) mod encoded;
mod found;
pub(super) mod transfer;

use axum::extract::{Extension, State};
use castalia_core::protocol::namespace::Format;
use http::Method;
use serde::Deserialize;
use utoipa::IntoParams;

use self::found::find;
use super::conflict::explain;
use super::content_read::{ContentRead, length};
use super::draft::{apply, change, draft, is_out_of_date, is_retried, line, namespace_id};
use super::namespace::latest_release;
use super::{By, ITEM_PAGE_SIZE, people, required};
use crate::domain::draft::batch::{Batch, ListedItem};
use crate::domain::draft::{DraftChanges, Line, revocation, text};
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::request::{Body, LARGE_BODY, Path};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::{Item, ItemPage, NamespaceText};

/// Maximum number of attempts to change one item, which many callers do concurrently and whose
/// clients do not expect conflicts.
const ITEM_ATTEMPTS: u32 = 32;
/// Maximum length of a comment, in characters.
const COMMENT: usize = 256;

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ItemKey {
    /// Key of the item, in URL-safe Base64 below `encodedItems`.
    key: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Update {
    /// Whether a missing item is added.
    #[param(default = false)]
    create_if_not_exists: bool,
    /// User that a consumer acts for. A signed-in user acts as that user.
    #[param(nullable = false)]
    operator: Option<String>,
}

/// One page of items in the order of their lines.
pub(super) async fn page(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    Query(paging): Query<Paging>,
    reading: ContentRead,
) -> Result<Json<ItemPage>> {
    let environment = portal.state.environments.find(&place.env)?;
    let [page, size] = paging.or_size(ITEM_PAGE_SIZE).texts();
    let address = Address::in_namespace(&place, &["items-with-page"]);
    let address = address.with(&[("page", &page), ("size", &size), ("sort", "lineNum,asc")]);
    let read = reading.of(&portal, environment, |environment| async move {
        environment.get::<admin::Page<admin::Item>>(address).await
    });
    let (found, _turn) = read.await?;
    let _kept = reading.keep(length(found.content.iter().map(|item| item.value.as_deref())))?;
    let mut items: Vec<_> = found.content.into_iter().map(Item::from).collect();
    people::name_people(&portal, &mut items).await?;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Json(ItemPage {
        page: number(found.page),
        size: number(found.size),
        total: number(found.total),
        content: Some(items),
    }))
}

/// One item.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    Path(ItemKey { key }): Path<ItemKey>,
    reading: ContentRead,
) -> Result<Json<Item>> {
    let mut item = [Item::from(find(&portal, &reading, &place, &key).await?)];
    people::name_people(&portal, &mut item).await?;
    let [item] = item;
    Ok(Json(item))
}

/// Appends an item.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(item): Body<Item, LARGE_BODY>,
) -> Result<Json<Item>> {
    let key = required(item.key.clone(), "key")?;
    check(&item)?;
    let operator =
        portal.operator(&caller, by.operator, item.data_change_created_by.clone()).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let wanted = Batch { create: vec![entry(&key, &item)], ..Batch::default() };
    let made = match add(&environment, &place, key, item, &operator).await {
        Err(error) => Err(explain(&portal, &caller, &place, &wanted, error).await),
        made => made,
    };
    let mut made = [Item::from(made?)];
    people::name_people(&portal, &mut made).await?;
    let [made] = made;
    Ok(Json(made))
}

/// Changes an item, or adds it if the caller requests that.
pub(super) async fn update(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(ItemKey { key }): Path<ItemKey>,
    Query(update): Query<Update>,
    Body(item): Body<Item, LARGE_BODY>,
) -> Result<()> {
    if required(item.key.clone(), "key")? != key {
        return Err(Error::bad_request("Key in path and payload is not consistent")
            .with_code(Code::DifferentKey));
    }
    check(&item)?;
    let mut named = item.data_change_last_modified_by.clone();
    if update.create_if_not_exists {
        named = named.or_else(|| item.data_change_created_by.clone());
    }
    let operator = portal.operator(&caller, update.operator, named).await?;
    let reading = ContentRead::for_change(&caller);
    let may_create = update.create_if_not_exists;
    match replace(&portal, &reading, &place, &item, &operator, may_create).await {
        Err(error) => {
            let wanted = Batch { update: vec![entry(&key, &item)], ..Batch::default() };
            Err(explain(&portal, &caller, &place, &wanted, error).await)
        }
        replaced => replaced,
    }
}

async fn replace(
    portal: &Portal,
    reading: &ContentRead,
    place: &Resource,
    item: &Item,
    operator: &str,
    may_create: bool,
) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let key = item.key.clone().unwrap_or_default();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let stored = match find(portal, reading, place, &key).await {
            Err(error) if may_create && error.reaction() == Reaction::NotFound => {
                match add_or_find(portal, reading, place, key.clone(), item, operator).await? {
                    Some(stored) => stored,
                    None => return Ok(()),
                }
            }
            stored => stored?,
        };
        let body = changed(stored, item, operator);
        let address = Address::in_namespace(place, &["items", &body.id.to_string()]);
        if attempt == ITEM_ATTEMPTS {
            // In a namespace that changes continuously, the later change overwrites the earlier
            // one, as in Apollo.
            return environment.put(address, &body).await;
        }
        match environment.change_on_last_read(Method::PUT, address, &body).await {
            Err(error) if is_out_of_date(&error) => {}
            outcome => return outcome,
        }
    }
}

/// The stored item with the values of the request. A type that it omits is kept; a comment is not,
/// as with Apollo.
fn changed(stored: admin::Item, said: &Item, operator: &str) -> admin::Item {
    admin::Item {
        r#type: said.r#type.unwrap_or(stored.r#type),
        value: said.value.clone(),
        comment: said.comment.clone().or_else(|| Some(String::new())),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..stored
    }
}

/// Deletes an item.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(ItemKey { key }): Path<ItemKey>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    match remove(&portal, &caller, &place, &key, &operator).await {
        Err(error) => {
            let wanted = Batch { delete: vec![key], ..Batch::default() };
            Err(explain(&portal, &caller, &place, &wanted, error).await)
        }
        removed => removed,
    }
}

async fn remove(
    portal: &Portal,
    caller: &Caller,
    place: &Resource,
    key: &str,
    operator: &str,
) -> Result<()> {
    let stored = find(portal, &ContentRead::for_change(caller), place, key).await?;
    let address = Address::new(["items", &stored.id.to_string()]);
    let environment = portal.state.environments.find(&place.env)?;
    environment.delete(address.with(&[("operator", operator)])).await
}

/// Makes the items equal to a text, with one commit.
pub(super) async fn put_text(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(body): Body<NamespaceText, LARGE_BODY>,
) -> Result<()> {
    let format = required(body.format, "format")?;
    let format = Format::from_name(&format).ok_or_else(|| {
        Error::bad_request(format!("{format} can not map enum")).with_code(Code::UnknownFormat)
    })?;
    let Some(text) = body.config_text else {
        return Err(Error::bad_request("Params(configText) can not be empty")
            .with_code(Code::MissingMember));
    };
    let operator = portal.operator(&caller, by.operator, body.operator).await?;
    let edits = |draft: &[Line]| match format.is_document() {
        true => Ok(text::document(&text, draft)),
        false => text::properties(&text, draft),
    };
    change(&portal, &caller, &place, &operator, &edits).await
}

/// Undoes unpublished changes, with one commit.
pub(super) async fn revoke(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let namespace_id = namespace_id(&environment, &place).await?;
    let reading = ContentRead::for_change(&caller);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let of = place.clone();
        let read = reading.of(&portal, environment.clone(), |environment| async move {
            undoing(&environment, &of).await
        });
        let ((release_id, changes), turn) = read.await?;
        let applied =
            apply(&environment, &place, namespace_id, changes, &operator, Some(release_id)).await;
        drop(turn);
        match applied {
            Err(error) if is_retried(&error, attempt).await => {}
            outcome => return outcome,
        }
    }
}

/// The edits that undo the unpublished changes, and the release that they lead to.
async fn undoing(environment: &Environment, place: &Resource) -> Result<(i64, DraftChanges)> {
    let (release_id, released) = latest_release(environment, place).await?;
    let deleted: Vec<admin::Item> =
        environment.get(Address::in_namespace(place, &["items", "deleted"])).await?;
    let deleted: Vec<_> = deleted.iter().map(line).collect();
    let draft = draft(environment, place).await?;
    Ok((release_id, revocation::changes(&released, &draft, &deleted)))
}

fn entry(key: &str, item: &Item) -> ListedItem {
    ListedItem {
        key: key.to_owned(),
        value: item.value.clone().unwrap_or_default(),
        kind: item.r#type,
        comment: item.comment.clone(),
    }
}

async fn add(
    environment: &Environment,
    place: &Resource,
    key: String,
    item: Item,
    operator: &str,
) -> Result<admin::Item> {
    let body = admin::Item {
        // Apollo's admin service stores the item below this id, whatever the path says.
        namespace_id: namespace_id(environment, place).await?,
        key: Some(key),
        r#type: item.r#type.unwrap_or_default(),
        value: item.value,
        comment: item.comment.or_else(|| Some(String::new())),
        // As with Apollo, the position in the request is ignored.
        line_num: 0,
        data_change_created_by: Some(operator.to_owned()),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..admin::Item::default()
    };
    environment.create(Address::in_namespace(place, &["items"]), &body).await
}

/// Adds an item; returns the existing one if it was added in between.
async fn add_or_find(
    portal: &Portal,
    reading: &ContentRead,
    place: &Resource,
    key: String,
    item: &Item,
    operator: &str,
) -> Result<Option<admin::Item>> {
    let environment = portal.state.environments.find(&place.env)?;
    match add(&environment, place, key.clone(), item.clone(), operator).await {
        Ok(_) => Ok(None),
        Err(error) if error.reaction() == Reaction::BadRequest => {
            find(portal, reading, place, &key).await.map(Some).map_err(|_| error)
        }
        Err(error) => Err(error),
    }
}

fn check(item: &Item) -> Result<()> {
    if item.value.is_none() {
        return Err(
            Error::bad_request("Params(value) can not be empty").with_code(Code::MissingMember)
        );
    }
    if item.comment.as_ref().is_some_and(|comment| comment.chars().count() > COMMENT) {
        let message = format!("Comment length should not exceed {COMMENT} characters");
        return Err(Error::bad_request(message).with_code(Code::TooLong));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_is_a_value() {
        let item = |value: Option<&str>, comment: usize| Item {
            value: value.map(str::to_owned),
            comment: Some("c".repeat(comment)),
            ..Item::default()
        };
        assert!(check(&item(Some(""), 256)).is_ok());
        assert!(check(&item(None, 0)).is_err());
        assert!(check(&item(Some("v"), 257)).is_err());
    }
}
