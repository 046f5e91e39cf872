//! Checks a change set without applying it, for callers that change several namespaces and want to
//! change all or none: the limits of this installation, the edit lock, and the revision.

use castalia_store::Store;

use super::{ChangeSet, check_count};
use crate::domain::item_rules::ItemRules;
use crate::domain::lock::{self, EditLock};
use crate::domain::namespace::{NamespaceKey, NamespaceLimit};
use crate::domain::revision::Base;
use crate::error::{Error, Result};
use crate::server_config::ServerConfig;

/// Checks what can be known before the edit. The namespace may be missing; `created` is the number
/// of namespaces that the caller will have created in the cluster by then, this one included.
///
/// # Errors
/// Names the first rule that the change set violates.
pub async fn check(
    store: &Store,
    config: &ServerConfig,
    rules: &ItemRules,
    key: &NamespaceKey,
    changes: &ChangeSet,
    base: &Base,
    created: u64,
) -> Result<()> {
    let db = store.read();
    let (app_id, cluster) = (&*key.app_id, &*key.cluster);
    let found = castalia_store::namespace::find(db, app_id, cluster, &key.namespace).await?;
    let own = match &found {
        Some(namespace) => {
            base.check(db, namespace).await?;
            let operator = changes.operator.as_deref().unwrap_or_default();
            lock::check(db, EditLock::of(config), namespace, operator).await?;
            rules.of_namespace(db, namespace).await?
        }
        None => {
            let limit = NamespaceLimit::of(config, app_id);
            // The caller can do something about it, unlike about other errors with status 500.
            limit.check(db, app_id, cluster, created).await.map_err(|error| {
                Error::bad_request(error.message().to_owned()).with_code(error.code())
            })?;
            rules.of_new(db, key).await?
        }
    };
    check_count(db, rules, found.as_ref(), changes).await?;
    changes.creates.iter().try_for_each(|draft| own.check_new(draft))?;
    changes.updates.iter().try_for_each(|draft| own.check_change(draft))
}
