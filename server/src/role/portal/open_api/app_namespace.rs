//! `/openapi/v1/.../appnamespaces`: definitions of namespaces. They are created in the portal
//! first, then in every environment, where each cluster of the app receives the namespace. An
//! environment that does not receive one gets it later.

use axum::extract::{Extension, State};

use super::{By, check_same_app, people, required};
use crate::domain::pending_change::PendingOperation;
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::domain::portal_namespace::{self, NewDefinition};
use crate::environment::Environment;
use crate::error::{Reaction, Result};
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::fan_out::deletion::Deletion;
use crate::role::portal::fan_out::{FanOut, Pending, definition, half_deleted, unless_in_use};
use crate::role::portal::identity::Caller;
use crate::server_config::keys;
use crate::wire::open_api::AppNamespace;

/// Creates a definition; its creator may edit and publish the namespace, unless the switch for that
/// is off.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(body): Body<AppNamespace>,
) -> Result<(Pending, Json<AppNamespace>)> {
    check_same_app(&place.app_id, &required(body.app_id, "appId")?)?;
    let is_open = body.is_public || portal.state.config.get(&keys::CREATE_PRIVATE_NAMESPACE);
    let is_of_user = caller.identity.user_id().is_some();
    if is_of_user && !is_open && !portal.rights().changes_as_root(&caller.identity).await? {
        return Err(refusal(Requirement::CreateNamespace));
    }
    let operator = portal.operator(&caller, by.operator, body.data_change_created_by).await?;
    let new = NewDefinition {
        app_id: place.app_id,
        name: required(body.name, "name")?,
        format: required(body.format, "format")?,
        is_public: body.is_public,
        append_prefix: body.append_namespace_prefix.unwrap_or(true),
        comment: body.comment.unwrap_or_default(),
    };
    let envs = portal.state.environments.names();
    let editor = is_open.then_some(operator.as_str());
    let new = portal_namespace::complete(&portal.state.store, new).await?;
    let fan_out = announce(&portal, (&new.app_id, &new.name), &operator).await?;
    let made = portal_namespace::create(&portal.state.store, new, &envs, editor, &operator).await;
    let row = fan_out.unless_refused(&portal, made).await?;
    let pending = send(&portal, fan_out, &row, &operator).await;
    shown(&portal, vec![row]).await.map(|mut shown| (pending, Json(shown.swap_remove(0))))
}

/// The definitions of an app.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<AppNamespace>>> {
    let rows = portal_namespace::of_app(&portal.state.store, &place.app_id).await?;
    shown(&portal, rows).await.map(Json)
}

/// One definition of an app.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<AppNamespace>> {
    let row = portal_namespace::find(&portal.state.store, &place.app_id, &place.namespace).await?;
    shown(&portal, vec![row]).await.map(|mut shown| Json(shown.swap_remove(0)))
}

/// The public definitions of all apps.
pub(super) async fn public(State(portal): State<Portal>) -> Result<Json<Vec<AppNamespace>>> {
    let rows = portal_namespace::public(&portal.state.store).await?;
    shown(&portal, rows).await.map(Json)
}

/// Deletes a definition and its namespaces in every reachable environment, then in the portal. A
/// failure stops that, so that it can be repeated. Environments that are away delete it later.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<Pending> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    remove(&portal, &place.app_id, &place.namespace, &operator).await
}

/// The same without the request.
pub(super) async fn remove(
    portal: &Portal,
    app_id: &str,
    namespace: &str,
    operator: &str,
) -> Result<Pending> {
    let row = portal_namespace::check_deletable(&portal.state.store, app_id, namespace).await?;
    let deletion = Deletion::announce(portal, row.id, (app_id, namespace), operator).await?;
    let made = remove_in(portal, &deletion.reachable, &row, operator).await;
    let fan_out = deletion.end(portal, made).await?;
    let delete = async |environment: Environment| {
        let place = (app_id, namespace);
        let stored = definition::delete_unless_in_use(&portal.state, &environment, place, operator);
        unless_in_use(stored.await?.map(|row| row.name))
    };
    Ok(fan_out.send(portal, delete).await)
}

/// Deletes a definition in these environments, then in the portal.
async fn remove_in(
    portal: &Portal,
    environments: &[Environment],
    row: &portal_namespace::AppNamespace,
    operator: &str,
) -> Result<()> {
    let (store, app_id, namespace) = (&portal.state.store, &row.app_id, &row.name);
    for environment in environments {
        // Deletions take effect by name, and another caller may have created it again.
        if !portal_namespace::is_present(store, row).await? {
            break;
        }
        match definition::delete(environment, app_id, namespace, operator).await {
            // The environment may have been away when the definition was created.
            Err(error) if matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) => {
                tracing::info!(app_id, namespace, env = environment.name(), %error, "an environment has no such app namespace to delete");
            }
            outcome => outcome?,
        }
    }
    portal_namespace::delete(store, row, operator).await.map_err(half_deleted)
}

/// Stores a definition that is about to be created, for every environment.
pub(super) async fn announce(
    portal: &Portal,
    place: (&str, &str),
    operator: &str,
) -> Result<FanOut> {
    let environments = portal.state.environments.addressed();
    FanOut::announce(portal, environments, PendingOperation::Write, place, operator).await
}

/// Creates a definition of the portal in the environments.
pub(super) async fn send(
    portal: &Portal,
    fan_out: FanOut,
    row: &portal_namespace::AppNamespace,
    operator: &str,
) -> Pending {
    let create =
        async |environment| definition::create(&portal.state, &environment, row, operator).await;
    fan_out.send(portal, create).await
}

pub(super) async fn shown(
    portal: &Portal,
    rows: Vec<portal_namespace::AppNamespace>,
) -> Result<Vec<AppNamespace>> {
    let body = |row: portal_namespace::AppNamespace| AppNamespace {
        name: Some(row.name),
        app_id: Some(row.app_id),
        format: Some(row.format),
        is_public: row.is_public,
        comment: Some(row.comment),
        data_change_created_by: Some(row.data_change_created_by),
        data_change_last_modified_by: row.data_change_last_modified_by,
        data_change_created_time: Some(*row.data_change_created_time),
        data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
        ..AppNamespace::default()
    };
    let mut bodies: Vec<_> = rows.into_iter().map(body).collect();
    people::name_people(portal, &mut bodies).await?;
    Ok(bodies)
}
