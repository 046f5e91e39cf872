//! The databases of a node as commands use them, whether a server is running or not. Starts nothing
//! in the background.

use std::sync::Arc;

use castalia_store::migration::{self, Part};
use castalia_store::{DatabaseUrl, Store, StoreError};

use super::data_dir::{CONFIG_SETTING, PORTAL_SETTING};
use super::{AdminTokens, StartError, data_dir, database, socket};
use crate::domain::audit_log::Log;
use crate::domain::server_config;
use crate::registry::survey;
use crate::server_config::ServerConfig;
use crate::settings::role::Role;
use crate::settings::{Installation, Settings};

/// Creates or upgrades both databases without serving. Returns one line for each.
///
/// # Errors
/// Fails where the start of a server would fail.
pub async fn prepare_databases(settings: &Settings) -> Result<Vec<String>, StartError> {
    data_dir::make_if_needed(settings)?;
    database::prepare(&Arc::new(settings.clone())).await
}

/// Describes what the start of a server would do to the databases; writes nothing.
///
/// # Errors
/// Fails where the start of a server would fail.
pub async fn check_databases(settings: &Settings) -> Result<Vec<String>, StartError> {
    database::check(settings).await
}

/// Reports what to know before a server starts on the databases, one line for each; changes no
/// table.
///
/// # Errors
/// Fails where the start of a server would fail.
pub async fn examine(settings: &Settings) -> Result<Vec<String>, StartError> {
    let mut lines = database::check(settings).await?;
    let has_config = data_dir::require_config_file(settings).is_ok();
    if settings.serves_environment() && has_config {
        let (store, config) = database::examine_config(&Arc::new(settings.clone())).await?;
        lines.extend(survey(settings, &config, &store).await?.lines());
        lines.extend(socket::eureka_notes(settings, &config));
    }
    Ok(lines)
}

/// Opens the portal database with its keys for a command, even while a server is running. The portal
/// has to exist: a wrong data directory or URL would otherwise become a new one, whose users and
/// tokens no server knows.
///
/// # Errors
/// Fails if there is no portal database, and where the start of a server would fail.
pub async fn existing_portal_store(
    settings: &Settings,
) -> Result<(Store, ServerConfig, Installation), StartError> {
    data_dir::require_portal_file(settings)?;
    let url = database::portal_url(settings)?;
    // Connecting would create it.
    if url.sqlite_file().is_some_and(|file| !file.exists()) {
        return Err(absent(PORTAL_SETTING, &url, "the file does not exist"));
    }
    let portal = database::read_portal(settings).await?;
    require_settings(&portal, Part::Portal).await?;
    if settings.portal_db.is_none() {
        data_dir::make(&settings.data_dir)?;
    }
    let settings = Arc::new(settings.clone());
    let portal = database::open_portal(&settings, None).await?;
    Ok((portal.store, portal.config, settings.defaults.unwrap_or(portal.installation)))
}

/// Fails if a database has no table of settings: it is that of no server, or a start that was refused
/// has left an empty file.
async fn require_settings(store: &Store, part: Part) -> Result<(), StartError> {
    let tables = migration::check(store, part).await?.absent_tables;
    if !tables.iter().any(|table| table == "ServerConfig") {
        return Ok(());
    }
    let (setting, owner) = match part {
        Part::Config => (CONFIG_SETTING, "an environment"),
        Part::Portal => (PORTAL_SETTING, "a portal"),
    };
    let problem =
        format!("this is not the database of {owner}, because it has no table ServerConfig");
    Err(absent(setting, store.url(), &problem))
}

fn absent(setting: &str, url: &DatabaseUrl, problem: &str) -> StartError {
    let problem = format!(
        "{url}: {problem}; specify the database of the server, or create it with `castalia migrate`"
    );
    StoreError::setting(setting, problem).into()
}

/// The audit logs of the roles, for a command that only reads, even while a server is running.
///
/// # Errors
/// Fails if a database does not exist, or if it cannot be opened.
pub async fn audit_logs(settings: &Settings) -> Result<Vec<Log>, StartError> {
    let mut logs = Vec::new();
    if settings.plays(Role::Portal) {
        data_dir::require_portal_file(settings)?;
        logs.push(Log::of_portal(&database::read_portal(settings).await?));
    }
    if settings.serves_environment() {
        data_dir::require_config_file(settings)?;
        let (store, _) = database::config_without_rows(settings).await?;
        logs.push(Log::of_environment(&store));
    }
    Ok(logs)
}

/// The tokens of the admin role, as a node with these settings and rows would accept them.
///
/// # Errors
/// Fails if there is no config database, or if it cannot be read.
pub async fn admin_tokens(settings: &Settings) -> Result<AdminTokens, StartError> {
    data_dir::require_config_file(settings)?;
    let (store, config) = database::config_without_rows(settings).await?;
    require_settings(&store, Part::Config).await?;
    server_config::reload(&store, &config, settings).await?;
    let origin = migration::origin(&store).await?;
    let compat = settings.compat.resolve(settings.defaults.unwrap_or(origin));
    Ok(AdminTokens::read(&store, &config, settings, compat))
}
