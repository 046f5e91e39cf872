//! What every edit of the items of a namespace begins and ends with: the namespace is locked before
//! anything is read, and its editor keeps others out where operators ask for that. Knows no item.

use super::lock::{self, EditLock};
use super::namespace::{self, Namespace, NamespaceKey};
use super::revision::Base;
use crate::error::Result;
use crate::server_config::ServerConfig;
use crate::store::Transaction;

/// An edit of one namespace by one operator.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    key: NamespaceKey,
    operator: Option<String>,
    editors: EditLock,
    base: Base,
}

impl Edit {
    /// An edit that has not begun.
    pub(super) fn of(config: &ServerConfig, key: &NamespaceKey, operator: Option<&str>) -> Self {
        let operator = operator.map(str::to_owned);
        Self { key: key.clone(), operator, editors: EditLock::of(config), base: Base::default() }
    }

    /// The same on the basis of a revision.
    pub(super) fn on(self, base: Base) -> Self {
        Self { base, ..self }
    }

    /// Who edits.
    pub(super) fn operator(&self) -> Option<&str> {
        self.operator.as_deref()
    }

    /// First statement of the transaction. What the edit depends on is read after it.
    pub(super) async fn begin(&self, tx: &Transaction) -> Result<Namespace> {
        let found = namespace::find_locked(tx, &self.key).await;
        let namespace = found.map_err(|error| self.editors.explain(error))?;
        self.base.check(tx, &namespace).await?;
        let operator = self.operator.as_deref().unwrap_or_default();
        lock::acquire(tx, self.editors, &namespace, operator).await?;
        Ok(namespace)
    }

    /// Last statements of the transaction.
    pub(super) async fn end(&self, tx: &Transaction, namespace: &Namespace) -> Result<()> {
        lock::release_unmodified(tx, self.editors, namespace).await
    }
}
