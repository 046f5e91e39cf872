//! The first administrator of an installation, who is created once.

use castalia_store::user::{self, UserRow};
use castalia_store::{Secret, Store, StoreError, installation};

use super::{ADMINISTRATOR, changing, find, generate};
use crate::error::{Error, Result};
use crate::password::{self, Scheme};

/// Name of the value of the installation that states whether the administrator was created.
const CREATED: &str = "administrator.created";

/// Whether the first administrator exists, which is recorded, or existed: one that was deleted must
/// not come back with the password of the settings. Other users show that it existed, too.
///
/// # Errors
/// Fails if the database cannot be read.
pub async fn was_created(store: &Store) -> Result<bool> {
    if find(store, ADMINISTRATOR).await?.is_some() {
        let recorded = installation::value_or_insert(store, CREATED, Secret::new("true")).await;
        if let Err(error) = recorded {
            // The database may take no writes at present; the next start records it.
            tracing::debug!(%error, "cannot record that the administrator was created");
        }
        return Ok(true);
    }
    let recorded = match installation::value(store.read(), CREATED).await {
        Err(error) if error.is_unusable_table() => None,
        recorded => recorded?,
    };
    Ok(recorded.is_some() || user::any(store.read()).await?)
}

/// Creates the first administrator if there was none. Returns the password if it was generated:
/// `keep` has stored it before the administrator is created, so that no later failure can lose it.
///
/// # Errors
/// Fails if the database cannot be written, and with the errors of `keep`.
pub async fn create<E: From<Error>>(
    store: &Store,
    given: Option<Secret>,
    scheme: Scheme,
    keep: impl FnOnce(&str) -> std::result::Result<(), E>,
) -> std::result::Result<Option<String>, E> {
    if was_created(store).await? {
        return Ok(None);
    }
    let generated = if given.is_some() { None } else { Some(generate()?) };
    if let Some(password) = &generated {
        keep(password)?;
    }
    let password = given.or_else(|| generated.as_deref().map(Secret::new)).unwrap_or_default();
    let hash = changing(move |memory| password::hash(memory, password.expose(), scheme)).await?;
    let row = UserRow {
        username: ADMINISTRATOR.to_owned(),
        display_name: Some(ADMINISTRATOR.to_owned()),
        email: Some("apollo@acme.com".to_owned()),
        password: Some(Secret::new(hash)),
        is_enabled: Some(true),
    };
    match store.write(row, |tx, row| Box::pin(user::create(tx, row))).await {
        // Another node that started at the same time was faster; its password is the valid one.
        Err(StoreError::Duplicate(_)) => Ok(None),
        made => {
            made.map_err(Error::from)?;
            was_created(store).await?;
            Ok(generated)
        }
    }
}
