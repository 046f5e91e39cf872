//! Walks over the release history of all namespaces, also of those that are never published again,
//! and removes entries that are too old or too many. Each pass is short, and the next one continues
//! where it ended.
//!
//! Of what is too old, these stay:
//! - the newest entries of a line;
//! - the entries of its newest active releases, to which a rollback leads: they refer to these
//!   releases, and name the keys that a branch sets itself. Changes of rules create no release.
//!
//! A branch that was merged or abandoned cannot become active again, so none of its entries stay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use castalia_store::clock::shared_time;
use castalia_store::release::{DatedEntry, Line};
use castalia_store::{Connection, Id, Store, Transaction};
use chrono::{DateTime, TimeDelta, Utc};

use super::{HistoryRow, REMOVE, lock, remove_locked, shorten, size_of};
use crate::domain::history::ReleaseOperation;
use crate::error::Result;
use crate::server_config::{ServerConfig, keys};

/// Interval of the passes.
const PAUSE: Duration = Duration::from_secs(600);
/// Entries that are read at once.
const PAGE: u64 = 500;
/// Searches without result after which a pass ends, at the next page; each sends a few statements.
const SEARCHES: u64 = 1_000;
/// Failures after which a pass ends: one may be a fault of its line, many are one of the database.
const FAILURES: u64 = 10;
/// Newest entries, and newest active releases, of a line that stay.
const NEWEST: u64 = 2;
/// A time that is further ahead is wrong, and says nothing about the entries behind it.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// Performs the passes.
pub(super) async fn repeat(store: Store, config: ServerConfig) {
    let mut walk = Walk::default();
    loop {
        match walk.pass(&store, &config).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed old entries of the release history"),
            Err(error) => {
                tracing::debug!(%error, "cannot remove old release history; retrying later");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The position in the history, which is read by id.
#[derive(Debug, Default)]
pub struct Walk {
    after: Id,
    /// Lines that were compared with their limit since the walk began.
    compared: BTreeSet<Line>,
}

impl Walk {
    /// Continues until there is nothing more to remove, or until some searches found nothing.
    /// Returns the number of removed entries.
    ///
    /// # Errors
    /// Fails if the history cannot be read, or if several lines cannot be removed.
    pub async fn pass(&mut self, store: &Store, config: &ServerConfig) -> Result<u64> {
        // By its own clock, one node whose clock is ahead would remove the history of all.
        let now = shared_time(store.read()).await?;
        let before = age(config).and_then(|age| now.checked_sub_signed(age));
        let is_limited = config.get(&keys::HISTORY_SIZE).is_some()
            || !config.get(&keys::HISTORY_SIZE_OVERRIDE).is_empty();
        let mut done = Done::default();
        while done.searches < SEARCHES && (before.is_some() || is_limited) {
            let page =
                castalia_store::release::dated_histories_after(store.read(), self.after, PAGE)
                    .await?;
            let is_young = before.is_none_or(|before| is_young(&page.readable, before, now));
            let Some(last) = page.last_id.filter(|_| is_limited || !is_young) else {
                *self = Self::default();
                break;
            };
            // Before the removals, so that one that always fails does not stop the walk.
            self.after = last;
            done.searches += 1;
            for line in self.next_limited(&page.readable, config) {
                done.add(shorten(store, config, &line).await)?;
            }
            let Some(before) = before else { continue };
            for (line, entries) in older(page.readable, before) {
                done.add(remove_old(store, line, entries).await)?;
            }
        }
        Ok(done.removed)
    }

    /// The lines of the entries that have a limit and were not compared with it before.
    fn next_limited(&mut self, entries: &[DatedEntry], config: &ServerConfig) -> Vec<Line> {
        let mut next = Vec::new();
        for DatedEntry { line, .. } in entries.iter().filter(|entry| !entry.is_hidden) {
            if size_of(config, line).is_some() && !self.compared.contains(line) {
                self.compared.insert(line.clone());
                next.push(line.clone());
            }
        }
        next
    }
}

/// What a pass has done.
#[derive(Debug, Default)]
pub(super) struct Done {
    removed: u64,
    searches: u64,
    failures: u64,
}

impl Done {
    pub(super) fn add(&mut self, removal: Result<u64>) -> Result<()> {
        match removal {
            Ok(0) => self.searches += 1,
            Ok(removed) => self.removed += removed,
            Err(error) => {
                self.failures += 1;
                if self.failures == FAILURES {
                    return Err(error);
                }
                tracing::debug!(%error, "cannot remove old entries of one history; continuing");
            }
        }
        Ok(())
    }
}

/// The age at which entries are removed; `None` means never.
fn age(config: &ServerConfig) -> Option<TimeDelta> {
    let days = i64::try_from(config.get(&keys::HISTORY_RETENTION)).ok()?;
    Some(TimeDelta::days(days)).filter(|age| !age.is_zero())
}

/// Whether the walk has come to young entries, behind which it expects no older ones: times are
/// nearly in the order of ids. Where they are not, as in rows from another database, an old entry
/// is removed when those before it are old.
fn is_young(entries: &[DatedEntry], before: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let mut times = entries.iter().filter_map(|entry| entry.created);
    let known: Vec<_> = times.by_ref().filter(|time| *time <= now + AHEAD).collect();
    !known.is_empty() && known.iter().all(|time| *time >= before)
}

/// The entries that are older, by their lines.
fn older(entries: Vec<DatedEntry>, before: DateTime<Utc>) -> BTreeMap<Line, Vec<DatedEntry>> {
    let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in entries {
        if !entry.is_hidden && entry.created.is_some_and(|time| time < before) {
            lines.entry(entry.line.clone()).or_default().push(entry);
        }
    }
    lines
}

/// Removes those of the old entries of a line that need not stay.
async fn remove_old(store: &Store, line: Line, mut entries: Vec<DatedEntry>) -> Result<u64> {
    let db = store.read();
    let is_gone = is_gone(db, &line).await?;
    if !is_gone {
        let newest = castalia_store::release::nth_newest_history(db, &line, NEWEST - 1).await?;
        entries.retain(|entry| newest.is_some_and(|newest| entry.id < newest));
        // Without a lock, so that what stays costs no transaction.
        entries = needless(db, &line, entries).await?;
    }
    let mut removed = 0;
    for step in entries.chunks(REMOVE) {
        let input = (line.clone(), step.to_vec());
        let gone = store
            .write(input, move |tx, (line, entries)| {
                Box::pin(remove_old_in(tx, line, entries, is_gone))
            })
            .await?;
        match gone {
            Some(gone) => removed += gone,
            None => break,
        }
    }
    Ok(removed)
}

/// Returns the number of entries that are gone; `None` if the namespace does not exist, or its
/// branch is not what it was.
async fn remove_old_in(
    tx: &Transaction,
    line: &Line,
    entries: &[DatedEntry],
    was_gone: bool,
) -> Result<Option<u64>> {
    // A branch that was deleted with its namespace looks like one that was merged, until both are
    // restored.
    if !lock(tx, line).await? || is_gone(tx, line).await? != was_gone {
        return Ok(None);
    }
    let mut entries = entries.to_vec();
    if !was_gone {
        // A rollback may have led to other releases meanwhile.
        entries = needless(tx, line, entries).await?;
    }
    let rows: Vec<HistoryRow> = entries
        .iter()
        .map(|entry| (entry.id, entry.release_id, entry.previous_release_id))
        .collect();
    remove_locked(tx, line, &rows).await.map(Some)
}

/// Those of the entries that no rollback needs.
async fn needless(
    db: &impl Connection,
    line: &Line,
    mut entries: Vec<DatedEntry>,
) -> Result<Vec<DatedEntry>> {
    if entries.is_empty() {
        return Ok(entries);
    }
    let Line { app_id, namespace, branch, .. } = line;
    let targets =
        castalia_store::release::newest_active_ids(db, app_id, branch, namespace, NEWEST).await?;
    let is_of_rules = |entry: &DatedEntry| entry.operation == ReleaseOperation::RulesChanged.code();
    entries.retain(|entry| is_of_rules(entry) || !targets.contains(&entry.release_id));
    Ok(entries)
}

/// Whether a branch was merged or abandoned.
async fn is_gone(db: &impl Connection, line: &Line) -> Result<bool> {
    let Line { app_id, cluster, namespace, branch } = line;
    Ok(branch != cluster
        && !castalia_store::namespace::exists(db, app_id, branch, namespace).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_700_000_000, 0).unwrap();

    /// Entries that were created so many days ago, or at a time that cannot be decoded.
    fn entries(days: &[Option<i64>]) -> Vec<DatedEntry> {
        let text = || "a".to_owned();
        let line = Line { app_id: text(), cluster: text(), namespace: text(), branch: text() };
        let entry = |days: &Option<i64>| DatedEntry {
            id: Id(1),
            line: line.clone(),
            release_id: Id(1),
            previous_release_id: Id(0),
            operation: ReleaseOperation::Publish.code(),
            created: days.map(|days| NOW - TimeDelta::days(days)),
            is_hidden: false,
        };
        days.iter().map(entry).collect()
    }

    #[test]
    fn the_walk_ends_at_young_entries_only() {
        let is_young =
            |days: &[Option<i64>]| is_young(&entries(days), NOW - TimeDelta::days(30), NOW);
        assert!(is_young(&[Some(29), Some(0)]));
        assert!(!is_young(&[Some(29), Some(31)]), "one of another clock is behind it");
        assert!(is_young(&[Some(-100), None, Some(1)]));
        assert!(!is_young(&[Some(-100)]), "a clock that was wrong");
        assert!(!is_young(&[None]));
        assert!(!is_young(&[]));
    }

    #[test]
    fn entries_without_a_time_are_not_old() {
        let older = older(entries(&[None, Some(31), Some(1)]), NOW - TimeDelta::days(30));
        assert_eq!(older.values().map(Vec::len).collect::<Vec<_>>(), [1]);
    }
}
