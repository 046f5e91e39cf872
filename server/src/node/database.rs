//! Opens the databases of a node: connection, schema, first rows, and the settings that they hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use sea_orm::DatabaseTransaction;

use super::{StartError, data_dir, random_hex, seed};
use crate::domain::server_config;
use crate::role::Role;
use crate::server_config::ServerConfig;
use crate::settings::{Installation, SchemaMode, Settings};
use crate::store::migration::{self, Part};
use crate::store::{self, DatabaseUrl, Store, StoreError, StoreOptions};

/// The environment's database, ready for use.
pub(super) struct ConfigDatabase {
    pub(super) store: Store,
    pub(super) config: ServerConfig,
    pub(super) installation: Installation,
}

/// The portal's database, ready for use.
pub(super) struct PortalDatabase {
    pub(super) store: Store,
    pub(super) config: ServerConfig,
    pub(super) installation: Installation,
    /// Made by this start.
    pub(super) is_new: bool,
}

pub(super) async fn open_config(
    settings: &Arc<Settings>,
    token: &str,
) -> Result<ConfigDatabase, StartError> {
    let store = connect(settings, settings.config_db.as_ref(), "config.db", "--config-db").await?;
    let token = token.to_owned();
    let installation = schema(settings, &store, Part::Config, move |tx| {
        Box::pin(async move { seed::config(tx, &token).await })
    });
    let installation = installation.await?;
    let config = ServerConfig::new(settings.server_config.clone());
    server_config::reload(&store, &config, settings).await?;
    Ok(ConfigDatabase { store, config, installation })
}

/// The config database as it is, without changing its schema.
pub(super) async fn read_config(
    settings: &Arc<Settings>,
) -> Result<(Store, ServerConfig), StartError> {
    let store = connect(settings, settings.config_db.as_ref(), "config.db", "--config-db").await?;
    let config = ServerConfig::new(settings.server_config.clone());
    server_config::reload(&store, &config, settings).await?;
    Ok((store, config))
}

pub(super) async fn open_portal(
    settings: &Arc<Settings>,
    token: &str,
) -> Result<PortalDatabase, StartError> {
    let store = connect(settings, settings.portal_db.as_ref(), "portal.db", "--portal-db").await?;
    let (env, token, salt) = (settings.env.clone(), token.to_owned(), random_hex()?);
    let is_new = Arc::new(AtomicBool::new(false));
    let made = Arc::clone(&is_new);
    let installation = schema(settings, &store, Part::Portal, move |tx| {
        made.store(true, Ordering::Release);
        Box::pin(async move { seed::portal(tx, &env, &token, &salt).await })
    });
    let installation = installation.await?;
    let config = ServerConfig::new(settings.server_config.clone());
    read_portal(&store, &config).await?;
    Ok(PortalDatabase { store, config, installation, is_new: is_new.load(Ordering::Acquire) })
}

/// Reads the limits again; what was read last stays in force while the database is away.
pub(super) async fn refresh_config(store: Store, config: ServerConfig, settings: Arc<Settings>) {
    report(server_config::reload(&store, &config, &settings).await);
}

/// As [`refresh_config`], for the portal.
pub(super) async fn refresh_portal(store: Store, config: ServerConfig) {
    report(read_portal(&store, &config).await);
}

fn report(read: Result<(), StoreError>) {
    if let Err(error) = read {
        tracing::debug!(%error, "cannot read ServerConfig; what was read last stays in force");
    }
}

async fn read_portal(store: &Store, config: &ServerConfig) -> Result<(), StoreError> {
    let read = async {
        let rows = store::server_config::values_of_portal(store.read()).await?;
        Ok(rows.into_iter().map(|(_, key, value)| (key, value)).collect())
    };
    config.reload(read).await
}

async fn connect(
    settings: &Settings,
    url: Option<&DatabaseUrl>,
    file: &str,
    setting: &str,
) -> Result<Store, StartError> {
    let url =
        url.map_or_else(|| data_dir::sqlite_url(settings, file), |url| url.expose().to_owned());
    let options =
        StoreOptions { max_connections: settings.max_connections, ..StoreOptions::new(setting) };
    Ok(Store::connect(&url, options).await?)
}

async fn schema(
    settings: &Settings,
    store: &Store,
    part: Part,
    first_rows: impl for<'c> FnOnce(&'c DatabaseTransaction) -> BoxFuture<'c, Result<(), StoreError>>
    + Send,
) -> Result<Installation, StartError> {
    match settings.schema {
        SchemaMode::Apply => Ok(migration::apply(store, part, first_rows).await?),
        SchemaMode::Off => Ok(migration::origin(store).await?),
        SchemaMode::Check => {
            let report = migration::check(store, part).await?;
            Err(StoreError::setting("--schema", format!("check: {}: {report:?}", store.url()))
                .into())
        }
    }
}

/// Prepares the databases of the roles and says in a line each what they are now.
pub(super) async fn prepare(settings: &Arc<Settings>) -> Result<Vec<String>, StartError> {
    let token = random_hex()?;
    let mut lines = Vec::new();
    if settings.serves_environment() {
        let config = open_config(settings, &token).await?;
        lines.push(line(&config.store, config.installation));
    }
    if settings.plays(Role::Portal) {
        let portal = open_portal(settings, &token).await?;
        lines.push(line(&portal.store, portal.installation));
    }
    Ok(lines)
}

/// What a start would do; an error when it would refuse.
pub(super) async fn check(settings: &Settings) -> Result<Vec<String>, StartError> {
    let mut lines = Vec::new();
    for (is_needed, part, url, file, setting) in [
        (
            settings.serves_environment(),
            Part::Config,
            settings.config_db.as_ref(),
            "config.db",
            "--config-db",
        ),
        (
            settings.plays(Role::Portal),
            Part::Portal,
            settings.portal_db.as_ref(),
            "portal.db",
            "--portal-db",
        ),
    ] {
        if !is_needed {
            continue;
        }
        let store = connect(settings, url, file, setting).await?;
        let report = migration::check(&store, part).await?;
        if !report.faults.is_empty() {
            let faults = report.faults.join("; ");
            return Err(StoreError::setting(setting, format!("{}: {faults}", store.url())).into());
        }
        lines.push(format!(
            "{}: {:?}, steps to run: {}, tables to create: {}",
            store.url(),
            report.origin,
            list(&report.missing_steps),
            list(&report.absent_tables)
        ));
    }
    Ok(lines)
}

fn line(store: &Store, installation: Installation) -> String {
    format!("{}: ready ({installation:?})", store.url())
}

fn list(names: &[impl AsRef<str>]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
    }
}
