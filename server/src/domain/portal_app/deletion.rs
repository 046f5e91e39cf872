//! The deletion of an app, after the environments have deleted it. Those may take long, so that
//! another caller may have deleted the app meanwhile, and created one with its id.

use castalia_store::namespace::delete_app_namespaces;
use castalia_store::pending_change;
use castalia_store::user::favorite;
use castalia_store::{Deletion, Id, JobError as _, Store, StoreError, Transaction, app};

use super::{App, lock, unknown};
use crate::domain::permission::grant;
use crate::domain::{access_request, recent};
use crate::error::Result;

/// Whether this app was neither deleted nor replaced by another one with its id.
pub async fn is_present(store: &Store, row: &App) -> Result<bool> {
    let found = app::by_app_id(store.read(), &row.app_id).await?;
    Ok(found.is_some_and(|found| found.id == row.id))
}

/// The id of the app that has this id, or else one that differs only in case: an environment may
/// have one app for both, because its database ignores case.
pub async fn find_in_any_case(store: &Store, app_id: &str) -> Result<Option<String>> {
    if let Some(exact) = app::by_app_id(store.read(), app_id).await? {
        return Ok(Some(exact.app_id));
    }
    Ok(app::stored_id(store.read(), app_id).await?)
}

/// Deletes an app with its definitions of namespaces, all its roles, and what all users have
/// pinned, opened or requested of it.
///
/// # Errors
/// Fails if the app was deleted meanwhile, also if another one has its id.
pub async fn delete(store: &Store, row: &App, operator: &str) -> Result<()> {
    match delete_with(store, row, true, operator).await {
        // Without the table, environments do not have to delete anything later.
        Err(error) if error.store_error().is_some_and(StoreError::is_unusable_table) => {
            delete_with(store, row, false, operator).await?;
        }
        deleted => deleted?,
    }
    recent::forget_app(store, row.id).await;
    access_request::forget_app(store, row.id).await;
    Ok(())
}

/// The same in one transaction; `with_pending` is whether the deletions of definitions that
/// environments still have to make are removed: each of them has deleted the app, or has to.
async fn delete_with(store: &Store, row: &App, with_pending: bool, operator: &str) -> Result<()> {
    let input = (row.app_id.clone(), row.id, operator.to_owned());
    store
        .write(input, move |tx, (app_id, id, operator)| {
            Box::pin(async move {
                delete_in(tx, app_id, *id, operator).await?;
                if with_pending {
                    pending_change::remove_deletions_of_definitions(tx, app_id).await?;
                }
                Ok(())
            })
        })
        .await
}

async fn delete_in(tx: &Transaction, app_id: &str, id: Id, operator: &str) -> Result<()> {
    if lock(tx, app_id).await?.id != id {
        return Err(unknown(app_id));
    }
    let by = &Deletion::by(operator);
    app::delete(tx, app_id, by).await?;
    delete_app_namespaces(tx, app_id, by).await?;
    favorite::delete_of_app(tx, app_id, by).await?;
    grant::delete_app_roles(tx, app_id, by).await
}
