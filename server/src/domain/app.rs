//! Apps: created with everything that each app has, deleted with everything that belongs to them.

pub use castalia_store::app::App;

use castalia_store::app::AppRow;
use castalia_store::removal::Scope;
use castalia_store::{Deletion, Id, Store, Transaction};

use super::audit::Trail;
use super::audit_log::{Entity, OperationKind, Recorder};
use super::constraint::{self, Author, Violations, check_name, check_width, fitting};
use super::namespace;
use super::page::Page;
use super::removal::{self, Removal};
use super::{access_key, app_namespace, cluster, unique};
use crate::error::{Code, Error, Result};
use crate::server_config::{ServerConfig, keys};

/// Widths of the columns, in characters.
const NAME: usize = 500;
const ORG_ID: usize = 32;
const ORG_NAME: usize = 64;

/// The details of an app in a request.
#[derive(Debug, Clone, Default)]
pub struct AppDetails {
    /// App id.
    pub app_id: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Department id.
    pub org_id: Option<String>,
    /// Department name.
    pub org_name: Option<String>,
    /// User name of the owner.
    pub owner_name: Option<String>,
    /// Mail address of the owner.
    pub owner_email: Option<String>,
    /// Author of the request.
    pub author: Author,
}

impl AppDetails {
    fn app_id(&self) -> &str {
        self.app_id.as_deref().unwrap_or_default()
    }

    fn check_not_blank(&self) -> Result<()> {
        let mut violations = Violations::default();
        violations.not_blank(self.name.as_deref(), "name");
        violations.not_blank(self.owner_name.as_deref(), "ownerName");
        violations.not_blank(self.owner_email.as_deref(), "ownerEmail");
        violations.check("App")
    }
}

/// Creates an app with the namespace `application`, the cluster `default`, and the namespace in the
/// cluster; then, if the switch is on, an access key.
///
/// # Errors
/// Fails if the app exists or a detail is missing; nothing is stored then.
pub async fn create(
    store: &Store,
    config: &ServerConfig,
    details: AppDetails,
    log: Recorder,
) -> Result<App> {
    check_name(details.app_id.as_deref(), "AppId")?;
    let input = (details, log);
    let app =
        unique::write(store, input, |tx, (details, log)| Box::pin(create_in(tx, details, log)))
            .await?;
    if config.get(&keys::ACCESS_KEY_PROVISION) {
        access_key::provision(store, &app.app_id, &app.data_change_created_by).await;
    }
    Ok(app)
}

async fn create_in(tx: &Transaction, details: &AppDetails, log: &Recorder) -> Result<App> {
    let app_id = details.app_id();
    if castalia_store::app::by_app_id(tx, app_id).await?.is_some() {
        return Err(Error::bad_request(format!("app already exists for appId:{app_id}"))
            .with_code(Code::AppExists));
    }
    details.check_not_blank()?;
    let operator = details.author.checked()?.created_by;
    let mut trail = Trail::of(Some(&operator));
    delete_left_keys(tx, app_id, &operator, &mut trail).await?;
    let row = new_row(details)?;
    let app = castalia_store::app::insert(tx, row, details.author.checked()?).await?;
    trail.inserted("App", app.id);
    log.record(tx, OperationKind::Create, "App.create", &[Entity::app(&app)]).await?;
    app_namespace::create_default(tx, &app.app_id, &operator, log, &mut trail).await?;
    cluster::create_default(tx, &app.app_id, &operator, &mut trail).await?;
    namespace::instantiate_definitions(tx, &app.app_id, cluster::DEFAULT, &operator, &mut trail)
        .await?;
    trail.write(tx).await?;
    Ok(app)
}

/// Deletes the access keys of an earlier app of this name, which Apollo keeps when it deletes an
/// app: their secrets would open the new one.
async fn delete_left_keys(
    tx: &Transaction,
    app_id: &str,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    // Keys of an app that never existed were made for the one that is created now.
    if !castalia_store::app::was_deleted(tx, app_id).await? {
        return Ok(());
    }
    let by = &Deletion::by(operator);
    for key in castalia_store::access_key::delete_of_app(tx, app_id, by).await? {
        trail.deleted("AccessKey", key);
    }
    Ok(())
}

fn new_row(details: &AppDetails) -> Result<AppRow> {
    Ok(AppRow {
        app_id: fitting(details.app_id.as_deref(), "AppId", constraint::APP_ID)?,
        name: fitting(details.name.as_deref(), "Name", NAME)?,
        org_id: fitting(details.org_id.as_deref(), "OrgId", ORG_ID)?,
        org_name: fitting(details.org_name.as_deref(), "OrgName", ORG_NAME)?,
        owner_name: fitting(details.owner_name.as_deref(), "OwnerName", NAME)?,
        owner_email: fitting(details.owner_email.as_deref(), "OwnerEmail", NAME)?,
    })
}

/// Changes the details of an app.
///
/// # Errors
/// Fails if there is no such app.
pub async fn update(store: &Store, details: AppDetails, log: Recorder) -> Result<()> {
    let input = (details, log);
    store.write(input, |tx, (details, log)| Box::pin(update_in(tx, details, log))).await
}

async fn update_in(tx: &Transaction, details: &AppDetails, log: &Recorder) -> Result<()> {
    let Some(app) = castalia_store::app::lock(tx, details.app_id()).await? else {
        return Err(not_exists(details.app_id()));
    };
    let operator = details.author.editor()?;
    let new = App {
        name: fitting(details.name.as_deref(), "Name", NAME)?,
        org_id: fitting(details.org_id.as_deref(), "OrgId", ORG_ID)?,
        org_name: fitting(details.org_name.as_deref(), "OrgName", ORG_NAME)?,
        owner_name: fitting(details.owner_name.as_deref(), "OwnerName", NAME)?,
        owner_email: fitting(details.owner_email.as_deref(), "OwnerEmail", NAME)?,
        data_change_last_modified_by: operator.map(str::to_owned),
        ..app.clone()
    };
    castalia_store::app::update(tx, &app, &new).await?;
    let mut trail = Trail::of(operator);
    trail.updated("App", app.id);
    trail.write(tx).await?;
    let name = details.name.clone().unwrap_or_default();
    log.record(tx, OperationKind::Update, "App.update", &[Entity::app(&App { name, ..app })]).await
}

/// Deletes an app with its clusters, namespaces, definitions and access keys. A remaining key would
/// admit requests to a later app with the same id.
///
/// # Errors
/// Fails if there is no such app.
pub async fn delete(store: &Store, app_id: &str, operator: &str, log: Recorder) -> Result<()> {
    check_width(operator, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
    let input = (app_id.to_owned(), operator.to_owned(), log);
    let namespaces = store
        .write(input, |tx, (app_id, operator, log)| Box::pin(delete_in(tx, app_id, operator, log)))
        .await?;
    removal::finish_items(store, namespaces).await;
    Ok(())
}

async fn delete_in(
    tx: &Transaction,
    app_id: &str,
    operator: &str,
    log: &Recorder,
) -> Result<Vec<Id>> {
    let app = castalia_store::app::lock(tx, app_id).await?.ok_or_else(|| not_found(app_id))?;
    let mut removal = Removal::by(operator);
    let scope = Scope::of_app(&app.app_id);
    castalia_store::removal::lock_namespaces(tx, scope).await?;
    let clusters = castalia_store::app::clusters_with_branches(tx, &app.app_id).await?;
    let ids = removal::delete_scope(tx, scope, &clusters, &mut removal).await?;
    castalia_store::namespace::delete_app_namespaces(tx, &app.app_id, &removal.deletion).await?;
    for key in castalia_store::access_key::delete_of_app(tx, &app.app_id, &removal.deletion).await?
    {
        removal.trail.deleted("AccessKey", key);
    }
    castalia_store::app::delete(tx, &app.app_id, &removal.deletion).await?;
    removal.trail.deleted("App", app.id);
    log.record(tx, OperationKind::Delete, "App.delete", &[Entity::app(&app)]).await?;
    removal.finish(tx).await?;
    Ok(ids)
}

/// Locks the app in which an object is created, and returns its stored id. An app that was never
/// created is tolerated, as in Apollo; a deleted one is not.
pub(super) async fn lock_existing(tx: &Transaction, app_id: &str) -> Result<String> {
    match castalia_store::app::lock(tx, app_id).await? {
        Some(app) => Ok(app.app_id),
        None if castalia_store::app::was_deleted(tx, app_id).await? => Err(not_exists(app_id)),
        None => Ok(app_id.to_owned()),
    }
}

/// The app with this id.
///
/// # Errors
/// Fails if there is no such app.
pub async fn find(store: &Store, app_id: &str) -> Result<App> {
    let app = castalia_store::app::by_app_id(store.read(), app_id).await?;
    app.ok_or_else(|| not_found(app_id))
}

fn not_found(app_id: &str) -> Error {
    Error::not_found(format!("app not found for appId:{app_id}")).with_code(Code::AppNotFound)
}

/// Apps whose name contains the text, or a page of all apps if the text is blank.
///
/// # Errors
/// Fails if the database cannot be read, or the page is sorted by an unknown property.
pub async fn list(store: &Store, name: &str, page: &Page) -> Result<Vec<App>> {
    if name.trim().is_empty() {
        return Ok(castalia_store::app::all_page(store.read(), page).await?);
    }
    Ok(castalia_store::app::by_name_part(store.read(), name).await?)
}

/// Whether no app has this id.
pub async fn is_unique(store: &Store, app_id: &str) -> Result<bool> {
    Ok(castalia_store::app::by_app_id(store.read(), app_id).await?.is_none())
}

/// The error of Apollo for a missing app that the request refers to but does not address.
pub(super) fn not_exists(app_id: &str) -> Error {
    Error::bad_request(format!("app not exists for appId:{app_id}")).with_code(Code::AppNotFound)
}
