//! Edit locks: who edits a namespace first keeps others out until the next release, and may not publish it alone. Off unless the
//! switch is on; rows that are left over still bar their owner from publishing.

pub use crate::store::entity::namespace_lock::Model as NamespaceLock;

use sea_orm::ConnectionTrait;

use super::namespace::{self, Namespace, NamespaceKey, key_of};
use super::release::{self, Publication};
use super::{branch, configurations};
use crate::error::{Error, Result};
use crate::server_config::ServerConfig;
use crate::store::{self, Store, StoreError};

/// Switch in the config database.
const SWITCH: &str = "namespace.lock.switch";

/// Does an edit while its operator holds the lock; the lock ends with it where nothing differs from the release then. `namespace`
/// is what the caller already knows.
///
/// # Errors
/// When somebody else holds the lock, and what the edit answers.
pub async fn during<T>(
    store: &Store,
    config: &ServerConfig,
    key: &NamespaceKey,
    operator: Option<&str>,
    edit: impl Future<Output = Result<T>>,
) -> Result<T> {
    if !config.is_on(SWITCH) {
        return edit.await;
    }
    let namespace =
        store::namespace::find(store.read(), &key.app_id, &key.cluster, &key.namespace).await?;
    let namespace = namespace.ok_or_else(|| {
        Error::bad_request("namespace not exist.").with_code("namespace_not_found")
    })?;
    acquire(store, &namespace, operator.unwrap_or_default()).await?;
    let done = edit.await;
    if let Err(error) = release_unmodified(store, namespace).await {
        tracing::warn!(%error, "cannot see whether a namespace is still edited; its lock stays");
    }
    done
}

async fn acquire(store: &Store, namespace: &Namespace, operator: &str) -> Result<()> {
    if let Some(lock) = store::namespace::lock(store.read(), namespace.id).await? {
        return check_owner(namespace, &lock, operator);
    }
    let input = (namespace.id, operator.to_owned());
    let inserted: Result<_, StoreError> = store
        .write(input, |tx, (id, operator)| {
            Box::pin(
                async move { store::namespace::insert_lock(tx, *id, operator).await.map(drop) },
            )
        })
        .await;
    match inserted {
        // Somebody was faster; it may have been the same person.
        Err(error) if error.is_duplicate() => {
            match store::namespace::lock(store.read(), namespace.id).await? {
                Some(lock) => check_owner(namespace, &lock, operator),
                None => {
                    let message = format!(
                        "Check lock for {} failed, please retry.",
                        namespace.namespace_name
                    );
                    Err(Error::service(message).with_code("lock_lost"))
                }
            }
        }
        outcome => Ok(outcome?),
    }
}

fn check_owner(namespace: &Namespace, lock: &NamespaceLock, operator: &str) -> Result<()> {
    if lock.data_change_created_by == operator {
        return Ok(());
    }
    let (name, owner) = (&namespace.namespace_name, &lock.data_change_created_by);
    Err(Error::bad_request(format!("namespace:{name} is modified by {owner}")).with_code("locked"))
}

async fn release_unmodified(store: &Store, namespace: Namespace) -> Result<()> {
    if is_modified(store.read(), &namespace).await? {
        return Ok(());
    }
    store
        .write(namespace.id, |tx, id| {
            Box::pin(async move {
                store::namespace::delete_lock(tx, *id).await?;
                Ok(())
            })
        })
        .await
}

/// Whether a publish would change what clients get.
async fn is_modified(db: &impl ConnectionTrait, namespace: &Namespace) -> Result<bool> {
    let items = store::item::of_namespace(db, namespace.id).await?;
    let Some(latest) = release::latest(db, &key_of(namespace)).await? else {
        return Ok(items.iter().any(|item| !item.key.is_empty()));
    };
    let keyed: Vec<_> = items.into_iter().filter(|item| !item.key.trim().is_empty()).collect();
    let mut content = configurations::of_items(&keyed);
    if let Some(parent) = branch::parent(db, namespace).await?
        && let Some(base) = release::latest(db, &key_of(&parent)).await?
    {
        content = configurations::overlay(&configurations::parse(&base.configurations)?, content);
    }
    Ok(content != configurations::parse(&latest.configurations)?)
}

/// Refuses an editor who publishes alone; otherwise says whether there is a lock that the publish ends.
pub(super) fn check_publisher(owner: Option<&str>, publication: &Publication) -> Result<bool> {
    match owner {
        Some(owner) if !publication.is_emergency && owner == publication.operator => {
            Err(Error::bad_request("Config can not be published by yourself.")
                .with_code("own_edit"))
        }
        owner => Ok(owner.is_some()),
    }
}

/// Who edits a namespace at present; nobody while the switch is off.
///
/// # Errors
/// When there is no such namespace.
pub async fn find(
    store: &Store,
    config: &ServerConfig,
    key: &NamespaceKey,
) -> Result<Option<NamespaceLock>> {
    let namespace = namespace::require(store.read(), key).await?;
    if !config.is_on(SWITCH) {
        return Ok(None);
    }
    Ok(store::namespace::lock(store.read(), namespace.id).await?)
}
