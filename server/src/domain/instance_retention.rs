//! Removes instances, and what they read, that have not been seen for long. Every reader of these
//! tables ignores rows that are older than a day, and without removal the tables would grow with
//! each address that a client ever had.
//!
//! An instance remains for a time after the deletion of what it read, because nodes of Apollo go on
//! to use its id.

use std::time::Duration;

use castalia_store::clock::shared_time;
use castalia_store::{Id, Store, instance};
use chrono::TimeDelta;

use crate::background::Background;
use crate::error::{Error, Result};
use crate::server_config::{ServerConfig, keys};

/// Interval of the removals.
const PAUSE: Duration = Duration::from_secs(600);
/// Rows that are read, or removed, per statement.
const PORTION: u64 = 500;
/// Longer than a node of Apollo uses the id of an instance after its last record of a read: it makes
/// the next one after a day, and forgets ids that are not used for an hour. Not more than the least
/// age at which rows are removed.
const ID_IS_USED: TimeDelta = TimeDelta::hours(26);

/// Starts the task.
pub fn run(store: &Store, config: &ServerConfig, background: &Background) {
    let (store, config) = (store.clone(), config.clone());
    background.spawn("instance retention", move || watch(store.clone(), config.clone()));
}

async fn watch(store: Store, config: ServerConfig) {
    loop {
        match remove_old(&store, &config).await {
            Ok(0) => {}
            Ok(removed) => {
                tracing::info!(removed, "removed expired instance records")
            }
            Err(error) => {
                tracing::debug!(%error, "cannot remove expired instance records; retrying later");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes rows that are too old, in portions. Returns their number.
pub async fn remove_old(store: &Store, config: &ServerConfig) -> Result<u64> {
    let age = TimeDelta::from_std(config.get(&keys::INSTANCE_RETENTION)).unwrap_or(TimeDelta::MAX);
    // By its own clock, a node whose clock is ahead would remove clients that run.
    let now = shared_time(store.read()).await?;
    let Some(before) = now.checked_sub_signed(age) else { return Ok(0) };
    let mut removed = 0;
    loop {
        let ids = instance::old_configs(store.read(), before, PORTION).await?;
        if ids.is_empty() {
            break;
        }
        removed += store
            .write(ids, |tx, ids| {
                Box::pin(async move { Ok::<_, Error>(instance::delete_configs(tx, ids).await?) })
            })
            .await?;
    }
    // So early that the time of an instance shows for long enough that it read something, should
    // the rows of that be deleted before the next round.
    let renewed = before + ID_IS_USED;
    let mut after = Id(0);
    loop {
        let ids = instance::old_ids(store.read(), renewed, after, PORTION).await?;
        let Some(last) = ids.last() else { return Ok(removed) };
        after = *last;
        removed += store
            .write((ids, before), |tx, (ids, before)| {
                Box::pin(async move {
                    instance::renew(tx, ids).await?;
                    Ok::<_, Error>(instance::delete_unread(tx, ids, *before).await?)
                })
            })
            .await?;
    }
}
