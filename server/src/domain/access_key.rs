//! Access keys: the secrets that sign the requests of an app's clients. They are created, enabled,
//! disabled and deleted here; config services find changes by their time, and new keys by their id.

pub use castalia_store::access_key::AccessKey;

use castalia_store::access_key::AccessKeyRow;
use castalia_store::{Id, Secret, Small, Store, StoreError, Transaction};

use super::app;
use super::audit::Trail;
use super::audit_log::new_id;
use super::constraint::{self, Author, check_width, fitting};
use crate::error::{Code, Error, Result};

/// Maximum number of keys of one app, as in Apollo.
const MAX_KEYS: u64 = 5;
/// Maximum length of a secret, in characters: the width of the column.
const SECRET: usize = 128;
/// Minimum length of a new secret, in characters; Apollo's portal generates 32. Existing rows are
/// not checked.
const MIN_SECRET: usize = 16;

/// A request to create a key.
#[derive(Debug, Clone)]
pub struct NewAccessKey {
    /// App that the key belongs to.
    pub app_id: String,
    /// Secret.
    pub secret: Option<Secret>,
    /// 0 rejects requests with an invalid signature, 1 only logs them.
    pub mode: i16,
    /// Whether the key is enabled.
    pub is_enabled: bool,
    /// Author of the request.
    pub author: Author,
}

/// Creates a key.
///
/// # Errors
/// Fails if the app has reached its limit, has a key with this secret, or if the secret is missing.
pub async fn create(store: &Store, new: NewAccessKey) -> Result<AccessKey> {
    store.write(new, |tx, new| Box::pin(create_in(tx, new))).await
}

async fn create_in(tx: &Transaction, new: &NewAccessKey) -> Result<AccessKey> {
    // Locked, so that two concurrent requests cannot both pass the limit. The stored spelling is
    // used, because the database may find the app under another one, and a key under that spelling
    // would protect nothing.
    let app_id = app::lock_existing(tx, &new.app_id).await?;
    if castalia_store::access_key::count_of_app(tx, &app_id).await? >= MAX_KEYS {
        return Err(Error::bad_request("AccessKeys count limit exceeded")
            .with_code(Code::TooManyAccessKeys));
    }
    let mut author = new.author.checked()?;
    author.last_modified_by = Some(author.created_by.clone());
    let secret = new.secret.as_ref().map(Secret::expose);
    if secret.is_some_and(|secret| secret.trim().chars().count() < MIN_SECRET) {
        let message = format!("The secret of an access key needs at least {MIN_SECRET} characters");
        return Err(Error::bad_request(message).with_code(Code::WeakAccessKey));
    }
    let row = AccessKeyRow {
        app_id: fitting(Some(&app_id), "AppId", constraint::APP_ID)?,
        secret: Secret::new(fitting(secret, "Secret", SECRET)?),
        mode: Small(new.mode),
        is_enabled: new.is_enabled,
    };
    let key = castalia_store::access_key::insert(tx, row, author).await;
    let key = key.map_err(|error| match error {
        StoreError::Duplicate(_) => {
            let message = "The app already has an access key with this secret.";
            Error::bad_request(message).with_code(Code::AccessKeyExists)
        }
        error => error.into(),
    })?;
    let mut trail = Trail::of(Some(&key.data_change_created_by));
    trail.inserted("AccessKey", key.id);
    trail.write(tx).await?;
    Ok(key)
}

/// A random secret of 32 hexadecimal digits, as Apollo's portal generates them.
///
/// # Errors
/// Fails if the operating system provides no random bytes.
pub fn new_secret() -> Result<String> {
    new_id()
}

/// Creates an enabled key for a new app. A failure is only logged: the app remains.
pub(super) async fn provision(store: &Store, app_id: &str, operator: &str) {
    let new = |secret| NewAccessKey {
        app_id: app_id.to_owned(),
        secret: Some(Secret::new(secret)),
        mode: 0,
        is_enabled: true,
        author: Author::of(operator),
    };
    let created = match new_secret() {
        Ok(secret) => create(store, new(secret)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = created {
        tracing::error!(app_id, %error, "cannot create the access key of a new app, so its clients need no signature; create one by hand");
    }
}

/// The keys of an app.
pub async fn list(store: &Store, app_id: &str) -> Result<Vec<AccessKey>> {
    Ok(castalia_store::access_key::of_app(store.read(), app_id).await?)
}

/// Enables a key in a mode, or disables it with `None`.
///
/// # Errors
/// Fails if the app has no such key.
pub async fn switch(
    store: &Store,
    app_id: &str,
    id: i64,
    mode: Option<i16>,
    operator: Option<String>,
) -> Result<()> {
    let input = (app_id.to_owned(), id, mode, operator);
    store
        .write(input, |tx, (app_id, id, mode, operator)| {
            Box::pin(async move {
                switch_in(tx, app_id, Id(*id), *mode, operator.clone()).await?;
                let mut trail = Trail::of(operator.as_deref());
                trail.updated("AccessKey", Id(*id));
                trail.write(tx).await
            })
        })
        .await
}

async fn switch_in(
    tx: &Transaction,
    app_id: &str,
    id: Id,
    mode: Option<i16>,
    operator: Option<String>,
) -> Result<()> {
    let old = match castalia_store::access_key::find_locked(tx, app_id, id).await {
        // A key whose secret cannot be decoded can be disabled, but not enabled.
        Err(error) if error.is_unreadable() && mode.is_none() => {
            return Ok(castalia_store::access_key::disable(tx, id, operator.as_deref()).await?);
        }
        found => found?.ok_or_else(not_found)?,
    };
    let new = AccessKey {
        is_enabled: mode.is_some(),
        mode: Small(mode.unwrap_or_default()),
        data_change_last_modified_by: operator,
        ..old.clone()
    };
    castalia_store::access_key::update(tx, &old, &new).await?;
    Ok(())
}

/// Deletes a disabled key.
///
/// # Errors
/// Fails if the app has no such key, or if the key is enabled.
pub async fn delete(store: &Store, app_id: &str, id: i64, operator: Option<String>) -> Result<()> {
    let input = (app_id.to_owned(), id, operator);
    store
        .write(input, |tx, (app_id, id, operator)| {
            Box::pin(async move {
                // Locked, so that the state that permits the change cannot change meanwhile.
                let id = Id(*id);
                let is_enabled =
                    castalia_store::access_key::find_enabled_locked(tx, app_id, id).await?;
                if is_enabled.ok_or_else(not_found)? {
                    return Err(Error::bad_request("AccessKey should disable first")
                        .with_code(Code::AccessKeyEnabled));
                }
                let name = operator.as_deref().unwrap_or_default();
                check_width(name, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
                castalia_store::access_key::delete(tx, id, name).await?;
                let mut trail = Trail::of(operator.as_deref());
                trail.deleted("AccessKey", id);
                trail.write(tx).await
            })
        })
        .await
}

fn not_found() -> Error {
    Error::bad_request("accessKey not exist.").with_code(Code::AccessKeyNotFound)
}
