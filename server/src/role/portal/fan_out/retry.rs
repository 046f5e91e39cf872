//! Sends changes again to environments that did not receive them: an environment gets what the portal
//! has now, which may be newer. Several nodes may do so at the same time, because receiving a change
//! twice changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::{app, definition};
use crate::background::Background;
use crate::domain::pending_change::{self, PendingChange};
use crate::domain::{portal_app, portal_namespace};
use crate::environment::Environment;
use crate::error::{Error, Reaction, Result};
use crate::state::PortalState;

/// Interval of the attempts.
const PAUSE: Duration = Duration::from_secs(5);
/// Age of a change that is sent again; the request that made a younger one may still be sending it.
const AGE: Duration = Duration::from_secs(5);

/// Starts the attempts.
pub(in crate::role::portal) fn run(state: &PortalState, background: &Background) {
    let state = state.clone();
    background.repeat("changes that environments missed", PAUSE, move || {
        let state = state.clone();
        async move {
            if let Err(error) = send_again(&state, AGE).await {
                tracing::debug!(%error, "cannot look up changes that environments missed; retrying");
            }
        }
    });
}

/// Sends all changes of at least this age to their environments, as far as those are reachable.
async fn send_again(state: &PortalState, age: Duration) -> Result<()> {
    let mut by_env: BTreeMap<String, Vec<PendingChange>> = BTreeMap::new();
    for change in pending_change::overdue(&state.store, age).await? {
        by_env.entry(change.env.clone()).or_default().push(change);
    }
    let environments = state.environments.active().into_iter().filter_map(|environment| {
        let changes = by_env.remove(environment.name())?;
        Some(async move { send_all(state, &environment, changes).await })
    });
    join_all(environments).await;
    Ok(())
}

/// In the order in which they were made. The first failure ends the attempt: the environment is away
/// again, or what follows may depend on it.
async fn send_all(state: &PortalState, environment: &Environment, changes: Vec<PendingChange>) {
    let mut received = Vec::new();
    for change in changes {
        let (env, app_id, namespace) = (environment.name(), &change.app_id, &change.namespace_name);
        match send(state, environment, &change).await {
            Ok(()) => {
                tracing::info!(
                    app_id,
                    namespace,
                    env,
                    "an environment received a change that it had missed"
                );
                received.push(change.id);
            }
            Err(error) => {
                tracing::debug!(app_id, namespace, env, %error, "an environment still misses a change");
                break;
            }
        }
    }
    pending_change::received(&state.store, received).await;
}

async fn send(
    state: &PortalState,
    environment: &Environment,
    change: &PendingChange,
) -> Result<()> {
    let (app_id, namespace) = (change.app_id.as_str(), change.namespace_name.as_str());
    let operator = change.operator.as_str();
    if change.is_deletion() {
        let deleted = match namespace {
            "" => app::delete_orphan(state, environment, app_id, operator).await.map(drop),
            name => definition::delete_orphan(state, environment, (app_id, name), operator).await,
        };
        return match deleted {
            Err(error) if is_absent(&error) => Ok(()),
            deleted => deleted,
        };
    }
    if namespace.is_empty() {
        let Some(row) = portal_app::named(&state.store, &[app_id]).await?.pop() else {
            return Ok(());
        };
        return app::write(state, environment, &row, operator).await;
    }
    let definitions = portal_namespace::of_app(&state.store, app_id).await?;
    match definitions.iter().find(|row| row.name == namespace) {
        Some(row) => definition::write(environment, row, operator).await,
        None => Ok(()),
    }
}

/// Whether the environment has no such object to delete.
fn is_absent(error: &Error) -> bool {
    matches!(error.reaction(), Reaction::BadRequest | Reaction::NotFound)
}
