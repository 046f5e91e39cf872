//! An app in one environment, as the portal has it.

use super::restoration;
use crate::domain::portal_app::{self, App};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result};
use crate::state::PortalState;
use crate::wire::admin;

/// Adds an app of the portal to an environment, or restores the one that the environment deleted.
pub(in crate::role::portal) async fn add(
    state: &PortalState,
    environment: &Environment,
    app: &App,
    operator: &str,
) -> Result<()> {
    // An empty app in its place would keep it away.
    if let Some(deleted) = restoration::last_of(state, environment, app).await? {
        return restoration::restore_lost_app(state, environment, &deleted, operator).await;
    }
    post(state, environment, app, operator).await
}

async fn post(
    state: &PortalState,
    environment: &Environment,
    app: &App,
    operator: &str,
) -> Result<()> {
    environment.post(Address::new(["apps"]), &body(app, operator)).await?;
    match delete_orphan(state, environment, &app.app_id, operator).await? {
        true => portal_app::find(&state.store, &app.app_id).await.map(drop),
        false => Ok(()),
    }
}

/// Adds a new app of the portal to an environment, or adopts the one that the environment has.
pub(in crate::role::portal) async fn create(
    state: &PortalState,
    environment: &Environment,
    app: &App,
    operator: &str,
) -> Result<()> {
    match post(state, environment, app, operator).await {
        Err(error) if error.reaction() == Reaction::BadRequest => {
            put(environment, app, operator).await
        }
        added => added,
    }
}

/// Changes an app in an environment to what the portal has, or adds it.
pub(in crate::role::portal) async fn write(
    state: &PortalState,
    environment: &Environment,
    app: &App,
    operator: &str,
) -> Result<()> {
    match put(environment, app, operator).await {
        Err(error) if matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) => {
            add(state, environment, app, operator).await
        }
        written => written,
    }
}

/// Changes an app that an environment has to what the portal has.
pub(super) async fn put(environment: &Environment, app: &App, operator: &str) -> Result<()> {
    environment.put(Address::new(["apps", &app.app_id]), &body(app, operator)).await
}

/// Deletes an app in an environment.
pub(in crate::role::portal) async fn delete(
    environment: &Environment,
    app_id: &str,
    operator: &str,
) -> Result<()> {
    environment.delete(Address::new(["apps", app_id]).with(&[("operator", operator)])).await
}

/// Deletes an app in an environment unless the portal has it, or one whose id differs only in case;
/// returns the id of that one.
pub(in crate::role::portal) async fn delete_unless_in_use(
    state: &PortalState,
    environment: &Environment,
    app_id: &str,
    operator: &str,
) -> Result<Option<String>> {
    if let Some(stored) = portal_app::find_in_any_case(&state.store, app_id).await? {
        return Ok(Some(stored));
    }
    delete(environment, app_id, operator).await?;
    match portal_app::find_in_any_case(&state.store, app_id).await? {
        Some(_) => Err(returned(app_id, environment)),
        None => Ok(None),
    }
}

/// The same; returns whether the portal has none. Whoever adds an app to an environment calls this
/// afterwards, and so does whoever deletes one in the portal, so that the later of two such callers
/// sees the change of the other.
pub(in crate::role::portal) async fn delete_orphan(
    state: &PortalState,
    environment: &Environment,
    app_id: &str,
    operator: &str,
) -> Result<bool> {
    let stored = delete_unless_in_use(state, environment, app_id, operator).await?;
    if let Some(stored) = stored.as_deref().filter(|stored| *stored != app_id) {
        tracing::warn!(
            app_id,
            stored,
            env = environment.name(),
            "an environment may keep an app that the portal deleted, because the portal has one in another case; delete it there if the environment distinguishes case"
        );
    }
    Ok(stored.is_none())
}

/// The error of a deletion in an environment during which the portal received the object again.
pub(super) fn returned(name: &str, environment: &Environment) -> Error {
    let env = environment.name();
    Error::unavailable(format!(
        "{name} was deleted in {env} while it was created or restored; retry"
    ))
    .with_code(Code::PartlyFailed)
}

/// Same as [`delete_orphan`] after the portal has deleted the app, in environments that need not
/// have it.
pub(in crate::role::portal) async fn delete_orphans(
    state: &PortalState,
    environments: &[Environment],
    app_id: &str,
    operator: &str,
) {
    for environment in environments {
        match delete_orphan(state, environment, app_id, operator).await {
            Err(error) if error.code() == Code::PartlyFailed => {
                restore_returned(state, environment, app_id, operator).await;
            }
            Err(error)
                if !matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) =>
            {
                tracing::warn!(app_id, env = environment.name(), %error, "cannot check that a deleted app is not in an environment; delete it there if it is");
            }
            _ => {}
        }
    }
}

/// Makes an environment have an app of the portal again that it may have deleted, with all its
/// definitions. One to which it was never added does not get it; `had` is whether that is known.
pub(super) async fn write_back(
    state: &PortalState,
    environment: &Environment,
    (app, had): (&App, bool),
    operator: &str,
) -> Result<()> {
    match put(environment, app, operator).await {
        Err(error) if matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) => {
            match restoration::last_of(state, environment, app).await? {
                Some(deleted) => {
                    return restoration::restore_lost_app(state, environment, &deleted, operator)
                        .await;
                }
                // Apollo's admin service restores nothing.
                None if had => post(state, environment, app, operator).await?,
                None => return Ok(()),
            }
        }
        written => written?,
    }
    restoration::write_definitions(state, environment, &app.app_id, operator).await
}

/// An app that was restored while the environment deleted it: whoever restored it has found it there.
async fn restore_returned(
    state: &PortalState,
    environment: &Environment,
    app_id: &str,
    operator: &str,
) {
    let restored = async {
        let app = portal_app::find(&state.store, app_id).await?;
        write_back(state, environment, (&app, true), operator).await
    };
    if let Err(error) = restored.await {
        tracing::error!(app_id, env = environment.name(), %error, "an app was deleted in an environment while it was restored; restore it there");
    }
}

/// The owner's mail address, which the admin API requires. Some directories of users have none; the
/// name is shown in its place.
fn owner_email(app: &App) -> &str {
    if app.owner_email.trim().is_empty() { &app.owner_name } else { &app.owner_email }
}

/// An app as the admin API accepts it.
fn body(app: &App, operator: &str) -> admin::App {
    admin::App {
        name: Some(app.name.clone()),
        app_id: Some(app.app_id.clone()),
        org_id: Some(app.org_id.clone()),
        org_name: Some(app.org_name.clone()),
        owner_name: Some(app.owner_name.clone()),
        owner_email: Some(owner_email(app).to_owned()),
        data_change_created_by: Some(app.data_change_created_by.clone()),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..admin::App::default()
    }
}
