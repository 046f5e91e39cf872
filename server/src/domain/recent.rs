//! Apps that a user opened recently. They only save the user a search: what cannot be remembered or
//! forgotten stops nothing else.

use std::time::{Duration, Instant};

use castalia_store::app::{self, App};
use castalia_store::user::recent;
use castalia_store::{Id, JobError as _, Store, StoreError};
use parking_lot::Mutex;

use super::constraint::{self, check_width};
use super::{portal_app, unique};
use crate::error::Result;

/// Maximum number of apps of a user.
const MOST: u64 = 12;
/// Time for which nothing is written after the database denied it: each denied statement makes the
/// store try whether others are denied, too.
const PAUSE: Duration = Duration::from_secs(600);

/// When the database last denied a write. The account may have been granted other tables only.
#[derive(Debug, Default)]
pub struct Denial(Mutex<Option<Instant>>);

/// The apps that a user opened and that still exist, the one opened last first.
pub async fn of_user(store: &Store, user_id: &str) -> Result<Vec<App>> {
    let rows = recent::of_user(store, user_id).await?.unwrap_or_default();
    Ok(app::by_ids(store.read(), &rows).await?)
}

/// Notes that a user opened an app, if the account of the database may write it.
///
/// # Errors
/// Fails if there is no such app.
pub async fn open(store: &Store, denial: &Denial, user_id: &str, app_id: &str) -> Result<()> {
    check_width(user_id, "UserId", constraint::OPERATOR)?;
    let app_row = portal_app::find(store, app_id).await?.id;
    let denied = *denial.0.lock();
    if denied.is_some_and(|at| at.elapsed() < PAUSE) {
        return Ok(());
    }
    match recent::of_user(store, user_id).await? {
        None => return Ok(()),
        Some(rows) if rows.first() == Some(&app_row) => return Ok(()),
        Some(_) => {}
    }
    let written = unique::write(store, user_id.to_owned(), move |tx, user_id| {
        Box::pin(async move { Ok(recent::put_first(tx, user_id, app_row, MOST).await?) })
    });
    match written.await {
        Err(error) if error.store_error().is_some_and(StoreError::is_denied) => {
            *denial.0.lock() = Some(Instant::now());
            tracing::warn!(%error, "cannot note recently opened apps; grant all privileges on the table CastaliaRecent");
            Ok(())
        }
        written => written,
    }
}

/// Forgets a deleted app for all users.
pub(super) async fn forget_app(store: &Store, app_row: Id) {
    note(recent::forget_app(store, app_row).await);
}

/// Forgets the apps of a user who may not sign in any more.
pub(super) async fn forget_user(store: &Store, user_id: &str) {
    note(recent::forget_user(store, user_id).await);
}

fn note(forgotten: Result<(), StoreError>) {
    if let Err(error) = forgotten {
        tracing::warn!(%error, "cannot forget recently opened apps");
    }
}
