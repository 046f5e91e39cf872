//! The super administrators at the time of a change that one of them makes, or that must leave one:
//! of an account, or of their list. Another node may have changed the list, which this one reads
//! once a minute.

use castalia_store::user::{self, User};
use castalia_store::{Connection, Store, Transaction, server_config};

use super::is_enabled;
use crate::domain::permission::grant;
use crate::error::{Code, Error, Result};
use crate::server_config::kind::ValueKind as _;
use crate::server_config::{ServerConfig, keys};
use crate::settings::sign_in::SignInSettings;

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
    /// The accounts of the present super administrators. The database may also find those whose
    /// names differ in case, which have no right.
    pub(super) async fn accounts(&self, tx: &Transaction) -> Result<Vec<User>> {
        let names = self.names(tx).await?;
        let mut accounts = user::by_names(tx, &names).await?;
        accounts.retain(|account| names.contains(&account.username));
        Ok(accounts)
    }

    /// The present names. The row of the list stays locked until the end of the transaction, and
    /// whatever writes the list locks it as well: the setting, the groups of a user who signs in,
    /// and the deletion of an account.
    async fn names(&self, tx: &Transaction) -> Result<Vec<String>> {
        let key = &keys::SUPER_ADMINS;
        if self.is_fixed {
            return Ok(self.known.clone());
        }
        // To lock the row would empty a value that cannot be decoded.
        if stored(tx).await?.is_none() {
            return Ok(self.known.clone());
        }
        server_config::portal_to_replace(tx, key.name).await?;
        Ok(stored(tx).await?.unwrap_or_else(|| self.known.clone()))
    }
}

/// The stored list; `None` if it cannot be decoded: as where the settings are read, the earlier one
/// remains in effect.
pub(super) async fn stored(db: &impl Connection) -> Result<Option<Vec<String>>> {
    let key = &keys::SUPER_ADMINS;
    match server_config::value_of_portal(db, key.name).await? {
        Some(None) => Ok(None),
        value => Ok(Some(key.kind.read(value.flatten()))),
    }
}

/// Whether a user whom this node knows as a super administrator still is one: otherwise, whoever was
/// removed from the list could use another node to return to it.
///
/// # Errors
/// Fails if the database cannot be read.
pub(in crate::domain) async fn is_still_listed(
    store: &Store,
    config: &ServerConfig,
    name: &str,
) -> Result<bool> {
    let key = &keys::SUPER_ADMINS;
    if config.is_fixed(key) {
        return Ok(true);
    }
    let stored = stored(store.read()).await?;
    Ok(stored.is_none_or(|names| names.iter().any(|listed| listed == name)))
}

/// A list of super administrators that replaces the stored one.
#[derive(Debug, Clone)]
pub struct NewRoots {
    names: Vec<String>,
    /// Those whom another system identifies: they have an account from their first sign-in on.
    external: Vec<String>,
}

impl NewRoots {
    /// The list that a setting becomes with this value, or without a row; `None` for another
    /// setting, and if this node fixes the list.
    #[must_use]
    pub fn of(
        (key, value): (&str, Option<&str>),
        config: &ServerConfig,
        sign_in: &SignInSettings,
    ) -> Option<Self> {
        let list = &keys::SUPER_ADMINS;
        // The database may find the row of another spelling.
        if !key.trim().eq_ignore_ascii_case(list.name) || config.is_fixed(list) {
            return None;
        }
        let names = list.kind.read(value.map(str::to_owned));
        let external = names.iter().filter(|name| !sign_in.is_local(name)).cloned().collect();
        Some(Self { names, external })
    }

    /// Requires that somebody administers the portal afterwards. Changes of accounts wait for the
    /// end of the transaction.
    ///
    /// # Errors
    /// Fails if none of the names is that of an enabled user, or of one whom another system
    /// identifies and who has not signed in yet.
    pub(in crate::domain) async fn check(&self, tx: &Transaction) -> Result<()> {
        grant::lock_portal(tx).await?;
        let found = user::by_names(tx, &self.names).await?;
        let is_left = |name: &String| match found.iter().find(|user| user.username == *name) {
            Some(user) => is_enabled(user),
            // An account in another case is used instead, and has no right.
            None => {
                let name_of = |user: &User| user.username.to_lowercase();
                self.external.contains(name)
                    && !found.iter().any(|user| name_of(user) == name.to_lowercase())
            }
        };
        if self.names.iter().any(is_left) {
            return Ok(());
        }
        let message =
            "superAdmin must name an enabled user: otherwise nobody administers the portal";
        Err(Error::bad_request(message).with_code(Code::LastAdministrator))
    }
}
