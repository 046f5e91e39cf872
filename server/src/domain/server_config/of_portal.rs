//! Settings that operators keep in the portal database, by key.

pub use castalia_store::server_config::PortalSetting;

use castalia_store::server_config as rows;
use castalia_store::{Store, Transaction};

use crate::domain::revision::{Base, Replaced};
use crate::domain::unique;
use crate::domain::user::NewRoots;
use crate::error::{Code, Error, Result};
use crate::server_config::{ServerConfig, SettingRows};

/// Creates a setting, or changes its value and comment. The texts must fit into their columns.
///
/// # Errors
/// Fails if it is the list of super administrators (`roots`) and would leave none.
pub async fn put(
    store: &Store,
    (key, value, comment): (String, String, Option<String>),
    roots: Option<NewRoots>,
    operator: &str,
    base: Base,
) -> Result<PortalSetting> {
    let input = (key, value, comment, roots, operator.to_owned(), base);
    unique::write(store, input, |tx, (key, value, comment, roots, operator, base)| {
        Box::pin(async move {
            check_roots(tx, roots.as_ref()).await?;
            check(tx, base, key, (Some(value), comment.as_deref())).await?;
            Ok(rows::upsert_of_portal(tx, key, value, comment.as_deref(), operator).await?)
        })
    })
    .await
}

/// Before the row is locked, as by changes of accounts.
async fn check_roots(tx: &Transaction, roots: Option<&NewRoots>) -> Result<()> {
    match roots {
        Some(roots) => roots.check(tx).await,
        None => Ok(()),
    }
}

/// Requires that a setting has the revision on which a change is based.
async fn check(
    tx: &Transaction,
    base: &Base,
    key: &str,
    (value, comment): (Option<&str>, Option<&str>),
) -> Result<()> {
    if !base.is_stated() {
        return Ok(());
    }
    let old = rows::portal_to_replace(tx, key).await?;
    let old = old.as_ref();
    base.check_row(&Replaced {
        what: "setting",
        // In the order of `revision`.
        texts: &[
            ("value", value, old.map(|old| &*old.value)),
            ("comment", comment, old.and_then(|old| old.comment.as_deref())),
        ],
        by: old.and_then(|old| old.data_change_last_modified_by.as_deref()),
        at: old.and_then(|old| old.data_change_last_time).map(|time| *time),
    })
}

/// Deletes a setting.
///
/// # Errors
/// Fails if there is no such setting, and if it is the list of super administrators (`roots`).
pub async fn delete(
    store: &Store,
    key: &str,
    roots: Option<NewRoots>,
    operator: &str,
    base: Base,
) -> Result<()> {
    let input = (key.to_owned(), roots, operator.to_owned(), base);
    let found: bool = store
        .write(input, |tx, (key, roots, operator, base)| {
            Box::pin(async move {
                check_roots(tx, roots.as_ref()).await?;
                check(tx, base, key, (None, None)).await?;
                Ok::<_, Error>(rows::delete_of_portal(tx, key, operator).await?)
            })
        })
        .await?;
    if !found {
        let message = format!("server config not found for key:{key}");
        return Err(Error::not_found(message).with_code(Code::ServerConfigNotFound));
    }
    Ok(())
}

/// All settings, by id.
pub async fn list(store: &Store) -> Result<Vec<PortalSetting>> {
    Ok(rows::all_of_portal(store.read()).await?)
}

/// Applies the present rows of the database to this node.
///
/// # Errors
/// Fails if the database cannot be read; the previous values then remain in effect.
pub async fn reload(
    store: &Store,
    config: &ServerConfig,
) -> std::result::Result<(), castalia_store::StoreError> {
    let read = async {
        let rows = rows::values_of_portal(store.read()).await?;
        let ids = rows.ids.into_iter().map(|id| id.0).collect();
        let live = rows.live.into_iter().map(|row| (row.key, (row.id.0, row.value)));
        Ok(SettingRows { values: live.collect(), ids })
    };
    config.reload(read).await
}
