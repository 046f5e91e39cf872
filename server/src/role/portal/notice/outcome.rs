//! Finds what became of an announced publish, in the release history of its environment, and queues
//! its deliveries.

use castalia_store::Id;
use chrono::TimeDelta;

use super::{body, receivers};
use crate::domain::history::ReleaseOperation;
use crate::domain::notice::{self, Notice, NoticeState};
use crate::domain::permission::requirement::Resource;
use crate::domain::webhook;
use crate::environment::{Address, Environment};
use crate::error::{Code, Result};
use crate::server_config::keys;
use crate::state::PortalState;
use crate::wire::admin::{self, ReleaseHistory};

/// Maximum difference between the clocks of the portal and of an environment.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// History entries among which a publish is searched.
const SEARCHED: &str = "50";
/// Why a publish is not found that may have been made.
pub(super) const NOT_FOUND: &str =
    "the environment does not answer or has no record of it for a day";
const GONE: &str = "its outcome was not recorded, and its namespace was deleted";

/// Queues a notice that this node has claimed, or removes it if there was no publish.
pub(super) async fn settle(state: &PortalState, found: &Notice) -> Result<()> {
    let environment = state.environments.find(&found.env)?;
    let is_searched = found.state == NoticeState::Announced.code();
    let mut entry = match is_searched {
        true => search(state, &environment, found).await?,
        false => recorded(&environment, found).await?,
    };
    while let Some(chosen) = entry {
        if queue(state, &environment, found, chosen).await? {
            return Ok(());
        }
        // Another notice was given it meanwhile, which the next search knows.
        entry = search(state, &environment, found).await?;
    }
    let now = notice::time(&state.store).await?;
    if notice::is_expired(found, true, now) {
        let lost = match is_searched {
            true if is_gone(&environment, found).await? => Some(GONE),
            true => None,
            false => Some(NOT_FOUND),
        };
        give_up(state, found, lost).await?;
    }
    Ok(())
}

/// Queues a notice with its history entry; returns whether no other notice is about it.
async fn queue(
    state: &PortalState,
    environment: &Environment,
    found: &Notice,
    entry: ReleaseHistory,
) -> Result<bool> {
    let ids = (release_of(found, &entry), entry.id);
    let webhooks = webhook::all(&state.store).await?;
    let receivers = receivers(&state.config, &webhooks, &found.env, &found.app_id);
    let body = body::of_publish(environment, entry).await?;
    let longest_queue = state.config.get(&keys::WEBHOOK_QUEUE);
    notice::queue(&state.store, found, ids, body, receivers, longest_queue).await
}

/// Removes a notice that is not delivered; `lost` says why the publish is not found, if one may have
/// been made.
pub(super) async fn give_up(
    state: &PortalState,
    found: &Notice,
    lost: Option<&'static str>,
) -> Result<()> {
    if let Some(problem) = lost {
        metrics::counter!("castalia_notices_lost_total").increment(1);
        tracing::error!(
            env = found.env,
            app_id = found.app_id,
            cluster = found.cluster_name,
            namespace = found.namespace_name,
            operator = found.operator,
            problem,
            "cannot find a publish in its environment; nobody is notified of it"
        );
    }
    notice::withdraw(&state.store, found.id).await
}

/// The history entry of a publish whose release is known. If it was deleted with its namespace, it
/// is what the notice contains: the publish was made.
async fn recorded(environment: &Environment, found: &Notice) -> Result<Option<ReleaseHistory>> {
    let (path, parameter) = match is_rollback(found) {
        true => ("by_previous_release_id_and_operation", "previousReleaseId"),
        false => ("by_release_id_and_operation", "releaseId"),
    };
    let (id, operation) = (found.release_id.to_string(), found.operation.to_string());
    let address = Address::new(["releases", "histories", path]).with(&[
        (parameter, &id),
        ("operation", &operation),
        ("page", "0"),
        ("size", "1"),
    ]);
    let page: Option<admin::Page<ReleaseHistory>> = environment.find(address).await?;
    match page.and_then(|page| page.content.into_iter().next()) {
        None if is_gone(environment, found).await? => Ok(Some(entry_of(found))),
        entry => Ok(entry),
    }
}

/// Whether the namespace of a publish does not exist any more; there may be a later one of this
/// name.
async fn is_gone(environment: &Environment, found: &Notice) -> Result<bool> {
    let address = Address::in_namespace(&place_of(found), &[]).with(&[("revision", "false")]);
    match environment.get::<admin::Namespace>(address).await {
        Err(error) if body::is_absent(&error, Code::NamespaceNotFound) => Ok(true),
        read => {
            let created = read?.data_change_created_time;
            Ok(created.is_some_and(|time| time > *found.created_time + SKEW))
        }
    }
}

/// A history entry with what a notice contains, without the row ids that only the environment knew.
fn entry_of(found: &Notice) -> ReleaseHistory {
    let (release_id, previous_release_id) = match is_rollback(found) {
        true => (0, found.release_id.0),
        false => (found.release_id.0, 0),
    };
    // The name of a branch is not known.
    let is_gray = found.operation == ReleaseOperation::GrayPublish.code();
    ReleaseHistory {
        app_id: Some(found.app_id.clone()),
        cluster_name: Some(found.cluster_name.clone()),
        namespace_name: Some(found.namespace_name.clone()),
        branch_name: (!is_gray).then(|| found.cluster_name.clone()),
        release_id,
        previous_release_id,
        operation: found.operation.0,
        data_change_created_by: Some(found.operator.clone()),
        data_change_last_modified_time: Some(*found.created_time),
        ..ReleaseHistory::default()
    }
}

/// The history entry of a publish whose outcome was not recorded: the oldest one that fits and that
/// no other notice is about.
async fn search(
    state: &PortalState,
    environment: &Environment,
    found: &Notice,
) -> Result<Option<ReleaseHistory>> {
    let address = Address::in_namespace(&place_of(found), &["releases", "histories"]);
    let page: Option<admin::Page<ReleaseHistory>> =
        environment.find(address.with(&[("page", "0"), ("size", SEARCHED)])).await?;
    let known = notice::known(&state.store, found).await?;
    let is_known = |entry: &ReleaseHistory| {
        let ids = (Id(release_of(found, entry)), Id(entry.id));
        known.iter().any(|other| other.is(found, ids))
    };
    // An operator that cannot be decoded is empty: the publish is found without it.
    let is_by_operator = |entry: &ReleaseHistory| {
        found.operator.is_empty()
            || entry.data_change_created_by.as_deref() == Some(found.operator.as_str())
    };
    let fits = |entry: &ReleaseHistory| {
        entry.operation == found.operation.0
            && is_by_operator(entry)
            && entry.data_change_created_time.is_some_and(|time| time >= *found.created_time - SKEW)
            && (!is_rollback(found) || entry.previous_release_id == found.release_id.0)
            && !is_known(entry)
    };
    let entries = page.map(|page| page.content).unwrap_or_default();
    Ok(entries.into_iter().filter(fits).min_by_key(|entry| entry.id))
}

fn place_of(found: &Notice) -> Resource {
    Resource {
        app_id: found.app_id.clone(),
        env: found.env.clone(),
        cluster: found.cluster_name.clone(),
        namespace: found.namespace_name.clone(),
    }
}

/// The release by which the publish is known: the new one, or that which a rollback left.
fn release_of(found: &Notice, entry: &ReleaseHistory) -> i64 {
    if is_rollback(found) { entry.previous_release_id } else { entry.release_id }
}

fn is_rollback(found: &Notice) -> bool {
    found.operation == ReleaseOperation::Rollback.code()
}
