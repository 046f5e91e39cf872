//! First rows of new databases, in addition to the settings of every installation: access control
//! is on, with generated secrets.

use std::path::PathBuf;

use castalia_store::server_config::{PortalSettingRow, SettingRow, insert, insert_of_portal};
use castalia_store::{Authorship, Secret, Store, StoreError, Transaction, installation};

use super::{StartError, data_dir};
use crate::domain::user::{self, first};
use crate::password::Scheme;
use crate::server_config::keys;
use crate::settings::Settings;

/// Author of the rows.
pub(super) const AUTHOR: &str = "default";

/// Turns on access control of the admin role, with a generated token. The id later shows whether a
/// portal's database belongs to this one.
pub(super) async fn config(tx: &Transaction, token: &str, id: &str) -> Result<(), StoreError> {
    installation::insert_if_absent(tx, installation::ID, Secret::new(id)).await?;
    let rows = [
        (keys::ADMIN_TOKEN_REQUIRED.name, "true", "whether the admin service asks for a token"),
        (keys::ADMIN_TOKENS.name, token, "tokens of the admin service, separated by commas"),
    ];
    for (key, value, comment) in rows {
        let row = SettingRow {
            key: key.into(),
            cluster: "default".into(),
            value: value.into(),
            comment: Some(comment.into()),
        };
        insert(tx, row, Authorship::of(AUTHOR)).await?;
    }
    Ok(())
}

/// The environment's name, a token of its admin role if one is known, and a salt of this
/// installation.
pub(super) async fn portal(
    tx: &Transaction,
    env: &str,
    token: Option<&str>,
    salt: &str,
) -> Result<(), StoreError> {
    let tokens: serde_json::Map<_, _> =
        token.into_iter().map(|token| (env.to_owned(), token.into())).collect();
    let tokens = serde_json::Value::Object(tokens).to_string();
    let rows = [
        (keys::ENVIRONMENTS.name, env, "environments that the portal shows, separated by commas"),
        (keys::CONSUMER_SALT.name, salt, "salt of consumer tokens"),
        (keys::ENVIRONMENT_TOKENS.name, &tokens, "tokens of the admin services by environment"),
    ];
    for (key, value, comment) in rows {
        let row = PortalSettingRow {
            key: key.into(),
            value: value.into(),
            comment: Some(comment.into()),
        };
        insert_of_portal(tx, row, Authorship::of(AUTHOR)).await?;
    }
    Ok(())
}

/// A password that a start generated.
#[derive(Debug)]
pub struct GeneratedPassword {
    /// The password.
    pub password: Secret,
    /// Contains the password; readable only for the owner of the data directory.
    pub file: PathBuf,
}

/// Creates the first administrator of the portal. A generated password is stored in its file before
/// the administrator exists.
pub(super) async fn administrator(
    settings: &Settings,
    store: &Store,
) -> Result<Option<GeneratedPassword>, StartError> {
    if first::was_created(store).await? {
        return Ok(None);
    }
    let given = settings.admin_password.clone();
    let _alone = match given {
        Some(_) => None,
        None => data_dir::lock_for_seed(settings)?,
    };
    let mut file = None;
    let keep = |password: &str| {
        file = Some(data_dir::store_password(settings, password)?);
        Ok::<_, StartError>(())
    };
    let generated = first::create(store, given, Scheme::Argon2id, keep).await?;
    let Some(file) = file else { return Ok(None) };
    let Some(password) = generated.map(Secret::new) else {
        // Another node that started at the same time was faster; its password is the valid one.
        data_dir::forget_password(&file);
        return Ok(None);
    };
    tracing::info!(
        user = user::ADMINISTRATOR,
        file = %file.display(),
        "administrator created; the file contains the password: delete it after signing in"
    );
    Ok(Some(GeneratedPassword { password, file }))
}
