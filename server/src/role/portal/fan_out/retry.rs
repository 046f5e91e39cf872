//! Sends changes again to environments that did not receive them, those of one object in the order
//! in which they were made: an environment gets what the portal has now, which may be newer. A
//! change that is refused, that fails for a reason of its own, or that cannot be decoded, blocks
//! the later ones of the same object only.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::{app, definition, is_refusal, restoration};
use crate::background::Background;
use crate::domain::pending_change::{self, PendingChange, PendingOperation};
use crate::domain::portal_app::{self, App};
use crate::domain::portal_namespace::{self, AppNamespace};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result};
use crate::state::PortalState;
use crate::wire::admin;

/// Interval of the attempts.
const PAUSE: Duration = Duration::from_secs(5);

/// Number of objects whose changes are not answered, after which the others wait for the next
/// round, which begins with them.
const UNANSWERED: u32 = 2;

/// Starts the attempts.
pub(in crate::role::portal) fn run(state: &PortalState, background: &Background) {
    let state = state.clone();
    background.repeat("changes that environments missed", PAUSE, move || {
        let state = state.clone();
        async move {
            let environments = state.environments.active();
            join_all(environments.iter().map(|environment| send_again(&state, environment))).await;
        }
    });
}

async fn send_again(state: &PortalState, environment: &Environment) {
    if let Err(error) = send_all(state, environment).await {
        tracing::debug!(env = environment.name(), %error, "cannot send what an environment missed; retrying");
    }
}

/// Fails if the portal's database does.
async fn send_all(state: &PortalState, environment: &Environment) -> Result<()> {
    let (mut blocked, mut unanswered) = (HashSet::new(), 0);
    let pending = pending_change::of_environment(&state.store, environment.name()).await?;
    for change in pending.by_due_time() {
        let object = change.object();
        let is_blocked = blocked.contains(&object) || blocked.contains(&object.of_app());
        if is_blocked || pending.is_held_back(change) {
            continue;
        }
        if !pending.is_due(change) || !pending_change::claim(&state.store, change).await? {
            blocked.insert(object);
            continue;
        }
        let (app_id, namespace) = (&change.app_id, &change.namespace_name);
        let env = environment.name();
        match send(state, environment, change).await {
            Ok(()) => {
                tracing::info!(
                    app_id,
                    namespace,
                    env,
                    "an environment received a change that it had missed"
                );
                pending_change::remove(&state.store, vec![change.id]).await;
            }
            Err(error) if is_refusal(&error) || is_own_failure(&error) => {
                pending_change::refused(&state.store, change, &error).await;
                blocked.insert(object);
            }
            Err(error) => {
                tracing::debug!(app_id, namespace, env, %error, "an environment still misses a change");
                match error.code() {
                    Code::EnvRefusesPortal => {
                        pending_change::refused(&state.store, change, &error).await;
                    }
                    _ => pending_change::missed(&state.store, change).await,
                }
                blocked.insert(object);
                unanswered += 1;
                // One may concern only its object, such as a row that is locked.
                if unanswered == UNANSWERED || !environment.is_up() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

async fn send(
    state: &PortalState,
    environment: &Environment,
    change: &PendingChange,
) -> Result<()> {
    let (app_id, name) = (change.app_id.as_str(), change.namespace_name.as_str());
    let operator = change.operator.as_str();
    match (change.operation(), name) {
        (PendingOperation::Write, "") => {
            let Some(row) = stored_app(state, app_id).await? else { return Ok(()) };
            match app::write(state, environment, &row, operator).await {
                // Deleted in the portal meanwhile, and then in the environment.
                Err(refusal)
                    if is_refusal(&refusal) && stored_app(state, app_id).await?.is_none() =>
                {
                    Ok(())
                }
                written => written,
            }
        }
        (PendingOperation::Write, _) => match stored_definition(state, app_id, name).await? {
            Some(row) => write_definition(state, environment, &row, operator).await,
            None => Ok(()),
        },
        (PendingOperation::Delete(id), "") => {
            let stored = async || stored_app(state, app_id).await;
            let had = match stored().await?.is_none_or(|row| row.id != id) {
                true => unless_absent(app::delete(environment, app_id, operator).await)?,
                false => false,
            };
            // Not deleted, or restored, maybe while the environment was asked, now or before.
            match stored().await?.filter(|row| row.id == id) {
                Some(row) => app::write_back(state, environment, (&row, had), operator).await,
                None => Ok(()),
            }
        }
        (PendingOperation::Delete(id), _) => {
            let stored = async || stored_definition(state, app_id, name).await;
            if stored().await?.is_none_or(|row| row.id != id) {
                unless_absent(definition::delete(environment, app_id, name, operator).await)?;
            }
            match stored().await?.filter(|row| row.id == id) {
                Some(row) => write_definition_back(state, environment, &row, operator).await,
                None => Ok(()),
            }
        }
    }
}

async fn stored_app(state: &PortalState, app_id: &str) -> Result<Option<App>> {
    let rows = portal_app::named(&state.store, &[app_id]).await?;
    Ok(rows.into_iter().find(|row| row.app_id == app_id))
}

async fn stored_definition(
    state: &PortalState,
    app_id: &str,
    name: &str,
) -> Result<Option<AppNamespace>> {
    let rows = portal_namespace::of_app(&state.store, app_id).await?;
    Ok(rows.into_iter().find(|row| row.name == name))
}

/// An environment to which the app was never added gets no definitions.
async fn write_definition(
    state: &PortalState,
    environment: &Environment,
    row: &AppNamespace,
    operator: &str,
) -> Result<()> {
    match definition::write(state, environment, row, operator).await {
        Err(refusal) if is_refusal(&refusal) => {
            let app: Result<admin::App> =
                environment.get(Address::new(["apps", &row.app_id])).await;
            match app {
                Err(error) if error.reaction() == Reaction::NotFound => Ok(()),
                _ => Err(refusal),
            }
        }
        written => written,
    }
}

/// Makes an environment have a definition of the portal again that it may have deleted, with its
/// namespaces.
async fn write_definition_back(
    state: &PortalState,
    environment: &Environment,
    row: &AppNamespace,
    operator: &str,
) -> Result<()> {
    if restoration::has_definition(environment, (&row.app_id, &row.name)).await? {
        return Ok(());
    }
    match restoration::last_of_definition(state, environment, row).await? {
        // Empty namespaces in their place would keep them away.
        Some(one) => restoration::restore_definition(state, environment, &one, operator).await,
        None => write_definition(state, environment, row, operator).await,
    }
}

/// Whether something failed that concerns this object and not the whole environment: a rule that
/// Apollo reports as a server error, or a row that cannot be read.
fn is_own_failure(error: &Error) -> bool {
    use Code::{EnvAnswerTooLong, EnvRefusesPortal, EnvUnreachable};
    let is_of_env = matches!(error.code(), EnvAnswerTooLong | EnvRefusesPortal | EnvUnreachable);
    matches!(error.reaction(), Reaction::Service | Reaction::Internal) && !is_of_env
}

/// Whether the environment had such an object to delete.
fn unless_absent(deleted: Result<()>) -> Result<bool> {
    match deleted {
        Err(error) if matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound) => {
            Ok(false)
        }
        deleted => deleted.map(|()| true),
    }
}
