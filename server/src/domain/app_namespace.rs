//! App namespaces: definitions of namespaces, and the namespaces that are created from them in each
//! cluster of their app.

pub use castalia_store::namespace::AppNamespace;

use castalia_core::protocol::namespace::{DEFAULT_NAMESPACE, Format};
use castalia_store::namespace::{AppNamespaceRow, insert_app_namespace};
use castalia_store::{Authorship, Connection, Id, Store, Transaction};

use super::app;
use super::audit::Trail;
use super::audit_log::{Entity, OperationKind, Recorder};
use super::constraint::{self, Author, Violations, check_width, fitting};
use super::namespace::{self, NamespaceLimit};
use super::page::Page;
use super::removal::{self, Removal};
use super::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::ServerConfig;

/// Width of the column, in characters.
const COMMENT: usize = 64;

/// A request to create a definition.
#[derive(Debug, Clone, Default)]
pub struct NewAppNamespace {
    /// App that the definition belongs to.
    pub app_id: Option<String>,
    /// Full name.
    pub name: Option<String>,
    /// Name of the format; absent or empty for properties.
    pub format: Option<String>,
    /// Whether all apps may read it.
    pub is_public: bool,
    /// Description for users.
    pub comment: Option<String>,
    /// Author of the request.
    pub author: Author,
}

impl NewAppNamespace {
    fn author(&self) -> Result<Authorship> {
        let author = self.author.checked()?;
        Ok(Authorship { last_modified_by: Some(author.created_by.clone()), ..author })
    }

    fn row(&self) -> Result<AppNamespaceRow> {
        let format = self.format.as_deref().filter(|format| !format.is_empty());
        Ok(AppNamespaceRow {
            name: fitting(self.name.as_deref(), "Name", constraint::NAME)?,
            app_id: fitting(self.app_id.as_deref(), "AppId", constraint::APP_ID)?,
            format: format.unwrap_or(Format::Properties.name()).to_owned(),
            is_public: self.is_public,
            comment: fitting(self.comment.as_deref(), "Comment", COMMENT)?,
        })
    }
}

/// Creates a definition and a namespace for it in each cluster of the app. If the definition exists
/// and `silently` is set, only missing namespaces are created.
///
/// # Errors
/// Fails if it exists already, or a detail is missing.
pub async fn create(
    store: &Store,
    config: &ServerConfig,
    new: NewAppNamespace,
    silently: bool,
) -> Result<AppNamespace> {
    let limit = NamespaceLimit::of(config, new.app_id.as_deref().unwrap_or_default());
    unique::write(store, (new, limit, silently), |tx, (new, limit, silently)| {
        Box::pin(find_or_create(tx, new, limit, *silently))
    })
    .await
}

async fn find_or_create(
    tx: &Transaction,
    new: &NewAppNamespace,
    limit: &NamespaceLimit,
    silently: bool,
) -> Result<AppNamespace> {
    let (app_id, name) =
        (new.app_id.as_deref().unwrap_or_default(), new.name.as_deref().unwrap_or_default());
    if new.is_public {
        // No unique key ensures that a public name belongs to one app only, so transactions that
        // declare one are serialised. The lock is taken before that of their own app, which may be
        // the same one.
        castalia_store::app::lock_first(tx).await?;
    }
    let stored = app::lock_existing(tx, app_id).await?;
    let new = &NewAppNamespace { app_id: new.app_id.as_ref().map(|_| stored), ..new.clone() };
    let named = castalia_store::namespace::app_namespaces_named(tx, &[name]).await?;
    let is_own = |other: &&AppNamespace| new.app_id.as_deref() == Some(other.app_id.as_str());
    match named.iter().find(is_own).cloned() {
        Some(existing) if silently => {
            let operator = new.author.checked()?.created_by;
            complete(tx, &existing, limit, &operator).await?;
            Ok(existing)
        }
        Some(_) => {
            let message =
                format!("appNamespace already exists for appId:{app_id} namespaceName:{name}");
            Err(Error::bad_request(message).with_code(Code::AppNamespaceExists))
        }
        None => {
            check_public_name(new.is_public, named.iter())?;
            create_in(tx, new, limit).await
        }
    }
}

/// A public name belongs to one app only: clients of all apps receive what its owner publishes.
/// `named` contains the definitions with this name, in any case.
fn check_public_name<'a>(
    is_public: bool,
    mut named: impl Iterator<Item = &'a AppNamespace>,
) -> Result<()> {
    let Some(taken) = named.find(|other| is_public && other.is_public) else {
        return Ok(());
    };
    let message =
        format!("Public AppNamespace {} already exists in appId: {}!", taken.name, taken.app_id);
    Err(Error::bad_request(message).with_code(Code::AppNamespaceExists))
}

/// Requires that no definition has the name of one that is to be restored: none of its app, and no
/// public one if it is public. The caller serialises declarations of public names.
pub(super) async fn check_free(db: &impl Connection, deleted: &[&AppNamespace]) -> Result<()> {
    let names: Vec<&str> = deleted.iter().map(|one| one.name.as_str()).collect();
    let present = castalia_store::namespace::app_namespaces_named(db, &names).await?;
    for AppNamespace { app_id, name, is_public, .. } in deleted {
        let named = present.iter().filter(|other| other.name.eq_ignore_ascii_case(name));
        if named.clone().any(|other| other.app_id == *app_id) {
            let message =
                format!("appNamespace already exists for appId:{app_id} namespaceName:{name}");
            return Err(Error::bad_request(message).with_code(Code::AppNamespaceExists));
        }
        check_public_name(*is_public, named)?;
    }
    Ok(())
}

async fn create_in(
    tx: &Transaction,
    new: &NewAppNamespace,
    limit: &NamespaceLimit,
) -> Result<AppNamespace> {
    let mut violations = Violations::default();
    violations.not_blank(new.app_id.as_deref(), "appId");
    violations.not_blank(new.name.as_deref(), "name");
    violations.app_namespace_name(new.name.as_deref());
    violations.check("AppNamespace")?;
    let author = new.author()?;
    let definition = insert_app_namespace(tx, new.row()?, author).await?;
    let operator = &definition.data_change_created_by;
    let mut trail = Trail::of(Some(operator));
    create_missing(tx, &definition, limit, operator, &mut trail).await?;
    trail.inserted("AppNamespace", definition.id);
    trail.write(tx).await?;
    Ok(definition)
}

/// Creates the missing namespaces.
async fn complete(
    tx: &Transaction,
    definition: &AppNamespace,
    limit: &NamespaceLimit,
    operator: &str,
) -> Result<()> {
    let mut trail = Trail::of(Some(operator));
    create_missing(tx, definition, limit, operator, &mut trail).await?;
    trail.write(tx).await
}

/// Creates the namespaces of a definition in clusters that lack it.
async fn create_missing(
    tx: &Transaction,
    definition: &AppNamespace,
    limit: &NamespaceLimit,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    create_missing_unless(|_| false, tx, definition, limit, operator, trail).await
}

/// The same without some clusters.
pub(super) async fn create_missing_unless(
    is_left_out: impl Fn(&str) -> bool,
    tx: &Transaction,
    definition: &AppNamespace,
    limit: &NamespaceLimit,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    let mut clusters = missing_clusters(tx, definition).await?;
    clusters.retain(|cluster| !is_left_out(cluster));
    namespace::create_in_each(tx, definition, &clusters, operator, limit, trail).await
}

/// Names of the app's clusters without a namespace of this definition. Fails if one cannot be
/// decoded: it would be left without the namespace.
async fn missing_clusters(db: &impl Connection, definition: &AppNamespace) -> Result<Vec<String>> {
    let existing =
        castalia_store::namespace::named(db, &definition.app_id, &definition.name).await?;
    let clusters = castalia_store::app::cluster_names(db, &definition.app_id).await?;
    let is_missing = |name: &str| existing.iter().all(|namespace| namespace.cluster_name != name);
    Ok(clusters.into_iter().filter(|name| is_missing(name)).collect())
}

/// Creates the definition that every app has.
pub(super) async fn create_default(
    tx: &Transaction,
    app_id: &str,
    operator: &str,
    log: &Recorder,
    trail: &mut Trail,
) -> Result<()> {
    let row = AppNamespaceRow {
        name: DEFAULT_NAMESPACE.to_owned(),
        app_id: app_id.to_owned(),
        format: Format::Properties.name().to_owned(),
        is_public: false,
        comment: "default app namespace".to_owned(),
    };
    let definition = insert_app_namespace(tx, row, Authorship::of(operator)).await?;
    trail.inserted("AppNamespace", definition.id);
    log.record(
        tx,
        OperationKind::Create,
        "AppNamespace.createDefault",
        &[Entity::app_namespace(&definition)],
    )
    .await
}

/// Deletes a definition with its namespaces in all clusters of the app.
///
/// # Errors
/// Fails if there is no such definition.
pub async fn delete(store: &Store, app_id: &str, name: &str, operator: &str) -> Result<()> {
    check_width(operator, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
    let input = (app_id.to_owned(), name.to_owned(), operator.to_owned());
    let namespaces = store
        .write(input, |tx, (app_id, name, operator)| {
            Box::pin(delete_in(tx, app_id, name, operator))
        })
        .await?;
    removal::finish_items(store, namespaces).await;
    Ok(())
}

async fn delete_in(tx: &Transaction, app_id: &str, name: &str, operator: &str) -> Result<Vec<Id>> {
    castalia_store::app::lock(tx, app_id).await?;
    let Some(definition) =
        castalia_store::namespace::app_namespace_to_remove(tx, app_id, name).await?
    else {
        let message = format!("appNamespace not exist for appId:{app_id} namespaceName:{name}");
        return Err(Error::bad_request(message).with_code(Code::AppNamespaceNotFound));
    };
    let (app_id, name) = (&definition.app_id, &definition.name);
    let mut removal = Removal::by(operator);
    let ids = removal::delete_definition(tx, app_id, name, &mut removal).await?;
    castalia_store::namespace::delete_app_namespace(tx, app_id, name, &removal.deletion).await?;
    removal.finish(tx).await?;
    Ok(ids)
}

/// The definitions of an app.
pub async fn list(store: &Store, app_id: &str) -> Result<Vec<AppNamespace>> {
    Ok(castalia_store::namespace::app_namespaces(store.read(), app_id).await?)
}

/// A page of the namespaces with this public name in all apps. Branches are removed from the page,
/// which may therefore be shorter.
///
/// # Errors
/// Fails if the name is not public.
pub async fn public_namespaces(
    store: &Store,
    name: &str,
    page: &Page,
) -> Result<Vec<namespace::Namespace>> {
    public(store, name).await?;
    let mut rows = castalia_store::namespace::named_page(store.read(), name, page).await?;
    let places: Vec<_> =
        rows.iter().map(|row| (row.app_id.as_str(), row.cluster_name.as_str())).collect();
    let branches = castalia_store::app::branches_among(store.read(), &places).await?;
    rows.retain(|row| !branches.contains(&(row.app_id.clone(), row.cluster_name.clone())));
    Ok(rows)
}

/// Number of namespaces with this public name in other apps.
///
/// # Errors
/// Fails if the name is not public.
pub async fn count_associated(store: &Store, name: &str) -> Result<u64> {
    let definition = public(store, name).await?;
    Ok(castalia_store::namespace::count_named_elsewhere(store.read(), name, &definition.app_id)
        .await?)
}

async fn public(store: &Store, name: &str) -> Result<AppNamespace> {
    let definition = castalia_store::namespace::public_app_namespace(store.read(), name).await?;
    definition.ok_or_else(|| {
        let message = format!("Public appNamespace not exists. NamespaceName = {name}");
        Error::bad_request(message).with_code(Code::AppNamespaceNotFound)
    })
}
