//! `/openapi/v1/favorites`: the favourite apps of the signed-in user.

use axum::extract::{Extension, State};
use castalia_store::{Id, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{people, required};
use crate::domain::audit_log::request::concern_app;
use crate::domain::favorite;
use crate::domain::permission::requirement::{Identity, Requirement};
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::wire::open_api::Favorite;

/// Default number of favourites of a page, as in Apollo.
const PAGE_SIZE: u64 = 10;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct FavoriteFilter {
    /// Any text selects the favourites of the signed-in user.
    #[serde(rename = "userId")]
    #[param(nullable = false)]
    user_id: Option<String>,
    /// App.
    #[serde(rename = "appId")]
    #[param(nullable = false)]
    app_id: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct FavoriteId {
    /// Row id.
    #[serde(rename = "favoriteId")]
    favorite_id: i64,
}

/// Lists favourites of the user, of an app, or the user's one for an app.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(filter): Query<FavoriteFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<Favorite>>> {
    let user_id = own_name(&caller)?;
    let store = &portal.state.store;
    let Paging { page, size } = paging.or_size(PAGE_SIZE);
    let page = Page::new(page, size);
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let rows = match (given(filter.user_id), given(filter.app_id)) {
        (Some(_), Some(app_id)) => {
            favorite::find(store, user_id, &app_id).await?.into_iter().collect()
        }
        (Some(_), None) => favorite::of_user(store, user_id, &page).await?,
        (None, Some(app_id)) => favorite::of_app(store, &app_id, &page).await?,
        (None, None) => {
            let message = "user id and app id can't be empty at the same time";
            return Err(Error::bad_request(message).with_code(Code::MissingParameter));
        }
    };
    let mut bodies: Vec<_> = rows.into_iter().map(body).collect();
    people::name_people(&portal, &mut bodies).await?;
    Ok(Json(bodies))
}

/// Adds a favourite of the user.
pub(super) async fn add(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<Favorite>,
) -> Result<Json<Favorite>> {
    let user_id = own_name(&caller)?;
    if wanted.user_id.is_some_and(|other| other != user_id) {
        let message = "add favorite fail. because favorite's user is not current login user.";
        return Err(Error::bad_request(message));
    }
    let app_id = required(wanted.app_id, "appId")?;
    concern_app(&app_id);
    let added = favorite::add(&portal.state.store, user_id, &app_id).await?;
    let mut bodies = [body(added)];
    people::name_people(&portal, &mut bodies).await?;
    let [body] = bodies;
    Ok(Json(body))
}

/// Removes a favourite of the user.
pub(super) async fn remove(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(FavoriteId { favorite_id }): Path<FavoriteId>,
) -> Result<()> {
    favorite::remove(&portal.state.store, own_name(&caller)?, Id(favorite_id)).await
}

/// Moves a favourite before all others of the user.
pub(super) async fn move_to_top(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(FavoriteId { favorite_id }): Path<FavoriteId>,
) -> Result<()> {
    favorite::move_to_top(&portal.state.store, own_name(&caller)?, Id(favorite_id)).await
}

/// The name of the signed-in user; tokens have no lists of their own.
pub(super) fn own_name(caller: &Caller) -> Result<&str> {
    match &caller.identity {
        Identity::User(user_id) => Ok(user_id),
        Identity::Token(_) | Identity::Consumer(_) => Err(refusal(Requirement::Person)),
    }
}

fn body(row: favorite::Favorite) -> Favorite {
    Favorite {
        id: row.id.0,
        user_id: Some(row.user_id),
        app_id: Some(row.app_id),
        position: row.position.into(),
        data_change_created_by: Some(row.data_change_created_by),
        data_change_last_modified_by: row.data_change_last_modified_by,
        data_change_created_time: Some(*row.data_change_created_time),
        data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
        ..Favorite::default()
    }
}
