//! `/openapi/v1/apps/{appId}/restorations` and what can be restored. What the portal and its
//! environments deleted together is restored in the portal first, which reserves the name.

use axum::extract::{Extension, State};
use chrono::DateTime;
use futures_util::future::join_all;

use super::{By, cluster, people, required};
use crate::domain::audit_log::request::{concern, concern_other};
use crate::domain::permission::grant;
use crate::domain::permission::need::{Need, Resource};
use crate::domain::portal_restoration::{self, Namesakes};
use crate::domain::restoration::{Deleted, DeletedKind};
use crate::domain::{portal_app, portal_namespace};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::fan_out;
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::{DeletedApp, DeletedObject, DeletedObjects, NewRestoration};

/// The clocks of an environment and of the portal differ by less than this, in milliseconds.
const SKEW: i64 = 60_000;

/// What was deleted of an app: definitions everywhere, the rest in an environment.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<DeletedObjects>> {
    let (store, app_id) = (&portal.state.store, &place.app_id);
    let questions =
        portal.state.environments.addressed().into_iter().map(|environment| async move {
            let deleted = in_environment(&environment, app_id).await;
            (environment.name().to_owned(), deleted)
        });
    let namesakes = match portal_app::named(store, &[app_id]).await?.pop() {
        Some(app) => Some(Namesakes::of(store, app).await?),
        None => None,
    };
    let definitions = portal_namespace::of_app(store, app_id).await?;
    let everywhere = portal_restoration::definitions(store, app_id).await?.into_iter();
    let mut found: Vec<_> = everywhere.map(|deleted| (None, deleted)).collect();
    let mut unreachable = Vec::new();
    for (env, deleted) in join_all(questions).await {
        let Ok(deleted) = deleted else {
            unreachable.push(env);
            continue;
        };
        // What is deleted in the portal as well is restored everywhere.
        let is_here = |one: &Deleted| match one.kind {
            DeletedKind::App => namesakes.as_ref().is_none_or(|it| it.was_present(one.at, SKEW)),
            DeletedKind::AppNamespace => definitions.iter().any(|row| row.name == one.namespace),
            DeletedKind::Cluster | DeletedKind::Namespace => true,
        };
        found.extend(deleted.into_iter().filter(is_here).map(|one| (Some(env.clone()), one)));
    }
    found.sort_by_key(|(_, one)| std::cmp::Reverse(one.at));
    let people = found.iter().filter_map(|(_, one)| one.operator.as_deref());
    let names = people::called(&portal, people).await?;
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    let body = |(env, one): (Option<String>, Deleted)| DeletedObject {
        kind: Some(one.kind.name().to_owned()),
        env,
        cluster_name: filled(one.cluster),
        namespace_name: filled(one.namespace),
        deleted_by_display_name: one.operator.as_ref().and_then(|name| names.get(name).cloned()),
        deleted_by: one.operator,
        deleted_time: DateTime::from_timestamp_millis(one.at),
    };
    Ok(Json(DeletedObjects {
        objects: Some(found.into_iter().map(body).collect()),
        unreachable_envs: Some(unreachable),
    }))
}

/// The apps that were deleted.
pub(super) async fn apps(State(portal): State<Portal>) -> Result<Json<Vec<DeletedApp>>> {
    let found = portal_restoration::apps(&portal.state.store).await?;
    let people = found.iter().filter_map(|app| app.data_change_last_modified_by.as_deref());
    let names = people::called(&portal, people).await?;
    let body = |app: portal_app::App| {
        let by = app.data_change_last_modified_by;
        DeletedApp {
            app_id: Some(app.app_id),
            name: Some(app.name),
            org_name: Some(app.org_name),
            owner_name: Some(app.owner_name),
            deleted_by_display_name: by.as_ref().and_then(|name| names.get(name).cloned()),
            deleted_by: by,
            deleted_time: DateTime::from_timestamp_millis(app.deleted_at),
        }
    };
    Ok(Json(found.into_iter().map(body).collect()))
}

/// Restores what a list contains; whoever may delete it may restore it. All need the right to delete
/// a namespace, apps and clusters another one as well.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(wanted): Body<NewRestoration>,
) -> Result<()> {
    let kind = DeletedKind::from_name(&required(wanted.kind, "kind")?)?;
    let env = wanted.env.filter(|env| !env.is_empty());
    let environment = env.map(|env| portal.state.environments.find(&env)).transpose()?;
    let place = Resource {
        env: environment.as_ref().map(|one| one.name().to_owned()).unwrap_or_default(),
        cluster: wanted.cluster_name.unwrap_or_default(),
        namespace: wanted.namespace_name.unwrap_or_default(),
        ..place
    };
    concern(&place);
    concern_other(&place.app_id, "Kind", kind.name());
    let need = match kind {
        DeletedKind::App => Need::DeleteApp,
        DeletedKind::Cluster => Need::DeleteCluster,
        DeletedKind::AppNamespace | DeletedKind::Namespace => Need::DeleteNamespace,
    };
    if !portal.allows(&caller.identity, need, &place).await? {
        return Err(refusal(need));
    }
    let time = wanted.deleted_time.ok_or_else(|| {
        Error::bad_request("Params(deletedTime) can not be empty").with_code(Code::MissingMember)
    })?;
    let deleted = Deleted {
        kind,
        app_id: place.app_id.clone(),
        cluster: place.cluster.clone(),
        namespace: place.namespace.clone(),
        at: time.timestamp_millis(),
        operator: None,
    };
    let operator = portal.operator(&caller, by.operator, None).await?;
    match environment {
        Some(environment) => one(&portal, &environment, &place, &deleted, &operator).await,
        None => everywhere(&portal, &deleted, &operator).await,
    }
}

/// Restores in one environment what was deleted there only.
async fn one(
    portal: &Portal,
    environment: &Environment,
    place: &Resource,
    deleted: &Deleted,
    operator: &str,
) -> Result<()> {
    let (store, app_id) = (&portal.state.store, &deleted.app_id);
    let namesakes = Namesakes::of(store, portal_app::find(store, app_id).await?).await?;
    match deleted.kind {
        DeletedKind::App if !namesakes.was_present(deleted.at, SKEW) => {
            let message = "an earlier app of this name was deleted at this time";
            return Err(Error::bad_request(message).with_code(Code::NotDeleted));
        }
        DeletedKind::AppNamespace => {
            // Without it in the portal, another app could declare the name.
            portal_namespace::find(store, app_id, &deleted.namespace).await?;
        }
        _ => {}
    }
    match restore(environment, deleted, operator).await {
        Err(error) if error.code() == Code::NotDeleted => {
            if !is_restored_cluster(environment, deleted).await? {
                return Err(error);
            }
        }
        restored => restored?,
    }
    match deleted.kind {
        DeletedKind::App => {
            let app = namesakes.present();
            fan_out::app::write(&portal.state, environment, app, operator).await
        }
        DeletedKind::Cluster => {
            grant::restore_cluster_roles(store, place, (deleted.at, SKEW), operator).await?;
            portal_app::ensure_roles(store, app_id, cluster::roles(place), operator).await
        }
        DeletedKind::AppNamespace | DeletedKind::Namespace => Ok(()),
    }
}

/// Whether an earlier request restored this cluster, and may have failed to restore its grants. No
/// other deletion of the name is so close that its grants could be taken for those.
async fn is_restored_cluster(environment: &Environment, deleted: &Deleted) -> Result<bool> {
    if deleted.kind != DeletedKind::Cluster {
        return Ok(false);
    }
    let Deleted { app_id, cluster, at, .. } = deleted;
    let others = in_environment(environment, app_id).await?;
    let is_close = |one: &Deleted| {
        (one.kind, &one.cluster) == (DeletedKind::Cluster, cluster)
            && at.abs_diff(one.at) <= 2 * SKEW.unsigned_abs()
    };
    if others.iter().any(is_close) {
        return Ok(false);
    }
    let address = Address::new(["apps", app_id, "clusters", cluster]);
    match environment.get::<admin::Cluster>(address).await {
        Ok(_) => Ok(true),
        Err(error) if error.reaction() == Reaction::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Restores an app or a definition in the portal, which reserves its name, then in all
/// environments. Where that fails, it is listed as deleted in that environment.
async fn everywhere(portal: &Portal, deleted: &Deleted, operator: &str) -> Result<()> {
    let store = &portal.state.store;
    let Deleted { kind, app_id, namespace, at, .. } = deleted;
    let created = match kind {
        DeletedKind::App => portal_restoration::restore_app(store, app_id, *at, operator).await?,
        DeletedKind::AppNamespace => {
            let name = (app_id.as_str(), namespace.as_str());
            portal_restoration::restore_definition(store, name, *at, operator).await?
        }
        DeletedKind::Cluster | DeletedKind::Namespace => {
            return Err(
                Error::bad_request("Params(env) can not be empty").with_code(Code::MissingMember)
            );
        }
    };
    let mut failed = Vec::new();
    for environment in portal.state.environments.addressed() {
        if let Err(error) = restore_in(&environment, deleted, created, operator).await {
            tracing::warn!(app_id, namespace, env = environment.name(), %error, "cannot restore what was deleted in an environment");
            failed.push(format!("{} ({})", environment.name(), error.message()));
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!(
        "restored, but not in {}; what was deleted there is listed, and can be restored there",
        failed.join(", ")
    );
    Err(Error::bad_request(message).with_code(Code::PartlyFailed))
}

/// Restores in an environment what was deleted with an app or a definition of the portal that was
/// created then.
async fn restore_in(
    environment: &Environment,
    deleted: &Deleted,
    created: i64,
    operator: &str,
) -> Result<()> {
    if is_there(environment, deleted).await? {
        return Ok(());
    }
    let mut found = in_environment(environment, &deleted.app_id).await?;
    found.retain(|one| (one.kind, &one.namespace) == (deleted.kind, &deleted.namespace));
    match deleted_with(&found, created, deleted.at) {
        Some(one) => restore(environment, one, operator).await,
        // Deleted when the environment was reachable again, or by a clock that differs.
        None if found.iter().any(|one| one.at >= created.saturating_sub(SKEW)) => {
            let message = "what was deleted there has another time, and may be of another deletion";
            Err(Error::bad_request(message).with_code(Code::NotDeleted))
        }
        None => Ok(()),
    }
}

/// Of deletions in an environment, the one that belongs to the deletion in the portal of an object that
/// was created then. The portal deletes after its environments, but their clocks may differ.
fn deleted_with(found: &[Deleted], created: i64, at: i64) -> Option<&Deleted> {
    let before = found.iter().filter(|one| (created..=at).contains(&one.at));
    let after = found.iter().filter(|one| (at..at + SKEW).contains(&one.at));
    before.max_by_key(|one| one.at).or_else(|| after.min_by_key(|one| one.at))
}

/// Whether an environment has the app or the definition: it was not reachable when this was deleted.
async fn is_there(environment: &Environment, deleted: &Deleted) -> Result<bool> {
    let app_id = &deleted.app_id;
    if deleted.kind == DeletedKind::App {
        let found: Result<admin::App> = environment.get(Address::new(["apps", app_id])).await;
        return match found {
            Ok(_) => Ok(true),
            Err(error) if error.reaction() == Reaction::NotFound => Ok(false),
            Err(error) => Err(error),
        };
    }
    let address = Address::new(["apps", app_id, "appnamespaces"]);
    let found: Vec<admin::AppNamespace> = environment.get(address).await?;
    Ok(found.iter().any(|row| row.name.as_deref() == Some(&*deleted.namespace)))
}

/// What was deleted of an app in an environment; nothing where Apollo's admin service is asked, which
/// has no such list.
async fn in_environment(environment: &Environment, app_id: &str) -> Result<Vec<Deleted>> {
    let address = Address::new(["apps", app_id, "deleted"]);
    let found: Vec<admin::Deleted> = match environment.get(address).await {
        Err(error) if error.reaction() == Reaction::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    let one = |one: admin::Deleted| {
        Ok(Deleted {
            kind: DeletedKind::from_name(&one.kind)?,
            app_id: app_id.to_owned(),
            cluster: one.cluster_name,
            namespace: one.namespace_name,
            at: one.deleted_at,
            operator: one.deleted_by,
        })
    };
    found.into_iter().map(one).collect()
}

async fn restore(environment: &Environment, deleted: &Deleted, operator: &str) -> Result<()> {
    let body = admin::Deleted {
        kind: deleted.kind.name().to_owned(),
        cluster_name: deleted.cluster.clone(),
        namespace_name: deleted.namespace.clone(),
        deleted_at: deleted.at,
        deleted_by: None,
    };
    let address = Address::new(["apps", &deleted.app_id, "restorations"]);
    environment.post(address.with(&[("operator", operator)]), &body).await
}
