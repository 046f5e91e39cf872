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
use crate::error::Result;
use crate::server_config::keys;
use crate::state::PortalState;
use crate::wire::admin::{self, ReleaseHistory};

/// Maximum difference between the clocks of the portal and of an environment.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// History entries among which a publish is searched.
const SEARCHED: &str = "50";

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
        give_up(state, found, !is_searched).await?;
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

/// Removes a notice that is not delivered; `is_lost` if there may have been a publish.
pub(super) async fn give_up(state: &PortalState, found: &Notice, is_lost: bool) -> Result<()> {
    if is_lost {
        metrics::counter!("castalia_notices_lost_total").increment(1);
        tracing::error!(
            env = found.env,
            app_id = found.app_id,
            namespace = found.namespace_name,
            "cannot find a publish in its environment for a day; nobody is notified of it"
        );
    }
    notice::withdraw(&state.store, found.id).await
}

/// The history entry of a publish whose release is known.
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
    Ok(page.and_then(|page| page.content.into_iter().next()))
}

/// The history entry of a publish whose outcome was not recorded: the oldest one that fits and that
/// no other notice is about.
async fn search(
    state: &PortalState,
    environment: &Environment,
    found: &Notice,
) -> Result<Option<ReleaseHistory>> {
    let place = Resource {
        app_id: found.app_id.clone(),
        env: found.env.clone(),
        cluster: found.cluster_name.clone(),
        namespace: found.namespace_name.clone(),
    };
    let address = Address::in_namespace(&place, &["releases", "histories"]);
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

/// The release by which the publish is known: the new one, or that which a rollback left.
fn release_of(found: &Notice, entry: &ReleaseHistory) -> i64 {
    if is_rollback(found) { entry.previous_release_id } else { entry.release_id }
}

fn is_rollback(found: &Notice) -> bool {
    found.operation == ReleaseOperation::Rollback.code()
}
