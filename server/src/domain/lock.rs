//! Edit locks: the first editor of a namespace excludes others until the next release, and must not
//! publish alone. Off unless the switch is on; locks that remain in the table still prevent their
//! owner from publishing.

pub use castalia_store::namespace::NamespaceLock;

use castalia_store::{Connection, Store, Transaction};

use super::namespace::{self, Namespace, NamespaceKey, key_of};
use super::release::{self, Publication};
use super::{branch, configurations};
use crate::error::{Code, Error, Reaction, Result};
use crate::server_config::{ServerConfig, keys};

/// Whether editors exclude each other, as configured at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct EditLock {
    is_on: bool,
}

impl EditLock {
    pub(super) fn of(config: &ServerConfig) -> Self {
        Self { is_on: config.get(&keys::EDIT_LOCK) }
    }

    /// With the switch on, Apollo looks up the namespace elsewhere, with a different error.
    pub(super) fn explain(self, error: Error) -> Error {
        if self.is_on && error.reaction() == Reaction::NotFound {
            return Error::bad_request("namespace not exist.").with_code(Code::NamespaceNotFound);
        }
        error
    }
}

/// Makes the operator the editor of a namespace that is locked in this transaction; fails if
/// somebody else is.
pub(super) async fn acquire(
    tx: &Transaction,
    editors: EditLock,
    namespace: &Namespace,
    operator: &str,
) -> Result<()> {
    if !editors.is_on {
        return Ok(());
    }
    if let Some(lock) = castalia_store::namespace::lock(tx, namespace.id).await? {
        return check_owner(namespace, &lock, operator);
    }
    castalia_store::namespace::insert_lock(tx, namespace.id, operator).await?;
    Ok(())
}

fn check_owner(namespace: &Namespace, lock: &NamespaceLock, operator: &str) -> Result<()> {
    if lock.data_change_created_by == operator {
        return Ok(());
    }
    let (name, owner) = (&namespace.namespace_name, &lock.data_change_created_by);
    Err(Error::bad_request(format!("namespace:{name} is modified by {owner}"))
        .with_code(Code::Locked))
}

/// Releases the lock if the items no longer differ from the release.
pub(super) async fn release_unmodified(
    tx: &Transaction,
    editors: EditLock,
    namespace: &Namespace,
) -> Result<()> {
    if !editors.is_on {
        return Ok(());
    }
    match is_modified(tx, namespace).await {
        Ok(false) => {
            castalia_store::namespace::delete_lock(tx, namespace.id).await?;
            Ok(())
        }
        Ok(true) => Ok(()),
        // Whether an undecodable item differs is unknown; the next release removes the lock.
        Err(error) if error.is_unreadable() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a publish would change the values of clients.
async fn is_modified(db: &impl Connection, namespace: &Namespace) -> Result<bool> {
    let items = castalia_store::item::content_of_namespace(db, namespace.id).await?;
    let Some(latest) = release::latest(db, &key_of(namespace)).await? else {
        return Ok(items.iter().any(|(key, _)| !key.is_empty()));
    };
    let keyed = items.into_iter().filter(|(key, _)| !key.trim().is_empty());
    let mut content = configurations::of_items(keyed);
    if let Some(parent) = branch::parent(db, namespace).await?
        && let Some(base) = release::latest(db, &key_of(&parent)).await?
    {
        content = configurations::overlay(&configurations::parse(&base)?, content);
    }
    Ok(content != configurations::parse(&latest)?)
}

/// Rejects an editor who publishes alone; otherwise returns whether there is a lock that the
/// publish has to release.
pub(super) fn check_publisher(owner: Option<&str>, publication: &Publication) -> Result<bool> {
    match owner {
        // An owner that cannot be decoded may be the publisher.
        Some("") if !publication.is_emergency => Err(Error::unreadable(
            "The owner of the edit lock (table NamespaceLock) cannot be decoded, and may be the publisher. \
                 Publish as an emergency, which removes the lock, or correct the row in the database.",
        )),
        Some(owner) if !publication.is_emergency && owner == publication.operator => {
            Err(Error::bad_request("Config can not be published by yourself.")
                .with_code(Code::OwnEdit))
        }
        owner => Ok(owner.is_some()),
    }
}

/// The editor of a namespace; `None` while the switch is off.
///
/// # Errors
/// Fails if there is no such namespace.
pub async fn find(
    store: &Store,
    config: &ServerConfig,
    key: &NamespaceKey,
) -> Result<Option<NamespaceLock>> {
    let namespace = namespace::require(store.read(), key).await?;
    if !config.get(&keys::EDIT_LOCK) {
        return Ok(None);
    }
    Ok(castalia_store::namespace::lock(store.read(), namespace.id).await?)
}
