//! Removes obsolete rows in the background: release messages of a watch key that has a newer one,
//! and, if operators set a limit, old release history with the releases that only it refers to. The
//! histories that grow are shortened here; the walk over all of them is in a file below.

mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use castalia_store::release::Line;
use castalia_store::{Id, Store, Transaction};

use super::history;
use super::namespace::{self, NamespaceKey};
use super::removal;
use crate::background::Background;
use crate::error::{Error, Result};
use crate::server_config::{ServerConfig, keys};

pub use super::removal::remove_left_items;
use walk::Done;
pub use walk::Walk;

/// Intervals of the searches for new messages, and for new history.
const MESSAGE_PAUSE: Duration = Duration::from_secs(5);
const HISTORY_PAUSE: Duration = Duration::from_secs(60);
/// Rows that are read, or removed, per statement.
const LOOK: u64 = 500;
const REMOVE: usize = 100;
/// Rows of a history that are read at once to be removed.
const PIECE: u64 = 10_000;

/// A row of a history: its id, with the releases that it refers to, which never change.
type HistoryRow = (Id, Id, Id);

/// Starts the tasks.
pub fn run(store: &Store, config: &ServerConfig, background: &Background) {
    let deleted = store.clone();
    background.spawn("removal of deleted items", move || removal::resume(deleted.clone()));
    let messages = store.clone();
    background.spawn("release message retention", move || watch_messages(messages.clone()));
    let (grown, limits) = (store.clone(), config.clone());
    background
        .spawn("release history retention", move || watch_histories(grown.clone(), limits.clone()));
    let (store, config) = (store.clone(), config.clone());
    background.spawn("release history walk", move || walk::repeat(store.clone(), config.clone()));
}

async fn watch_messages(store: Store) {
    let mut since = None;
    loop {
        tokio::time::sleep(MESSAGE_PAUSE).await;
        match remove_old_messages(&store, since).await {
            Ok(newest) => since = Some(newest),
            Err(error) => {
                tracing::debug!(%error, "cannot remove old release messages; retrying later")
            }
        }
    }
}

async fn watch_histories(store: Store, config: ServerConfig) {
    let mut since = None;
    loop {
        match remove_old_histories(&store, &config, since).await {
            Ok(newest) => since = Some(newest),
            Err(error) => {
                tracing::debug!(%error, "cannot remove old release history; retrying later")
            }
        }
        tokio::time::sleep(HISTORY_PAUSE).await;
    }
}

/// Removes the messages that those after `since` made obsolete, and returns the id of the newest.
/// Without `since`, it starts one batch before the newest message, and removes messages that
/// another one of that batch replaces: they may have been written since this process started, or
/// left by an earlier one. Older messages are removed with the next message of their key.
pub async fn remove_old_messages(store: &Store, since: Option<Id>) -> Result<Id> {
    let is_first_look = since.is_none();
    let mut since = match since {
        Some(since) => since,
        None => {
            let newest = castalia_store::message::max_id(store.read()).await?;
            Id(newest.0.saturating_sub_unsigned(LOOK).max(0))
        }
    };
    loop {
        let rows = castalia_store::message::after(store.read(), since, LOOK).await?;
        let Some(newest) = rows.last_id else {
            // The ids may have gone back, for example after a failover.
            return Ok(since.min(castalia_store::message::max_id(store.read()).await?));
        };
        for (text, id) in replacing(rows.readable, is_first_look) {
            while remove_messages(store, text.clone(), id).await? == REMOVE as u64 {}
        }
        since = newest;
    }
}

/// The newest id of each text, or only of those that occur `repeatedly`.
fn replacing(rows: Vec<(Id, String)>, repeatedly: bool) -> BTreeMap<String, Id> {
    let mut newest = BTreeMap::new();
    let mut repeated = BTreeSet::new();
    for (id, text) in rows {
        if newest.insert(text.clone(), id).is_some() {
            repeated.insert(text);
        }
    }
    newest.retain(|text, _| !repeatedly || repeated.contains(text));
    newest
}

/// Removes some of the messages with a text that are older than `id`.
async fn remove_messages(store: &Store, text: String, id: Id) -> Result<u64> {
    store
        .write((text, id), |tx, (text, id)| {
            Box::pin(async move {
                Ok::<_, Error>(
                    castalia_store::message::delete_older(tx, text, *id, REMOVE as u64).await?,
                )
            })
        })
        .await
}

/// Trims every history that grew after `since` to its limit, and returns the id of the newest row.
/// Continues after one that cannot be trimmed, to which the walk returns.
pub async fn remove_old_histories(
    store: &Store,
    config: &ServerConfig,
    since: Option<Id>,
) -> Result<Id> {
    let Some(mut since) = since else {
        return Ok(castalia_store::release::max_history_id(store.read()).await?);
    };
    let mut done = Done::default();
    loop {
        let rows = castalia_store::release::histories_after(store.read(), since, LOOK).await?;
        let Some(newest) = rows.last_id else {
            return Ok(since.min(castalia_store::release::max_history_id(store.read()).await?));
        };
        let lines: BTreeSet<_> = rows.readable.into_iter().map(|(_, line)| line).collect();
        for line in lines {
            done.add(shorten(store, config, &line).await)?;
        }
        since = newest;
    }
}

/// Trims a line to its limit, and returns the number of rows that are gone.
async fn shorten(store: &Store, config: &ServerConfig, line: &Line) -> Result<u64> {
    let Some(size) = size_of(config, line) else { return Ok(0) };
    match castalia_store::release::nth_newest_history(store.read(), line, size).await? {
        Some(last) => remove_up_to(store, line, last).await,
        None => Ok(0),
    }
}

/// Removes the rows of a line up to this one. They are read in large pieces, because a database whose
/// index does not contain their ids sorts the whole line for each piece, and removed in small ones.
async fn remove_up_to(store: &Store, line: &Line, last: Id) -> Result<u64> {
    let mut total = 0;
    loop {
        let rows =
            castalia_store::release::histories_up_to(store.read(), line, last, PIECE).await?;
        let mut removed = 0;
        for step in rows.chunks(REMOVE) {
            match remove_histories(store, line.clone(), step.to_vec()).await? {
                Some(gone) => removed += gone,
                None => return Ok(total + removed),
            }
        }
        // A replica may still show rows that are gone.
        if removed == 0 {
            return Ok(total);
        }
        total += removed;
    }
}

/// Maximum number of rows of a line; `None` means no limit.
fn size_of(config: &ServerConfig, line: &Line) -> Option<u64> {
    let name = [line.app_id.as_str(), &line.cluster, &line.namespace, &line.branch].join("+");
    let overrides = config.get(&keys::HISTORY_SIZE_OVERRIDE);
    let own = overrides.get(&name).map(|size| size.unsigned_abs());
    own.or_else(|| config.get(&keys::HISTORY_SIZE))
}

/// Returns the number of rows that are gone; `None` if the namespace does not exist.
async fn remove_histories(store: &Store, line: Line, rows: Vec<HistoryRow>) -> Result<Option<u64>> {
    store
        .write((line, rows), |tx, (line, rows)| Box::pin(remove_histories_in(tx, line, rows)))
        .await
}

async fn remove_histories_in(
    tx: &Transaction,
    line: &Line,
    rows: &[HistoryRow],
) -> Result<Option<u64>> {
    match lock(tx, line).await? {
        true => remove_locked(tx, line, rows).await.map(Some),
        false => Ok(None),
    }
}

/// Locks the namespace of a line, so that a rollback cannot restore a release that is being
/// removed, and no publish is missed. Returns whether there is one: a deleted namespace may be
/// restored at any moment, and nothing holds back what is done to it then.
async fn lock(tx: &Transaction, line: &Line) -> Result<bool> {
    let key = NamespaceKey::new(&line.app_id, &line.cluster, &line.namespace);
    namespace::lock(tx, &key).await
}

/// Removes some rows, and the releases that no other row refers to. The current release is kept
/// even if no row refers to it, as after a rollback to an older release; and so is the row which
/// names the keys that a branch sets itself.
async fn remove_locked(tx: &Transaction, line: &Line, rows: &[HistoryRow]) -> Result<u64> {
    let Line { app_id, namespace, branch, .. } = line;
    // Others may have deleted the namespace since they were read, and may restore it.
    let ids: Vec<_> = rows.iter().map(|(id, ..)| *id).collect();
    let mut ids = castalia_store::release::live_histories(tx, &ids).await?;
    let live = castalia_store::release::latest_active_id(tx, app_id, branch, namespace).await?;
    let of_keys = history::entry_of_keys(tx, live).await?.map(|row| row.id);
    ids.retain(|id| Some(*id) != of_keys);
    let rows: Vec<_> = rows.iter().filter(|(id, ..)| ids.contains(id)).collect();
    let removed = castalia_store::release::delete_histories(tx, &ids).await?;
    let mut named: Vec<_> =
        rows.iter().flat_map(|(_, release, previous)| [*release, *previous]).collect();
    // The first entry of every line names no previous release.
    named.retain(|id| id.0 > 0);
    named.sort_unstable();
    named.dedup();
    let kept = castalia_store::release::still_referenced(tx, &named).await?;
    named.retain(|id| *id != live && !kept.contains(id));
    castalia_store::release::purge(tx, &named).await?;
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    #[test]
    fn a_line_may_have_a_size_of_its_own() {
        let config = ServerConfig::new(BTreeMap::new());
        let line = |branch: &str| Line {
            app_id: "a".into(),
            cluster: "default".into(),
            namespace: "n".into(),
            branch: branch.into(),
        };
        assert_eq!(size_of(&config, &line("default")), None);
        config.replace(HashMap::from([
            ("apollo.release-history.retention.size".to_owned(), "5".to_owned()),
            (
                "apollo.release-history.retention.size.override".to_owned(),
                r#"{"a+default+n+b":2}"#.to_owned(),
            ),
        ]));
        assert_eq!(
            (size_of(&config, &line("default")), size_of(&config, &line("b"))),
            (Some(5), Some(2))
        );
    }
}
