//! Tries a change set without storing anything, for callers that check before they save, or change
//! several namespaces and want to change all or none.

use castalia_store::Store;

use super::{ChangeSet, apply_once, check_count};
use crate::domain::edit::Edit;
use crate::domain::item_rules::ItemRules;
use crate::domain::namespace::{NamespaceKey, NamespaceLimit};
use crate::domain::revision::Base;
use crate::error::{Error, Result};
use crate::server_config::ServerConfig;

/// Applies the change set in a transaction that is rolled back. If the namespace is missing, checks
/// the limits that are known; `created` is the number of namespaces that the caller will have
/// created in the cluster by then, this one included.
///
/// # Errors
/// The error of the change set.
pub async fn check(
    store: &Store,
    config: &ServerConfig,
    rules: ItemRules,
    key: &NamespaceKey,
    changes: ChangeSet,
    base: Base,
    created: u64,
) -> Result<()> {
    let db = store.read();
    let (app_id, cluster) = (&*key.app_id, &*key.cluster);
    if castalia_store::namespace::find(db, app_id, cluster, &key.namespace).await?.is_some() {
        let edit = Edit::of(config, key, changes.operator.as_deref()).on(base);
        return store.rehearse((edit, rules, changes), apply_once).await;
    }
    let limit = NamespaceLimit::of(config, app_id);
    // The caller can do something about it, unlike about other errors with status 500.
    limit
        .check(db, app_id, cluster, created)
        .await
        .map_err(|error| Error::bad_request(error.message().to_owned()).with_code(error.code()))?;
    check_count(db, &rules, None, &changes).await?;
    let own = rules.of_new(db, key).await?;
    changes.creates.iter().try_for_each(|draft| own.check_new(draft))?;
    changes.updates.iter().try_for_each(|draft| own.check_change(draft))
}
