//! Changes that the portal owes its environments: an app or a definition of a namespace that was
//! created, changed or deleted in the portal, until each environment has received it. What sends
//! them is not known here.

use std::collections::HashMap;
use std::time::Duration;

use castalia_store::pending_change::{self, ObjectKey};
use castalia_store::{Id, JobError as _, Store, StoreError};

use crate::error::{Code, Error, Result};

pub use castalia_store::pending_change::{
    NewPendingChange, PendingChange, PendingChanges, PendingOperation,
};

/// Time after which a change is sent again. Before it, the request that makes the change sends it.
const AGE: Duration = Duration::from_secs(5);
/// The same after the environment refused it.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);
/// Longer than an environment has to answer.
const LEASE: Duration = Duration::from_secs(60);
/// Number of changes of an environment that are looked at in one round, if one of them may be sent.
const ROUND: u64 = 1000;
/// Maximum length of a reason, in characters.
const PROBLEM: usize = 500;

/// A change that was stored for one environment.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// Row of the change.
    pub id: Id,
    /// Whether the environment has to receive another change first, of the object or of its app.
    /// Both of two changes that were stored at the same time may be behind: they are then sent in
    /// the order of their ids.
    pub is_behind: bool,
}

/// Stores a change that is about to be made, for each of these environments. Returns what was
/// stored in the same order, or nothing if the account of the database may not use the table.
///
/// # Errors
/// Fails if the database does.
pub async fn announce(
    store: &Store,
    new: NewPendingChange,
    envs: Vec<String>,
) -> Result<Vec<Announced>> {
    if envs.is_empty() {
        return Ok(Vec::new());
    }
    let store = store.clone();
    let stored = apart(async move {
        let ids: Result<Vec<Id>> = store
            .write((new.clone(), envs.clone()), |tx, (new, envs)| {
                Box::pin(async move { Ok(pending_change::insert(tx, new, envs, AGE).await?) })
            })
            .await;
        let ids = ids?;
        let behind = pending_change::with_others(store.read(), &new, &envs, &ids).await?;
        let announced = |(id, env)| Announced { id, is_behind: behind.contains(env) };
        Ok(ids.into_iter().zip(&envs).map(announced).collect())
    });
    match stored.await {
        Err(error) if error.store_error().is_some_and(StoreError::is_unusable_table) => {
            tracing::warn!(%error, "an environment that does not receive a change does not get it later; run `castalia migrate`, or grant all privileges on the table CastaliaPendingChange");
            Ok(Vec::new())
        }
        stored => stored,
    }
}

/// Keeps other nodes from sending changes while the request that makes them lasts: they would find
/// that the portal has not made them. Runs until it is dropped.
pub async fn hold(store: Store, ids: Vec<Id>) {
    if ids.is_empty() {
        return;
    }
    loop {
        tokio::time::sleep(AGE / 2).await;
        let held: Result<()> = store
            .write(ids.clone(), |tx, ids| {
                Box::pin(async move { Ok(pending_change::extend(tx, ids, AGE).await?) })
            })
            .await;
        if let Err(error) = held {
            tracing::debug!(%error, "cannot hold a change that the portal is making");
        }
    }
}

/// Runs a write in a task of its own, outside the audit trail: the change that the request makes
/// may fail, and then leaves no record.
async fn apart<T: Send + 'static>(
    write: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(write).await.map_err(|error| Error::internal("a task panicked", error))?
}

/// The changes that an environment has not received, or the earliest of many.
///
/// # Errors
/// Fails if the database does.
pub async fn of_environment(store: &Store, env: &str) -> Result<PendingChanges> {
    Ok(pending_change::of_environment(store, env, ROUND).await?)
}

/// Requires that the environment has no definition of these, each behind its app, that the portal
/// has deleted, nor such an app; only the app is meant if the name of the definition is empty. The
/// content would be shown to whoever has the name now, and what they store would be deleted with it.
/// Asks the database each time, because another node may have deleted the object just now.
///
/// # Errors
/// Fails if it has.
pub async fn require_no_missed_deletion(
    store: &Store,
    env: &str,
    objects: &[(&str, &str)],
) -> Result<()> {
    let missed = pending_change::missed_deletions(store.read(), env, objects).await?;
    let earlier = objects.iter().find_map(|object| of_object(&missed, *object));
    let Some((app_id, namespace)) = earlier else { return Ok(()) };
    let what = match namespace.as_str() {
        "" => format!("app {app_id}"),
        namespace => format!("namespace {namespace} of the app {app_id}"),
    };
    let message = format!("{env} still has to delete an earlier {what}; retry later");
    Err(Error::unavailable(message).with_code(Code::EnvUnreachable))
}

/// Of definitions, each behind its app, or an empty name for the app alone, whether the environment
/// still has to delete each of them or its app.
///
/// # Errors
/// Fails if the database does.
pub async fn are_deletions_missed(
    store: &Store,
    env: &str,
    objects: &[(&str, &str)],
) -> Result<Vec<bool>> {
    let missed = pending_change::missed_deletions(store.read(), env, objects).await?;
    Ok(objects.iter().map(|object| of_object(&missed, *object).is_some()).collect())
}

/// Deletions that the environment has not received, with the names that were deleted.
type Missed = HashMap<ObjectKey, (String, String)>;

/// Of deletions, the one of an object or of its app.
fn of_object<'m>(missed: &'m Missed, (app_id, name): (&str, &str)) -> Option<&'m (String, String)> {
    let object = ObjectKey::new(app_id, name);
    missed.get(&object.of_app()).or_else(|| missed.get(&object))
}

/// Whether this node has to send the change again now, as the row says. No other node does at the
/// same time.
///
/// # Errors
/// Fails if the database does.
pub async fn claim(store: &Store, change: &PendingChange) -> Result<bool> {
    store
        .write(change.id, |tx, id| {
            Box::pin(async move { Ok(pending_change::claim(tx, *id, LEASE).await?) })
        })
        .await
}

/// Removes changes that their environments received, or that were not made. One that cannot be
/// removed is sent once more, which changes nothing.
pub async fn remove(store: &Store, ids: Vec<Id>) {
    if ids.is_empty() {
        return;
    }
    let store = store.clone();
    let removed = apart(async move {
        store
            .write(ids, |tx, ids| {
                Box::pin(async move { Ok(pending_change::remove(tx, ids).await?) })
            })
            .await
    });
    if let Err(error) = removed.await {
        tracing::warn!(%error, "cannot record that an environment received a change; it is sent once more");
    }
}

/// Notes that the environment could not be reached; the change is sent again soon.
pub async fn missed(store: &Store, change: &PendingChange) {
    postpone(store, change.id, AGE, change.problem.clone()).await;
}

/// Notes that the environment refused a change; it is sent again later.
pub async fn refused(store: &Store, change: &PendingChange, error: &Error) {
    let problem: String = error.message().chars().take(PROBLEM).collect();
    if problem != change.problem {
        let PendingChange { env, app_id, namespace_name: namespace, .. } = change;
        tracing::warn!(app_id, namespace, env, %error, "an environment refuses a change of the portal; it is sent again each minute");
    }
    postpone(store, change.id, AFTER_REFUSAL, problem).await;
}

async fn postpone(store: &Store, id: Id, by: Duration, problem: String) {
    let noted: Result<()> = store
        .write((id, by, problem), |tx, (id, by, problem)| {
            Box::pin(async move { Ok(pending_change::postpone(tx, *id, *by, problem).await?) })
        })
        .await;
    if let Err(error) = noted {
        tracing::debug!(%error, "cannot note when a change is sent again");
    }
}
