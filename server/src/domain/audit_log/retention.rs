//! Removes old records of the audit log, whole seals at a time. The newest removed seal remains
//! without its records as the start of the chain, and a record names it, so that a removal by
//! anybody else is noticed.

use std::time::Duration;

use castalia_store::audit::{Operation, seal};
use castalia_store::{Id, Store, StoreError, now};
use chrono::TimeDelta;

use super::{OperationKind, new_id};
use crate::background::Background;
use crate::error::Result;
use crate::server_config::{ServerConfig, keys};

/// Interval of the searches for old records.
const PAUSE: Duration = Duration::from_secs(3600);
/// Seals that are looked at, and operations that are removed, in one transaction.
const SEALS: u64 = 100;
const OPERATIONS: i64 = 500;
/// The shortest time that records are kept, whatever the setting is.
pub const SHORTEST: TimeDelta = TimeDelta::days(1);
/// Name of the operation that records a removal.
pub(super) const NAME: &str = "AuditLog.removeOld";

/// Starts the task.
pub fn run(store: &Store, config: &ServerConfig, background: &Background) {
    let (store, config) = (store.clone(), config.clone());
    background.repeat("audit log retention", PAUSE, move || {
        let (store, config) = (store.clone(), config.clone());
        async move {
            let days = config.get(&keys::AUDIT_RETENTION);
            let Ok(days @ 1..) = i64::try_from(days) else { return };
            match remove_old(&store, TimeDelta::days(days)).await {
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
pub async fn remove_old(store: &Store, age: TimeDelta) -> Result<u64> {
    let before = now() - age;
    let mut removals = 0;
    loop {
        let seals = seal::oldest_before(store.read(), before, SEALS).await?;
        let Some(first) = seals.first() else { return Ok(removals) };
        let is_in_portion = |seal: &&(Id, Id, Id)| seal.1.0 - first.1.0 <= OPERATIONS;
        // The first is already the start of the chain, or else the only one is.
        let Some(last) = seals.iter().skip(1).take_while(is_in_portion).last() else {
            return Ok(removals);
        };
        if !remove(store, *last).await? {
            return Ok(removals);
        }
        removals += 1;
    }
}

async fn remove(store: &Store, last: (Id, Id, Id)) -> Result<bool> {
    let operation = Operation {
        trace_id: new_id()?,
        span_id: new_id()?,
        parent_span_id: None,
        operator: "castalia".to_owned(),
        kind: OperationKind::Delete.name(),
        name: NAME.to_owned(),
        description: description(last.0),
    };
    let removed: Result<bool, StoreError> = store
        .write((last, operation), |tx, (last, operation)| {
            Box::pin(async move {
                let is_removed = seal::remove_up_to(tx, *last).await?;
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
