//! Removes old records of an audit log, whole seals at a time. The newest removed seal remains
//! without its records as the start of the chain, and a record names it, so that a removal by
//! anybody else is noticed.

use std::time::Duration;

use castalia_store::audit::Operation;
use castalia_store::audit::seal::{self, Position};
use castalia_store::clock::shared_time;
use castalia_store::{Id, StoreError};
use chrono::TimeDelta;

use super::{Log, OperationKind, new_id};
use crate::background::Background;
use crate::error::Result;
use crate::server_config::{ServerConfig, keys};

/// Interval of the searches for old records.
const PAUSE: Duration = Duration::from_secs(3600);
/// Seals that are looked at, and records that are removed, in one transaction; more if a single
/// seal lists more.
const SEALS: u64 = 100;
const RECORDS: i64 = 500;
/// The shortest time that records are kept, whatever the setting is.
pub const SHORTEST: TimeDelta = TimeDelta::days(1);
/// Name of the operation that records a removal.
pub(super) const NAME: &str = "AuditLog.removeOld";

/// Starts the task.
pub fn run(log: Log, config: &ServerConfig, background: &Background) {
    let config = config.clone();
    background.repeat("audit log retention", PAUSE, move || {
        let (log, config) = (log.clone(), config.clone());
        async move {
            let days = config.get(&keys::AUDIT_RETENTION);
            let Ok(days @ 1..) = i64::try_from(days) else { return };
            match remove_old(&log, TimeDelta::days(days)).await {
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "cannot remove old audit records; retrying"),
            }
        }
    });
}

/// Removes the records that were sealed longer ago; returns the number of removals.
///
/// # Errors
/// Fails if the database cannot be read or written.
pub async fn remove_old(log: &Log, age: TimeDelta) -> Result<u64> {
    // By its own clock, a node whose clock is ahead would remove new records.
    let before = shared_time(log.store.read()).await? - age;
    let mut removals = 0;
    loop {
        let seals = seal::oldest_before(log.store.read(), log.part, before, SEALS).await?;
        // The first is already the start of the chain, or else the only one is.
        let [(_, first), next, more @ ..] = seals.as_slice() else { return Ok(removals) };
        let is_in_portion = |seal: &&(Id, Position)| {
            let last = seal.1;
            last.log.0 - first.log.0 + last.audit.0 - first.audit.0 <= RECORDS
        };
        let last = more.iter().take_while(is_in_portion).last().unwrap_or(next);
        if !remove(log, *last).await? {
            return Ok(removals);
        }
        removals += 1;
    }
}

async fn remove(log: &Log, last: (Id, Position)) -> Result<bool> {
    let operation = Operation {
        trace_id: new_id()?,
        span_id: new_id()?,
        parent_span_id: None,
        operator: "castalia".to_owned(),
        kind: OperationKind::Delete.name(),
        name: NAME.to_owned(),
        description: description(last.0),
    };
    let removed: Result<bool, StoreError> = log
        .store
        .write((log.part, last, operation), |tx, (part, last, operation)| {
            Box::pin(async move {
                let is_removed = seal::remove_up_to(tx, *part, *last).await?;
                if is_removed {
                    castalia_store::audit::log(tx, operation.clone(), Vec::new()).await?;
                }
                Ok(is_removed)
            })
        })
        .await;
    Ok(removed?)
}

/// What the record of a removal up to this seal says.
pub(super) fn description(number: Id) -> String {
    format!("records up to seal {}", number.0)
}
