//! The super administrators at the time of a change that must leave one. Another node may have
//! changed their list, which this one reads once a minute.

use castalia_store::{Transaction, server_config};

use crate::error::Result;
use crate::server_config::kind::ValueKind as _;
use crate::server_config::{ServerConfig, keys};

/// The list of super administrators.
#[derive(Debug, Clone)]
pub struct Roots {
    /// As this node knows it.
    known: Vec<String>,
    /// Whether no row of the database changes it.
    is_fixed: bool,
}

impl From<&ServerConfig> for Roots {
    fn from(config: &ServerConfig) -> Self {
        let key = &keys::SUPER_ADMINS;
        Self { known: config.get(key), is_fixed: config.is_fixed(key) }
    }
}

/// A list that no row changes.
impl From<Vec<String>> for Roots {
    fn from(known: Vec<String>) -> Self {
        Self { known, is_fixed: true }
    }
}

impl Roots {
    /// The present names. The row of the list stays locked until the end of the transaction, and
    /// whatever writes the list locks it as well: the setting, the groups of a user who signs in,
    /// and the deletion of an account.
    pub(super) async fn names(&self, tx: &Transaction) -> Result<Vec<String>> {
        let key = &keys::SUPER_ADMINS;
        if self.is_fixed {
            return Ok(self.known.clone());
        }
        let rows = server_config::values_of_portal(tx).await?;
        // As where the settings are read: the earlier list remains in effect. To lock the row would
        // empty a value that cannot be decoded.
        if rows.iter().any(|(name, value)| name == key.name && value.is_none()) {
            return Ok(self.known.clone());
        }
        let row = server_config::portal_to_replace(tx, key.name).await?;
        Ok(key.kind.read(row.map(|row| row.value)))
    }
}
