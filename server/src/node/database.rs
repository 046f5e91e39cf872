//! Opens the databases of a node: connection, schema, first rows, and the settings in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use castalia_store::migration::{self, Part};
use castalia_store::{
    DatabaseUrl, Secret, Store, StoreError, StoreOptions, Transaction, installation,
};
use futures_util::future::BoxFuture;

use super::data_dir::{CONFIG_SETTING, PORTAL_SETTING};
use super::{StartError, admin_token, data_dir, random_hex, seed};
use crate::domain::server_config;
use crate::server_config::ServerConfig;
use crate::settings::role::Role;
use crate::settings::{Installation, SchemaMode, Settings};

/// How long a start waits for a database server that does not answer yet: it may be starting beside
/// this process, or be busy.
const START_PATIENCE: Duration = Duration::from_secs(10);

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
    /// Whether this start created it.
    pub(super) is_new: bool,
}

pub(super) async fn open_config(settings: &Arc<Settings>) -> Result<ConfigDatabase, StartError> {
    let url = config_url(settings)?;
    let store = connect(settings, &url, CONFIG_SETTING).await?;
    let (token, id) = (random_hex()?, random_hex()?);
    let installation = schema(settings, &store, Part::Config, move |tx| {
        Box::pin(async move { seed::config(tx, &token, &id).await })
    });
    let installation = installation.await?;
    let config = ServerConfig::new(settings.fixed_for(Role::Admin));
    server_config::reload(&store, &config, settings).await?;
    Ok(ConfigDatabase { store, config, installation })
}

/// Opens the config database without changing its schema. It may not have its tables yet, and then no
/// settings either.
pub(super) async fn examine_config(
    settings: &Arc<Settings>,
) -> Result<(Store, ServerConfig), StartError> {
    let (store, config) = config_without_rows(settings).await?;
    let absent = migration::check(&store, Part::Config).await?.absent_tables;
    if !absent.iter().any(|table| table == "ServerConfig") {
        server_config::reload(&store, &config, settings).await?;
    }
    Ok((store, config))
}

/// The same without its settings.
pub(super) async fn config_without_rows(
    settings: &Settings,
) -> Result<(Store, ServerConfig), StartError> {
    let store = connect(settings, &config_url(settings)?, CONFIG_SETTING).await?;
    Ok((store, ServerConfig::new(settings.fixed_for(Role::Admin))))
}

/// Opens the portal database without changing its schema.
pub(super) async fn read_portal(settings: &Settings) -> Result<Store, StartError> {
    connect(settings, &portal_url(settings)?, PORTAL_SETTING).await
}

/// `environment` is the database of the environment, if this process has it.
pub(super) async fn open_portal(
    settings: &Arc<Settings>,
    environment: Option<&ConfigDatabase>,
) -> Result<PortalDatabase, StartError> {
    let url = portal_url(settings)?;
    let store = connect(settings, &url, PORTAL_SETTING).await?;
    let token = environment.and_then(|environment| admin_token::accepted(&environment.config));
    let (env, salt) = (settings.env.clone(), random_hex()?);
    let is_new = Arc::new(AtomicBool::new(false));
    let made = Arc::clone(&is_new);
    let installation = schema(settings, &store, Part::Portal, move |tx| {
        made.store(true, Ordering::Release);
        Box::pin(async move { seed::portal(tx, &env, token.as_deref(), &salt).await })
    });
    let installation = installation.await?;
    if let Some(environment) = environment
        && let Some(id) = installation_id(&environment.store).await?
    {
        let known = installation::known_value(&store, &id_in_portal(settings)).await?;
        // Before the id is stored, because a start that is interrupted in between is repeated.
        if known.is_none() && installation == Installation::Fresh {
            admin_token::replace_in_portal(&store, settings, &environment.config).await?;
        }
        refuse_strangers(settings, &store, id).await?;
    }
    let config = ServerConfig::new(settings.fixed_for(Role::Portal));
    server_config::of_portal::reload(&store, &config).await?;
    Ok(PortalDatabase { store, config, installation, is_new: is_new.load(Ordering::Acquire) })
}

/// The id that the environment's database received when it was created, or at the first start on
/// it. `None` if the table for it cannot be used, such as on a database of Apollo with an account
/// that may not create tables.
async fn installation_id(store: &Store) -> Result<Option<Secret>, StartError> {
    let offer = Secret::new(random_hex()?);
    Ok(installation::value_or_insert(store, installation::ID, offer).await?)
}

/// Name under which the portal's database stores this id.
fn id_in_portal(settings: &Settings) -> String {
    format!("{}.{}", installation::ID, settings.env)
}

/// The portal's database stores the id of the environment's database, unless the table for it
/// cannot be used. A different one, because its file was deleted or a URL is wrong, would be empty
/// or foreign, and every request of clients and users would end in 404.
async fn refuse_strangers(
    settings: &Settings,
    portal: &Store,
    id: Secret,
) -> Result<(), StartError> {
    let name = id_in_portal(settings);
    let known = installation::value_or_insert(portal, &name, id.clone()).await?;
    if known.is_none_or(|known| known == id) {
        return Ok(());
    }
    Err(stranger(settings, portal))
}

/// The same without storing the id: `environment` is its database, unless a start would create it.
async fn check_strangers(
    settings: &Settings,
    portal: &Store,
    environment: Option<&Store>,
) -> Result<(), StartError> {
    let known = installation::known_value(portal, &id_in_portal(settings)).await?;
    let id = match environment {
        Some(environment) => installation::value(environment.read(), installation::ID).await,
        None => Ok(None),
    };
    let is_same = match id {
        Ok(id) => known == id,
        // A start compares what it can read, or what it creates and can read then.
        Err(error) if error.is_unusable_table() => settings.schema != SchemaMode::Apply,
        Err(error) => return Err(error.into()),
    };
    if known.is_none() || is_same {
        return Ok(());
    }
    Err(stranger(settings, portal))
}

fn stranger(settings: &Settings, portal: &Store) -> StartError {
    let config = match config_url(settings) {
        Ok(config) => config,
        Err(error) => return error,
    };
    let name = id_in_portal(settings);
    let problem = format!(
        "{config}: this is not the database of environment {} that the portal's database {} belongs to: \
         it is new or belongs to another portal. If the database was lost, restore it from a backup; if the URL is \
         wrong, correct it; if the change is intended, delete the row `{name}` of table \
         CastaliaInstallation in the portal's database and start again",
        settings.env,
        portal.url(),
    );
    StoreError::setting(CONFIG_SETTING, problem).into()
}

/// Reads the limits again; the previous values remain in effect while the database is unreachable.
pub(super) async fn refresh_config(store: Store, config: ServerConfig, settings: Arc<Settings>) {
    report(server_config::reload(&store, &config, &settings).await);
}

/// Same as [`refresh_config`], for the portal.
pub(super) async fn refresh_portal(store: Store, config: ServerConfig) {
    report(server_config::of_portal::reload(&store, &config).await);
}

fn report(read: Result<(), StoreError>) {
    if let Err(error) = read {
        tracing::debug!(%error, "cannot read ServerConfig; the values last read remain in effect");
    }
}

fn config_url(settings: &Settings) -> Result<DatabaseUrl, StartError> {
    url(settings, settings.config_db.as_ref(), data_dir::CONFIG_FILE, CONFIG_SETTING)
}

pub(super) fn portal_url(settings: &Settings) -> Result<DatabaseUrl, StartError> {
    url(settings, settings.portal_db.as_ref(), data_dir::PORTAL_FILE, PORTAL_SETTING)
}

fn url(
    settings: &Settings,
    url: Option<&DatabaseUrl>,
    file: &str,
    setting: &str,
) -> Result<DatabaseUrl, StartError> {
    match url {
        Some(url) => Ok(url.clone()),
        None => data_dir::sqlite_url(settings, file)
            .parse()
            .map_err(|problem: String| StoreError::setting(setting, problem).into()),
    }
}

async fn connect(
    settings: &Settings,
    url: &DatabaseUrl,
    setting: &str,
) -> Result<Store, StartError> {
    let options = StoreOptions {
        max_connections: settings.max_connections,
        start_patience: START_PATIENCE,
        ..StoreOptions::new(setting)
    };
    let store = Store::connect(url.expose(), options).await?;
    store.check_integrity().await?;
    Ok(store)
}

async fn schema(
    settings: &Settings,
    store: &Store,
    part: Part,
    first_rows: impl for<'c> FnOnce(&'c Transaction) -> BoxFuture<'c, Result<(), StoreError>> + Send,
) -> Result<Installation, StartError> {
    match settings.schema {
        SchemaMode::Apply => Ok(migration::apply(store, part, first_rows).await?),
        SchemaMode::Off => Ok(migration::origin(store).await?),
        SchemaMode::Check => {
            Ok(migration::accept(store, part, "`--schema check` creates none").await?)
        }
    }
}

/// Prepares the databases of the roles and returns one line for each.
pub(super) async fn prepare(settings: &Arc<Settings>) -> Result<Vec<String>, StartError> {
    let (mut lines, mut environment) = (Vec::new(), None);
    if settings.serves_environment() {
        let config = open_config(settings).await?;
        lines.push(line(&config.store, config.installation));
        environment = Some(config);
    }
    if settings.plays(Role::Portal) {
        let portal = open_portal(settings, environment.as_ref()).await?;
        lines.push(line(&portal.store, portal.installation));
    }
    Ok(lines)
}

/// Describes what a start would do; fails if it would be refused.
pub(super) async fn check(settings: &Settings) -> Result<Vec<String>, StartError> {
    let (mut lines, mut environment) = (Vec::new(), None);
    for (is_needed, part, url, setting) in [
        (settings.serves_environment(), Part::Config, config_url(settings)?, CONFIG_SETTING),
        (settings.plays(Role::Portal), Part::Portal, portal_url(settings)?, PORTAL_SETTING),
    ] {
        if !is_needed {
            continue;
        }
        if url.sqlite_file().is_some_and(|file| !file.exists()) {
            lines.push(format!("{url}: does not exist, would be created with all tables"));
            continue;
        }
        let store = connect(settings, &url, setting).await?;
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
        lines.extend(report.warnings);
        match part {
            Part::Config => environment = Some(store),
            Part::Portal if settings.serves_environment() => {
                check_strangers(settings, &store, environment.as_ref()).await?;
            }
            Part::Portal => {}
        }
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
