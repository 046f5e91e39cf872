//! Favourite apps of users, in the order that each user chose.

pub use castalia_store::user::favorite::Favorite;

use castalia_store::user::favorite;
use castalia_store::{Id, Page, Store, Transaction};

use super::constraint::{self, check_width};
use super::{portal_app, unique, user};
use crate::error::{Code, Error, Result};

/// Position of a favourite that was not moved, as in Apollo.
const LAST: i32 = 10_000;

/// Adds an app to the user's favourites, unless it is one; returns it.
///
/// # Errors
/// Fails if there is no such app.
pub async fn add(store: &Store, user_id: &str, app_id: &str) -> Result<Favorite> {
    check_width(user_id, "UserId", constraint::OPERATOR)?;
    let input = (user_id.to_owned(), app_id.to_owned());
    unique::write(store, input, |tx, (user_id, app_id)| {
        Box::pin(async move {
            portal_app::lock(tx, app_id).await?;
            user::lock_existing(tx, &[user_id]).await?;
            match favorite::find(tx, user_id, app_id).await? {
                Some(found) => Ok(found),
                None => Ok(favorite::insert(tx, user_id, app_id, LAST).await?),
            }
        })
    })
    .await
}

/// The favourites of a user, in their order.
pub async fn of_user(store: &Store, user_id: &str, page: &Page) -> Result<Vec<Favorite>> {
    Ok(favorite::of_user(store.read(), user_id, page).await?)
}

/// The favourites of all users for an app.
pub async fn of_app(store: &Store, app_id: &str, page: &Page) -> Result<Vec<Favorite>> {
    Ok(favorite::of_app(store.read(), app_id, page).await?)
}

/// The user's favourite for an app.
pub async fn find(store: &Store, user_id: &str, app_id: &str) -> Result<Option<Favorite>> {
    Ok(favorite::find(store.read(), user_id, app_id).await?)
}

/// Removes a favourite.
///
/// # Errors
/// Fails if the user has no such favourite.
pub async fn remove(store: &Store, user_id: &str, id: Id) -> Result<()> {
    store
        .write(user_id.to_owned(), move |tx, user_id| {
            Box::pin(async move {
                own(tx, user_id, id).await?;
                favorite::remove(tx, id).await?;
                Ok(())
            })
        })
        .await
}

/// Moves a favourite before all others of the user.
///
/// # Errors
/// Fails if the user has no such favourite.
pub async fn move_to_top(store: &Store, user_id: &str, id: Id) -> Result<()> {
    store
        .write(user_id.to_owned(), move |tx, user_id| {
            Box::pin(async move {
                let moved = own(tx, user_id, id).await?;
                let first = favorite::first_position(tx, user_id).await?.unwrap_or(LAST);
                favorite::set_position(tx, &moved, first.saturating_sub(1)).await?;
                Ok(())
            })
        })
        .await
}

async fn own(tx: &Transaction, user_id: &str, id: Id) -> Result<Favorite> {
    let problem = match favorite::by_id(tx, id).await? {
        Some(found) if found.user_id == user_id => return Ok(found),
        Some(_) => "can not operate other person's favorite",
        None => "favorite not exist",
    };
    Err(Error::bad_request(problem).with_code(Code::UnknownFavorite))
}
