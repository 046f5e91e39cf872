//! Forgets instances: their records of a namespace are removed before they expire, because someone
//! knows that the clients do not run any more. One that runs nevertheless is recorded with its next
//! request. For that, every config service has to drop what it knows about recorded clients: the
//! removal is in the table `Audit`, which each of them reads at intervals. The same after a restored
//! backup or a failover, which may have lost the records of running clients.

use std::collections::HashSet;
use std::time::Duration;

use castalia_store::{Id, Store, audit, instance};

use super::audit::Trail;
use super::instance::read_by;
use super::instance_audit::InstanceAudit;
use super::namespace::NamespaceKey;
use crate::background::Background;
use crate::error::Result;
use crate::feed::ReleaseFeed;

/// Name of the table in `Audit`. Other removals of its rows are not recorded there.
const ENTITY: &str = "InstanceConfig";
/// Pause between two reads of `Audit`; short beside the five minutes between requests of a client.
const PAUSE: Duration = Duration::from_secs(10);
/// Rows of `Audit` that are read again: a row may become visible after one with a greater id.
const OVERLAP: i64 = 1_000;

/// Forgets that an instance reads a namespace; does nothing if it is not recorded.
pub async fn forget(
    store: &Store,
    key: &NamespaceKey,
    instance: i64,
    operator: &str,
) -> Result<()> {
    let input = (key.clone(), Id(instance), operator.to_owned());
    store
        .write(input, |tx, (key, instance, operator)| {
            Box::pin(async move {
                let Some(id) = instance::config_id(tx, read_by(key), *instance).await? else {
                    return Ok(());
                };
                instance::delete_configs(tx, &[id]).await?;
                let mut trail = Trail::of(Some(operator));
                trail.deleted(ENTITY, id);
                trail.write(tx).await
            })
        })
        .await
}

/// Starts the task of a config service that notices what was forgotten through any node, and that
/// the database lost rows.
pub fn run(store: &Store, feed: &ReleaseFeed, records: &InstanceAudit, background: &Background) {
    let (store, feed, records) = (store.clone(), feed.clone(), records.clone());
    background
        .spawn("forgotten instances", move || watch(store.clone(), feed.clone(), records.clone()));
}

async fn watch(store: Store, feed: ReleaseFeed, records: InstanceAudit) {
    let (mut known, mut rewound) = (None, None);
    loop {
        let last_rewind = feed.last_rewind();
        if rewound != last_rewind {
            rewound = last_rewind;
            records.record_all_again();
        }
        match removals(&store, known.as_ref()).await {
            Ok(found) => {
                let is_new = |known: &Removals| !found.ids.is_subset(&known.ids);
                if known.as_ref().is_some_and(is_new) {
                    records.record_all_again();
                }
                known = Some(found);
            }
            Err(error) => {
                tracing::debug!(%error, "cannot read which instances were forgotten; retrying later");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removals among the newest rows of `Audit`.
#[derive(Debug)]
struct Removals {
    newest: Id,
    ids: HashSet<Id>,
}

/// Those since the last read, and those of its end.
async fn removals(store: &Store, last: Option<&Removals>) -> Result<Removals> {
    let newest = audit::max_id(store.read()).await?;
    // The ids may have gone back, for example after a failover.
    let since = last.map_or(newest, |last| last.newest.min(newest));
    let since = Id(since.0.saturating_sub(OVERLAP));
    let ids = audit::deleted_since(store.read(), ENTITY, since).await?;
    Ok(Removals { newest, ids: ids.into_iter().collect() })
}
