//! Settings that operators keep in the config database, by key and cluster of nodes.
//! `crate::server_config` interprets them.

pub mod of_portal;

pub use castalia_store::server_config::Setting;

use castalia_core::protocol::namespace::DEFAULT_CLUSTER;
use castalia_store::server_config::SettingRow;
use castalia_store::{Store, StoreError, Transaction};

use super::constraint::{self, Author, check_width, fitting};
use super::revision::{Base, Replaced, Revision};
use super::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::{ServerConfig, SettingRows, winners};
use crate::settings::Settings;

/// Widths of the columns, in characters.
pub const KEY: usize = 64;
/// The same of the value.
pub const VALUE: usize = 2048;
/// The same of the description.
pub const COMMENT: usize = 1024;

/// A request to create or change a setting.
#[derive(Debug, Clone, Default)]
pub struct ConfigDraft {
    /// Name.
    pub key: Option<String>,
    /// Cluster of nodes; `None` for `default`.
    pub cluster: Option<String>,
    /// Value.
    pub value: Option<String>,
    /// Description for operators.
    pub comment: Option<String>,
    /// Author of the request.
    pub author: Author,
}

/// Creates a setting, or changes its value and comment. Any value is stored, as in Apollo: the key
/// may belong to another program. The node logs one that its key does not have when it reads the row.
///
/// # Errors
/// Fails if key, value or, for a new one, the creator is missing.
pub async fn put(store: &Store, draft: ConfigDraft, base: Base) -> Result<Setting> {
    let input = (draft, base);
    unique::write(store, input, |tx, (draft, base)| Box::pin(put_in(tx, draft, base))).await
}

/// The revision of a setting.
#[must_use]
pub fn revision(value: Option<&str>, comment: Option<&str>) -> Revision {
    Revision::of_texts([value, comment])
}

async fn put_in(tx: &Transaction, draft: &ConfigDraft, base: &Base) -> Result<Setting> {
    let key = fitting(draft.key.as_deref(), "Key", KEY)?;
    let cluster = draft.cluster.as_deref().unwrap_or(DEFAULT_CLUSTER);
    let cluster = fitting(Some(cluster), "Cluster", constraint::NAME)?;
    let value = fitting(draft.value.as_deref(), "Value", VALUE)?;
    check_width(draft.comment.as_deref().unwrap_or_default(), "Comment", COMMENT)?;
    let old = castalia_store::server_config::to_replace(tx, &key, &cluster).await?;
    check(base, old.as_ref(), (Some(&value), draft.comment.as_deref()))?;
    let Some(old) = old else {
        let row = SettingRow { key, cluster, value, comment: draft.comment.clone() };
        let author = draft.author.checked()?;
        return Ok(castalia_store::server_config::insert(tx, row, author).await?);
    };
    let new = Setting {
        value,
        comment: draft.comment.clone(),
        data_change_last_modified_by: draft.author.editor()?.map(str::to_owned),
        ..old.clone()
    };
    let is_changed = castalia_store::server_config::update(tx, &old, &new).await?;
    let time =
        if is_changed { Some(castalia_store::now().into()) } else { new.data_change_last_time };
    Ok(Setting { data_change_last_time: time, ..new })
}

/// Requires that a setting has the revision on which a change is based.
fn check(
    base: &Base,
    old: Option<&Setting>,
    (value, comment): (Option<&str>, Option<&str>),
) -> Result<()> {
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
/// Fails if there is no such setting.
pub async fn delete(
    store: &Store,
    key: &str,
    cluster: &str,
    operator: &str,
    base: Base,
) -> Result<()> {
    check_width(operator, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
    let input = (key.to_owned(), cluster.to_owned(), operator.to_owned(), base);
    let found: bool = store
        .write(input, |tx, (key, cluster, operator, base)| {
            Box::pin(async move {
                if base.is_stated() {
                    let old = castalia_store::server_config::to_replace(tx, key, cluster).await?;
                    check(base, old.as_ref(), (None, None))?;
                }
                Ok::<_, Error>(
                    castalia_store::server_config::delete(tx, key, cluster, operator).await?,
                )
            })
        })
        .await?;
    if !found {
        let message = format!("server config not found for key:{key}, cluster:{cluster}");
        return Err(Error::not_found(message).with_code(Code::ServerConfigNotFound));
    }
    Ok(())
}

/// All settings of all clusters.
pub async fn list(store: &Store) -> Result<Vec<Setting>> {
    Ok(castalia_store::server_config::all(store.read()).await?)
}

/// Applies the present rows of the database to this node.
///
/// # Errors
/// Fails if the database cannot be read; the previous values then remain in effect.
pub async fn reload(
    store: &Store,
    config: &ServerConfig,
    settings: &Settings,
) -> std::result::Result<(), StoreError> {
    let read = async {
        let (idc, cluster) = (settings.idc.as_deref(), settings.cluster.as_deref());
        let rows = castalia_store::server_config::values(store.read()).await?;
        let ids = rows.ids.into_iter().map(|id| id.0).collect();
        let live = rows.live.into_iter().map(|row| (row.key, row.cluster, (row.id.0, row.value)));
        Ok(SettingRows { values: winners(live, idc, cluster), ids })
    };
    config.reload(read).await
}
