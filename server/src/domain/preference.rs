//! What users have chosen for the web UI, in any browser. The values are those that the web UI
//! knows; nothing else depends on them.

use castalia_store::Store;
use castalia_store::user::preference;

use super::constraint::{self, check_width};
use super::user;
use crate::error::{Error, Result};

/// Names and values of a user; none without the table.
pub async fn of_user(store: &Store, user_id: &str) -> Result<Vec<(String, String)>> {
    Ok(preference::of_user(store, user_id).await?)
}

/// Stores values of a user; those of other names stay.
///
/// # Errors
/// Fails without the table.
pub async fn put(store: &Store, user_id: &str, chosen: Vec<(String, String)>) -> Result<()> {
    check_width(user_id, "UserId", constraint::OPERATOR)?;
    if chosen.is_empty() {
        return Ok(());
    }
    let input = (user_id.to_owned(), chosen);
    let written = store.write(input, |tx, (user_id, chosen)| {
        Box::pin(async move {
            user::lock_existing(tx, &[user_id]).await?;
            Ok(preference::put(tx, user_id, chosen).await?)
        })
    });
    written.await.map_err(|error: Error| {
        error.for_unusable_table(
            "The table CastaliaPreference cannot be used, so preferences stay in the browser; run \
             `castalia migrate`",
        )
    })
}

/// Forgets what a deleted user chose.
pub(super) async fn forget_user(store: &Store, user_id: &str) {
    if let Err(error) = preference::forget_user(store, user_id).await {
        tracing::warn!(%error, "cannot forget preferences");
    }
}
