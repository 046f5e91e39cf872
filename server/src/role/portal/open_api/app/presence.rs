//! Where an app is: environments that lack it, adding it there, and deleting it everywhere.

use axum::extract::{Extension, State};
use futures_util::future::join_all;

use super::in_environment;
use crate::domain::permission::need::{Need, Resource};
use crate::domain::permission::{Act, NamedRole};
use crate::domain::portal_app;
use crate::environment::{Address, Environment};
use crate::error::{Reaction, Result};
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
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
    let questions = portal.state.environments.addressed().into_iter().map(|environment| {
        let address = Address::new(["apps", &place.app_id]);
        async move {
            let name = environment.name().to_owned();
            match environment.get::<admin::App>(address).await {
                Ok(_) => None,
                Err(error) if error.reaction() == Reaction::NotFound => {
                    Some(MissingEnv { code: 200, message: Some(name) })
                }
                Err(error) => {
                    let message = format!("load env:{name} error.{}", error.message());
                    Some(MissingEnv { code: 500, message: Some(message) })
                }
            }
        }
    });
    Ok(Json(join_all(questions).await.into_iter().flatten().collect()))
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
    let need = Need::AddAppToEnv;
    if !portal.allows(&caller.identity, need, &place).await? {
        return Err(refusal(need));
    }
    let operator = portal.operator(&caller, by.operator, app.data_change_created_by).await?;
    let (store, environments) = (&portal.state.store, &portal.state.environments);
    let row = portal_app::find(store, &place.app_id).await?;
    let environment = environments.find(&place.env)?;
    add(&portal, &environment, &row, &operator).await?;
    let roles = Act::ALL.into_iter().flat_map(|act| {
        [
            NamedRole::namespace_in_env(act, &row.app_id, DEFAULT_NAMESPACE, &place.env),
            NamedRole::cluster(act, &row.app_id, &place.env, DEFAULT_CLUSTER),
        ]
    });
    portal_app::ensure_roles(store, &row.app_id, roles.collect(), &operator).await
}

/// Deletes an app with everything in it, in every reachable environment, then in the portal. A
/// failure stops that, so that it can be repeated.
pub(in super::super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let app_id = &place.app_id;
    portal_app::find(&portal.state.store, app_id).await?;
    let environments = portal.state.environments.active();
    for environment in &environments {
        match delete_in(environment, app_id, &operator).await {
            Err(error) if matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) => {
                tracing::info!(app_id, env = environment.name(), %error, "an environment has no such app to delete");
            }
            outcome => outcome?,
        }
    }
    portal_app::delete(&portal.state.store, app_id, &operator).await?;
    // Callers who found the app before may have added it to an environment meanwhile.
    for environment in &environments {
        match remove_orphan(&portal, environment, app_id, &operator).await {
            Err(error)
                if !matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) =>
            {
                tracing::warn!(app_id, env = environment.name(), %error, "cannot check that a deleted app is not in an environment; delete it there if it is");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Adds an app of the portal to an environment.
pub(in super::super) async fn add(
    portal: &Portal,
    environment: &Environment,
    app: &portal_app::App,
    operator: &str,
) -> Result<()> {
    environment.post(Address::new(["apps"]), &in_environment(app, operator)).await?;
    match remove_orphan(portal, environment, &app.app_id, operator).await? {
        true => portal_app::find(&portal.state.store, &app.app_id).await.map(drop),
        false => Ok(()),
    }
}

/// Deletes an app in an environment if the portal does not have it; returns whether that was so.
/// Whoever adds an app to an environment calls this afterwards, and so does whoever deletes one in the
/// portal, so that the later of two such callers sees the change of the other.
pub(super) async fn remove_orphan(
    portal: &Portal,
    environment: &Environment,
    app_id: &str,
    operator: &str,
) -> Result<bool> {
    if !portal_app::named(&portal.state.store, &[app_id]).await?.is_empty() {
        return Ok(false);
    }
    delete_in(environment, app_id, operator).await?;
    Ok(true)
}

async fn delete_in(environment: &Environment, app_id: &str, operator: &str) -> Result<()> {
    environment.delete(Address::new(["apps", app_id]).with(&[("operator", operator)])).await
}
