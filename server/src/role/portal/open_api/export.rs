//! Exports: the items of one namespace, a cluster, or everything in chosen environments, in the
//! layouts of Apollo's portal. An environment that does not answer fails an export: one that lacks
//! it without a word would be restored one day.

mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use axum::extract::{Extension, State};
use castalia_archive::path::{self as archive_path, EntryNames};
use castalia_core::protocol::namespace::Format;
use chrono::Local;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use self::turn::ExportTurn;
use super::content_read::ContentRead;
use super::download::Download;
use super::draft::stored;
use crate::archive::ArchiveWriter;
use crate::domain::archive_path::Formats;
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_app::{self, App};
use crate::domain::portal_namespace;
use crate::environment::{Address, Environment};
use crate::error::{Error, Reaction, Result, if_found};
use crate::json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::admin;

/// Form of the time in names of files.
const TIME: &str = "%Y_%m%d_%H_%M_%S";

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Envs {
    /// Environments, separated by commas.
    pub(super) envs: String,
}

/// Everything in some environments: apps, definitions of namespaces, clusters and items.
pub(super) async fn everything(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(Envs { envs }): Query<Envs>,
) -> Result<Download> {
    let turn = ExportTurn::wait(&portal, &caller).await?;
    let environments = chosen(&portal, &envs)?;
    let apps = portal_app::all(&portal.state.store).await?;
    let formats = Formats::new(&portal_namespace::all(&portal.state.store).await?);
    let mut archive = ArchiveWriter::new().await?;
    let mut places = Vec::new();
    for environment in &environments {
        let source = Source { portal: &portal, turn: &turn, environment };
        for app in &apps {
            archive = source.add_app(archive, app, &formats, &mut places).await?;
        }
    }
    archive = add_definitions(archive, &portal, apps, places).await?;
    let name = format!(
        "apollo_config_export_{}.zip",
        castalia_store::now().with_timezone(&Local).format(TIME)
    );
    Ok(Download::file(name, archive.finish().await?, turn.finish()))
}

/// Adds the apps and what defines the exported namespaces. They are read last, because an
/// environment may contain what was created during the export. A namespace that lost its public
/// definition is exported as one of its app: nothing else would define it on the day of the import.
async fn add_definitions(
    mut archive: ArchiveWriter,
    portal: &Portal,
    mut apps: Vec<App>,
    places: Vec<Resource>,
) -> Result<ArchiveWriter> {
    let store = &portal.state.store;
    let definitions = portal_namespace::all(store).await?;
    let formats = Formats::new(&definitions);
    let known: HashSet<String> = apps.iter().map(|app| app.app_id.clone()).collect();
    let newer = portal_app::all(store).await?;
    apps.extend(newer.into_iter().filter(|app| !known.contains(&app.app_id)));
    let apps: BTreeMap<_, _> = apps.into_iter().map(|app| (app.app_id.clone(), app)).collect();
    for app in apps.values() {
        let path = archive_path::of_app(&app.owner_name, &app.app_id);
        archive = archive.add(path, json::write(&app_body(app))?).await?;
    }
    let defined = definitions.into_iter().filter(|row| apps.contains_key(&row.app_id));
    let mut bodies: Vec<_> = defined.map(definition_body).collect();
    let orphans = places.into_iter().filter(|place| !formats.is_defined(place));
    let orphans: BTreeSet<_> = orphans.map(|place| (place.app_id, place.namespace)).collect();
    for (app_id, name) in orphans {
        let author = apps.get(&app_id).map(|app| app.data_change_created_by.clone());
        bodies.push(orphan_body(app_id, name, author));
    }
    for body in bodies {
        let (app_id, name) = (body.app_id.as_deref(), body.name.as_deref());
        let path =
            archive_path::of_app_namespace(app_id.unwrap_or_default(), name.unwrap_or_default());
        archive = archive.add(path, json::write(&body)?).await?;
    }
    Ok(archive)
}

/// The environments of a list; the reachable ones if it is empty.
pub(super) fn chosen(portal: &Portal, envs: &str) -> Result<Vec<Environment>> {
    let environments = &portal.state.environments;
    let names: Vec<_> = envs.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    match names.is_empty() {
        true => Ok(environments.active()),
        false => {
            let mut chosen: Vec<Environment> = Vec::with_capacity(names.len());
            for name in names {
                let environment = environments.find(name)?;
                if chosen.iter().all(|other| other.name() != environment.name()) {
                    chosen.push(environment);
                }
            }
            Ok(chosen)
        }
    }
}

/// An environment that an export reads.
struct Source<'e> {
    portal: &'e Portal,
    turn: &'e ExportTurn,
    environment: &'e Environment,
}

impl Source<'_> {
    async fn get<T>(&self, address: Address) -> Result<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let found = self.turn.get(self.environment, address).await;
        found.map_err(|error| in_env(self.environment, error))
    }

    async fn add_app(
        &self,
        mut archive: ArchiveWriter,
        app: &App,
        formats: &Formats,
        places: &mut Vec<Resource>,
    ) -> Result<ArchiveWriter> {
        let env = self.environment.name();
        self.portal.check_missed_deletion(env, &app.app_id).await?;
        let found = self.get(Address::new(["apps", &app.app_id, "clusters"])).await;
        let clusters: Option<Vec<admin::Cluster>> = if_found(found)?;
        // None if the environment lacks the app.
        for cluster in clusters.into_iter().flatten() {
            let place = Resource {
                app_id: app.app_id.clone(),
                env: env.to_owned(),
                cluster: cluster.name.clone().unwrap_or_default(),
                namespace: String::new(),
            };
            let path = archive_path::of_cluster(&app.owner_name, &EntryNames::from(&place));
            archive = archive.add(path, json::write(&admin::Cluster { id: 0, ..cluster })?).await?;
            let path = |place: &Resource| {
                places.push(place.clone());
                archive_path::of_namespace(&app.owner_name, &place.into(), formats.of(place))
            };
            archive = self.add_namespaces(archive, &place, path).await?;
        }
        Ok(archive)
    }

    /// Adds the items of each namespace of a cluster under a path. Those of a definition that the
    /// environment still has to delete would be restored as those of the present one.
    async fn add_namespaces(
        &self,
        mut archive: ArchiveWriter,
        cluster: &Resource,
        mut path: impl FnMut(&Resource) -> String,
    ) -> Result<ArchiveWriter> {
        let found: Vec<admin::Namespace> =
            self.get(Address::in_cluster(cluster, &["namespaces"])).await?;
        let names: Vec<_> =
            found.into_iter().filter_map(|namespace| namespace.namespace_name).collect();
        let objects: Vec<_> =
            names.iter().map(|name| (cluster.app_id.as_str(), name.as_str())).collect();
        self.portal.check_missed_deletions(self.environment.name(), &objects).await?;
        for name in names {
            let place = Resource { namespace: name, ..cluster.clone() };
            let items = self.get(Address::in_namespace(&place, &["items"])).await?;
            archive = archive.add(path(&place), exported(items)?).await?;
        }
        Ok(archive)
    }
}

/// The cluster of the path.
pub(super) async fn cluster(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<Download> {
    let turn = ExportTurn::wait(&portal, &caller).await?;
    let store = &portal.state.store;
    portal_app::find(store, &place.app_id).await?;
    let environment = portal.state.environments.find(&place.env)?;
    check_cluster(&environment, &place).await?;
    let mut definitions = portal_namespace::public(store).await?;
    definitions.append(&mut portal_namespace::of_app(store, &place.app_id).await?);
    let formats = Formats::new(&definitions);
    let source = Source { portal: &portal, turn: &turn, environment: &environment };
    let path =
        |place: &Resource| archive_path::of_namespace_in_cluster(&place.into(), formats.of(place));
    let archive = source.add_namespaces(ArchiveWriter::new().await?, &place, path).await?;
    let Resource { app_id, env, cluster, .. } = &place;
    let name = format!(
        "{app_id}+{env}+{cluster}+{}.zip",
        castalia_store::now().with_timezone(&Local).format(TIME)
    );
    Ok(Download::file(name, archive.finish().await?, turn.finish()))
}

/// Whether the caller may export the cluster of the path, which the route has checked.
pub(super) async fn check(Extension(_): Extension<Resource>) {}

/// The items of the namespace of the path.
pub(super) async fn namespace(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    reading: ContentRead,
) -> Result<Download> {
    let environment = portal.state.environments.find(&place.env)?;
    let name = archive_path::file_name(&place.namespace);
    let read = reading.of(&portal, environment, |environment| async move {
        // The items of an unknown namespace are an empty list.
        stored(&environment, &place).await?;
        let items = environment.get(Address::in_namespace(&place, &["items"])).await;
        exported(items.map_err(|error| in_env(&environment, error))?)
    });
    let (items, _turn) = read.await?;
    let _kept = reading.keep(items.len())?;
    Ok(Download::text(&name, items))
}

/// Requires that the environment has the cluster.
pub(super) async fn check_cluster(environment: &Environment, place: &Resource) -> Result<()> {
    let found: Result<admin::Cluster> = environment.get(Address::in_cluster(place, &[])).await;
    match found {
        Err(error) if error.reaction() == Reaction::NotFound => Err(Error::bad_request(
            "The app does not exist in the specified environment and cluster.",
        )),
        found => found.map(drop),
    }
}

/// The items of a namespace as JSON, without the ids that they have in this environment. Nodes of
/// Apollo can store a key twice, which no import accepts: the later item, which is published, is
/// exported.
fn exported(mut items: Vec<admin::Item>) -> Result<String> {
    let later: HashMap<_, _> = items.iter().map(|item| (item.key.clone(), item.id)).collect();
    items.retain(|item| {
        item.key.as_deref().is_none_or(str::is_empty) || later.get(&item.key) == Some(&item.id)
    });
    for item in &mut items {
        (item.id, item.namespace_id) = (0, 0);
    }
    json::write(&items)
}

/// Names the environment, since an export reads several.
fn in_env(environment: &Environment, error: Error) -> Error {
    let message = format!("{} cannot be exported: {}", environment.name(), error.message());
    Error::new(error.reaction(), message).with_code(error.code()).caused_by(error)
}

fn orphan_body(app_id: String, name: String, author: Option<String>) -> admin::AppNamespace {
    admin::AppNamespace {
        format: Some(Format::of(&name).name().to_owned()),
        name: Some(name),
        app_id: Some(app_id),
        comment: Some(String::new()),
        is_public: false,
        data_change_created_by: author.clone(),
        data_change_last_modified_by: author,
        ..admin::AppNamespace::default()
    }
}

fn app_body(app: &App) -> admin::App {
    admin::App {
        name: Some(app.name.clone()),
        app_id: Some(app.app_id.clone()),
        org_id: Some(app.org_id.clone()),
        org_name: Some(app.org_name.clone()),
        owner_name: Some(app.owner_name.clone()),
        owner_email: Some(app.owner_email.clone()),
        data_change_created_by: Some(app.data_change_created_by.clone()),
        data_change_last_modified_by: app.data_change_last_modified_by.clone(),
        data_change_created_time: Some(*app.data_change_created_time),
        data_change_last_modified_time: app.data_change_last_time.map(|time| *time),
        ..admin::App::default()
    }
}

fn definition_body(row: portal_namespace::AppNamespace) -> admin::AppNamespace {
    admin::AppNamespace {
        name: Some(row.name),
        app_id: Some(row.app_id),
        comment: Some(row.comment),
        format: Some(row.format),
        is_public: row.is_public,
        data_change_created_by: Some(row.data_change_created_by),
        data_change_last_modified_by: row.data_change_last_modified_by,
        data_change_created_time: Some(*row.data_change_created_time),
        data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
        ..admin::AppNamespace::default()
    }
}
