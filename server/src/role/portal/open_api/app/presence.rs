//! Where an app is: environments that lack it, adding it there, and deleting it everywhere.

use axum::extract::{Extension, State};
use futures_util::future::join_all;

use crate::domain::audit_log::request::concern;
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::domain::permission::{Action, NamedRole};
use crate::domain::portal_app;
use crate::environment::revision::without_base;
use crate::environment::{Address, Environment};
use crate::error::{Reaction, Result};
use crate::http::request::Body;
use crate::http::revision::On;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::fan_out::deletion::Deletion;
use crate::role::portal::fan_out::{Pending, app, half_deleted, unless_in_use};
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::{By, required};
use crate::wire::admin;
use crate::wire::open_api::{App, MissingEnv};
use castalia_core::protocol::namespace::{DEFAULT_CLUSTER, DEFAULT_NAMESPACE};

/// The environments without this app, and those that could not be asked.
pub(in super::super) async fn missing(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<MissingEnv>>> {
    portal_app::find(&portal.state.store, &place.app_id).await?;
    let questions = portal.state.environments.addressed().into_iter().map(async |environment| {
        let name = environment.name();
        match present(&portal, &environment, &place.app_id).await {
            Ok(_) => None,
            Err(error) if error.reaction() == Reaction::NotFound => {
                Some(MissingEnv { code: 200, message: Some(name.to_owned()) })
            }
            Err(error) => {
                let message = format!("load env:{name} error.{}", error.message());
                Some(MissingEnv { code: 500, message: Some(message) })
            }
        }
    });
    Ok(Json(join_all(questions).await.into_iter().flatten().collect()))
}

/// The app in an environment, which must not be an earlier one that is still to be deleted.
async fn present(portal: &Portal, environment: &Environment, app_id: &str) -> Result<admin::App> {
    portal.check_missed_deletion(environment.name(), app_id).await?;
    environment.get(Address::new(["apps", app_id])).await
}

/// Adds an app of the portal to an environment that lacks it, with its details in the portal.
pub(in super::super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(app): Body<App>,
) -> Result<()> {
    let place = Resource { app_id: required(app.app_id, "appId")?, ..place };
    concern(&place);
    portal.check_place(&caller, Requirement::AddAppToEnv, &place).await?;
    let operator = portal.operator(&caller, by.operator, app.data_change_created_by).await?;
    let (store, environments) = (&portal.state.store, &portal.state.environments);
    let row = portal_app::find(store, &place.app_id).await?;
    let environment = environments.find(&place.env)?;
    app::add(&portal.state, &environment, &row, &operator).await?;
    let roles = Action::CHANGING.into_iter().flat_map(|act| {
        [
            NamedRole::namespace_in_env(act, &row.app_id, DEFAULT_NAMESPACE, &place.env),
            NamedRole::cluster(act, &row.app_id, &place.env, DEFAULT_CLUSTER),
        ]
    });
    portal_app::ensure_roles(store, &row.app_id, roles.collect(), &operator).await
}

/// Deletes an app with everything in it, in every reachable environment, then in the portal. A
/// failure stops that, so that it can be repeated. Environments that are away delete it later.
pub(in super::super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    On(base): On,
) -> Result<Pending> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let app_id = &place.app_id;
    let row = portal_app::find(&portal.state.store, app_id).await?;
    // Before the environments delete it.
    portal_app::check_base(&row, &base, None)?;
    without_base(delete_everywhere(&portal, &row, &operator)).await
}

async fn delete_everywhere(
    portal: &Portal,
    row: &portal_app::App,
    operator: &str,
) -> Result<Pending> {
    let app_id = &row.app_id;
    let deletion = Deletion::announce(portal, row.id, (app_id, ""), operator).await?;
    let reachable = deletion.reachable.clone();
    let made = delete_in(portal, &reachable, row, operator).await;
    let fan_out = deletion.end(portal, made).await?;
    // Callers who found the app before may have added it to an environment meanwhile.
    app::delete_orphans(&portal.state, &reachable, app_id, operator).await;
    let delete = async |environment| {
        let stored = app::delete_unless_in_use(&portal.state, &environment, app_id, operator);
        unless_in_use(stored.await?)
    };
    Ok(fan_out.send(portal, delete).await)
}

/// Deletes an app in these environments, then in the portal.
async fn delete_in(
    portal: &Portal,
    environments: &[Environment],
    row: &portal_app::App,
    operator: &str,
) -> Result<()> {
    let (store, app_id) = (&portal.state.store, &row.app_id);
    for environment in environments {
        // Deletions take effect by id, and another caller may have created the app again.
        if !portal_app::is_present(store, row).await? {
            break;
        }
        match app::delete(environment, app_id, operator).await {
            Err(error) if matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) => {
                tracing::info!(app_id, env = environment.name(), %error, "an environment has no such app to delete");
            }
            outcome => outcome?,
        }
    }
    portal_app::delete(store, row, operator).await.map_err(half_deleted)
}
