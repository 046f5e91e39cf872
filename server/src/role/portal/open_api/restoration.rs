//! `/openapi/v1/apps/{appId}/restorations` and what can be restored. What the portal and its
//! environments deleted together is restored in the portal first, which reserves the name.

use axum::extract::{Extension, State};
use castalia_store::Store;
use chrono::DateTime;
use futures_util::future::join_all;

use super::cluster::roles as cluster_roles;
use super::{By, people, required};
use crate::domain::audit_log::request::{concern, concern_other};
use crate::domain::permission::grant;
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::domain::portal_restoration::{self, Namesakes};
use crate::domain::restoration::{Deleted, DeletedKind};
use crate::domain::{pending_change, portal_app, portal_namespace};
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::fan_out::restoration::{self, SKEW};
use crate::role::portal::fan_out::{Pending, is_refusal};
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{DeletedApp, DeletedObject, DeletedObjects, NewRestoration};

/// What was deleted of an app: definitions everywhere, the rest in an environment.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<DeletedObjects>> {
    let (store, app_id) = (&portal.state.store, &place.app_id);
    let questions = portal.state.environments.addressed().into_iter().map(async |environment| {
        let deleted = deleted_in(&portal, &environment, app_id).await;
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
            DeletedKind::App => namesakes.as_ref().is_none_or(|it| it.was_present(one, SKEW)),
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

/// What an environment deleted of an app, unless it still has to delete an earlier one, whose names
/// the list would show.
async fn deleted_in(
    portal: &Portal,
    environment: &Environment,
    app_id: &str,
) -> Result<Vec<Deleted>> {
    portal.check_missed_deletion(environment.name(), app_id).await?;
    restoration::deleted(environment, app_id).await
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

/// Restores what a list contains; whoever may delete it may restore it. All need the right to
/// delete a namespace, apps and clusters another one as well.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(wanted): Body<NewRestoration>,
) -> Result<Pending> {
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
    let requirement = match kind {
        DeletedKind::App => Requirement::DeleteApp,
        DeletedKind::Cluster => Requirement::DeleteCluster,
        DeletedKind::AppNamespace | DeletedKind::Namespace => Requirement::DeleteNamespace,
    };
    portal.check_place(&caller, requirement, &place).await?;
    let time = wanted.deleted_time.ok_or_else(|| {
        Error::bad_request("Params(deletedTime) can not be empty").with_code(Code::MissingMember)
    })?;
    let deleted = Deleted {
        kind,
        app_id: place.app_id.clone(),
        cluster: place.cluster.clone(),
        namespace: place.namespace.clone(),
        created: 0,
        at: time.timestamp_millis(),
        operator: None,
    };
    let operator = portal.operator(&caller, by.operator, None).await?;
    match environment {
        Some(environment) => {
            one(&portal, &environment, &place, &deleted, &operator).await?;
            Ok(Pending::default())
        }
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
    let app = portal_app::find(store, app_id).await?;
    match deleted.kind {
        DeletedKind::App => {
            let namesakes = Namesakes::of(store, app).await?;
            let found = restoration::deleted(environment, app_id).await?;
            let is_wanted = |one: &&Deleted| (one.kind, one.at) == (deleted.kind, deleted.at);
            if !found.iter().find(is_wanted).is_some_and(|one| namesakes.was_present(one, SKEW)) {
                let message = "no app of this name was deleted at this time; it may have been restored, or \
                               the present one has been used";
                return Err(Error::bad_request(message).with_code(Code::NotDeleted));
            }
            restoration::restore_lost_app(&portal.state, environment, deleted, operator).await
        }
        DeletedKind::AppNamespace => {
            // Without it in the portal, another app could declare the name.
            portal_namespace::find(store, app_id, &deleted.namespace).await?;
            restoration::restore_definition(&portal.state, environment, deleted, operator).await
        }
        DeletedKind::Cluster => {
            let namesakes = Namesakes::of(store, app).await?;
            cluster(portal, environment, (place, &namesakes), deleted, operator).await
        }
        DeletedKind::Namespace => restoration::restore(environment, deleted, operator).await,
    }
}

/// Restores a cluster, then its grants. If an earlier request has restored the cluster and failed
/// afterwards, only the grants are left to do.
async fn cluster(
    portal: &Portal,
    environment: &Environment,
    (place, namesakes): (&Resource, &Namesakes),
    deleted: &Deleted,
    operator: &str,
) -> Result<()> {
    let store = &portal.state.store;
    let others = restoration::deletions_of_namesakes(environment, deleted).await?;
    let (whose, times) = ((place, namesakes), (deleted.at, others.as_slice()));
    match restoration::restore(environment, deleted, operator).await {
        Err(error) if error.code() == Code::NotDeleted => {
            if !namesakes.had_at(deleted.at, SKEW)
                || grant::has_cluster_roles(store, place).await?
                || !restoration::has_cluster(environment, place).await?
                || !restoration::restore_cluster_roles(store, whose, times, operator).await?
            {
                return Err(error);
            }
        }
        restored => {
            restored?;
            restoration::restore_cluster_roles(store, whose, times, operator).await?;
        }
    }
    portal_app::ensure_roles(store, &place.app_id, cluster_roles(place), operator).await
}

/// Restores an app or a definition in the portal, which reserves its name, then in all
/// environments. Where that fails, it is listed as deleted in that environment, unless the
/// environment has not received the deletion: then it keeps what it has. If an earlier request has
/// restored it in the portal and ended before its environments, only these are left to do.
async fn everywhere(portal: &Portal, deleted: &Deleted, operator: &str) -> Result<Pending> {
    let store = &portal.state.store;
    match in_portal(store, deleted, operator).await {
        Ok(created) => {
            in_environments(portal, (deleted, created), operator).await.map(|done| done.0)
        }
        Err(refusal) if is_refusal(&refusal) => {
            let Some(created) = portal_restoration::restored(store, deleted).await? else {
                return Err(refusal);
            };
            match in_environments(portal, (deleted, created), operator).await? {
                (pending, true) => Ok(pending),
                (_, false) => Err(refusal),
            }
        }
        Err(error) => Err(error),
    }
}

/// Restores an app or a definition in the portal. Returns the time at which it was created.
async fn in_portal(store: &Store, deleted: &Deleted, operator: &str) -> Result<i64> {
    let Deleted { kind, app_id, namespace, at, .. } = deleted;
    match kind {
        DeletedKind::App => portal_restoration::restore_app(store, app_id, *at, operator).await,
        DeletedKind::AppNamespace => {
            let name = (app_id.as_str(), namespace.as_str());
            portal_restoration::restore_definition(store, name, *at, operator).await
        }
        DeletedKind::Cluster | DeletedKind::Namespace => {
            Err(Error::bad_request("Params(env) can not be empty").with_code(Code::MissingMember))
        }
    }
}

/// Restores what the portal has restored in all environments; returns whether any of them had
/// something to restore.
async fn in_environments(
    portal: &Portal,
    (deleted, created): (&Deleted, i64),
    operator: &str,
) -> Result<(Pending, bool)> {
    let (app_id, namespace) = (deleted.app_id.as_str(), deleted.namespace.as_str());
    let (mut failed, mut pending, mut is_any) = (Vec::new(), Vec::new(), false);
    for environment in portal.state.environments.addressed() {
        let (store, env) = (&portal.state.store, environment.name());
        let restored =
            restoration::restore_with(&portal.state, &environment, (deleted, created), operator);
        match restored.await {
            Ok(had) => is_any |= had,
            Err(error) => {
                let object = (app_id, namespace);
                if pending_change::are_deletions_missed(store, env, &[object]).await? == [true] {
                    pending.push(env.to_owned());
                    continue;
                }
                tracing::warn!(app_id, namespace, env, %error, "cannot restore what was deleted in an environment");
                failed.push(format!("{env} ({})", error.message()));
            }
        }
    }
    if failed.is_empty() {
        return Ok((Pending(pending), is_any));
    }
    let message = format!(
        "restored, but not in {}; what was deleted there is listed, and can be restored there",
        failed.join(", ")
    );
    Err(Error::bad_request(message).with_code(Code::PartlyFailed))
}
