//! Changes that the portal owes its environments: an app or a definition of a namespace that was
//! created, changed or deleted in the portal, until each environment has received it. What sends them
//! is not known here.

use std::time::Duration;

use castalia_store::pending_change;
use castalia_store::{Id, JobError as _, Store, StoreError, now};

use super::unique;
use crate::error::{Error, Result};

pub use castalia_store::pending_change::{NewPendingChange, Operation, PendingChange};

/// Maximum number of changes that are sent in one round.
const ROUND: u64 = 500;

/// Stores a change that is about to be made, for each of these environments. Returns the ids of the
/// rows in the same order, or none if the account of the database may not use their table.
///
/// # Errors
/// Fails if the database does.
pub async fn announce(store: &Store, new: NewPendingChange, envs: Vec<String>) -> Result<Vec<Id>> {
    if envs.is_empty() {
        return Ok(Vec::new());
    }
    let store = store.clone();
    // In a task of its own, outside the audit trail: the change itself may still fail.
    let stored = tokio::spawn(async move {
        unique::write(&store, (new, envs), |tx, (new, envs)| {
            Box::pin(async move { Ok(pending_change::insert(tx, new, envs).await?) })
        })
        .await
    });
    let stored = stored.await.map_err(|error| Error::internal("a task panicked", error))?;
    match stored {
        Err(error) if error.store_error().is_some_and(StoreError::is_unusable_table) => {
            tracing::warn!(%error, "an environment that does not receive a change does not get it later; run `castalia migrate`, or grant all privileges on the table CastaliaPendingChange");
            Ok(Vec::new())
        }
        stored => stored,
    }
}

/// Changes that were announced at least this long ago.
///
/// # Errors
/// Fails if the database does.
pub async fn overdue(store: &Store, age: Duration) -> Result<Vec<PendingChange>> {
    Ok(pending_change::until(store, now() - age, ROUND).await?)
}

/// Records that environments received their changes. What cannot be recorded is sent once more.
pub async fn received(store: &Store, ids: Vec<Id>) {
    if ids.is_empty() {
        return;
    }
    let removed: Result<()> = store
        .write(ids, |tx, ids| Box::pin(async move { Ok(pending_change::remove(tx, ids).await?) }))
        .await;
    if let Err(error) = removed {
        tracing::warn!(%error, "cannot record that an environment received a change; it is sent once more");
    }
}
