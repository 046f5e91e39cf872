//! The first and last steps of every edit of items: locks the namespace before anything is read,
//! and excludes other editors if operators configure that. Knows no item.

use castalia_store::Transaction;

use super::lock::{self, EditLock};
use super::namespace::{self, Namespace, NamespaceKey};
use super::revision::{Base, Revision, Transition};
use crate::error::Result;
use crate::server_config::ServerConfig;

/// A namespace that is locked for an edit.
#[derive(Debug)]
pub(super) struct LockedNamespace {
    pub(super) namespace: Namespace,
    before: Option<Revision>,
}

/// An edit of one namespace by one operator.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    key: NamespaceKey,
    operator: Option<String>,
    editors: EditLock,
    base: Base,
}

impl Edit {
    /// An edit that has not started.
    pub(super) fn of(config: &ServerConfig, key: &NamespaceKey, operator: Option<&str>) -> Self {
        let operator = operator.map(str::to_owned);
        Self { key: key.clone(), operator, editors: EditLock::of(config), base: Base::default() }
    }

    /// The same edit, based on a revision.
    pub(super) fn on(self, base: Base) -> Self {
        Self { base, ..self }
    }

    /// The user who edits.
    pub(super) fn operator(&self) -> Option<&str> {
        self.operator.as_deref()
    }

    /// Runs the first statements of the transaction. Everything that the edit depends on must be
    /// read after them.
    pub(super) async fn begin(&self, tx: &Transaction) -> Result<LockedNamespace> {
        let found = namespace::find_locked(tx, &self.key).await;
        let namespace = found.map_err(|error| self.editors.explain(error))?;
        let before = self.base.before(tx, &namespace).await?;
        let operator = self.operator.as_deref().unwrap_or_default();
        lock::acquire(tx, self.editors, &namespace, operator).await?;
        Ok(LockedNamespace { namespace, before })
    }

    /// Runs the last statements of the transaction.
    pub(super) async fn end(&self, tx: &Transaction, begun: LockedNamespace) -> Result<Transition> {
        let LockedNamespace { namespace, before } = begun;
        lock::release_unmodified(tx, self.editors, &namespace).await?;
        self.base.transition(tx, &namespace, before).await
    }
}
