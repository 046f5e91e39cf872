//! Keeps names and access keys equal to the database: reads changes each second or on a signal of
//! this process, and everything each minute; access keys also before a release message is
//! delivered. After a failure, the last values remain in effect.

mod key;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use castalia_store::Id;
use castalia_store::feed::{self as stored, Rows};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(super) use self::key::KeysRead;
use super::cache::away;
use super::condition::FeedTask;
use super::name::{AppNamespace, Cluster, Contest, UndecodableNamespace};
use super::{BATCH, ReleaseFeed};
use crate::error::Result;

/// Interval of the scans for new names and changed keys.
const SCAN_PAUSE: Duration = Duration::from_secs(1);
/// Interval of the complete reads, which also find rows that another program deleted without a time,
/// and deleted clusters.
const REBUILD_PAUSE: Duration = Duration::from_secs(60);
/// Ids before the last one that are read again: transactions commit out of id order, so an earlier
/// row may still appear. Less than [`BATCH`].
const LATE_ROWS: i64 = 100;
/// Deleted names that are looked up one by one; with more of them, all names are read again.
const DELETED: u64 = 10_000;
/// How far back a scan for changed keys and for earlier and deleted names reaches, and how far
/// ahead one for changed keys and for earlier names: stored times have whole seconds, and the clocks
/// of nodes differ. The complete read finds a change of a node whose clock differs more.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);
/// Maximum time for which releases wait for a read of names or access keys. It may wait five seconds
/// for a lock on a table, while clients of all apps wait for their releases.
const RELEASES_WAIT: Duration = Duration::from_secs(1);

/// A time on both clocks of this machine. The wall clock may jump, so changes are requested from
/// the earlier of the two.
struct Moment {
    wall: DateTime<Utc>,
    steady: Instant,
}

impl Moment {
    fn now() -> Self {
        Self { wall: castalia_store::now(), steady: Instant::now() }
    }

    /// The present time according to each clock; returns the earlier one.
    fn present(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.steady.elapsed()).unwrap_or_default();
        castalia_store::now().min(self.wall + passed)
    }
}

impl ReleaseFeed {
    pub(super) async fn scan_definitions(self) {
        let mut rebuilt = Moment::now();
        loop {
            self.0.condition.begins(FeedTask::Definitions, SCAN_PAUSE);
            let _ = timeout(SCAN_PAUSE, self.0.redefined.notified()).await;
            let is_due = rebuilt.steady.elapsed() >= REBUILD_PAUSE || !self.is_loaded();
            let present = rebuilt.present();
            let since = self.last_read();
            let round = self.0.readings.begin();
            let done = if is_due {
                self.beside_keys(since, true, self.rebuild_all_names()).await
            } else {
                self.add_definitions(since).await
            };
            self.report_read(&done);
            match done {
                Ok(()) => {
                    *self.0.names_read.lock() = present;
                    self.0.readings.end(round);
                    if is_due {
                        rebuilt = Moment::now();
                    }
                }
                // The complete read is repeated, but new names need not wait for it.
                Err(_) if is_due && self.is_loaded() => {
                    let _ = self.add_definitions(since).await;
                }
                Err(_) => {}
            }
        }
    }

    /// Logs the first failure and the first success after it.
    pub(super) fn report_read(&self, done: &Result<()>) {
        let is_news = self.0.condition.ended(FeedTask::Definitions, done.is_err());
        match done {
            Err(error) if is_news && self.is_loaded() => {
                tracing::warn!(%error, "cannot read names and access keys; those last read remain in effect");
            }
            Err(error) if is_news => {
                tracing::error!(%error, "cannot read names and access keys; clients are refused until they can be read");
            }
            Ok(()) if is_news => tracing::info!("names and access keys can be read again"),
            _ => {}
        }
    }

    /// Reads everything. Keys are read even if names cannot be: neither depends on the other.
    pub(super) async fn rebuild_definitions(&self) -> Result<()> {
        let (names, keys) = join(self.rebuild_all_names(), self.read_all_keys()).await;
        names.and(keys)
    }

    async fn rebuild_all_names(&self) -> Result<()> {
        // A definition that was restored since the last round is not a deleted one any more.
        self.forget_names(self.last_read()).await?;
        self.rebuild_names().await
    }

    /// Reads new names.
    pub(super) async fn add_names(&self) -> Result<()> {
        let (last_namespace, last_cluster) = self.names().last_ids();
        let (mut namespace, mut cluster) = (last_namespace - LATE_ROWS, last_cluster - LATE_ROWS);
        loop {
            let namespaces = self.namespaces_after(namespace).await?;
            let clusters = self.clusters_after(cluster).await?;
            let is_last = namespaces.count.max(clusters.count) < BATCH as usize;
            namespace = namespaces.last_id.map_or(namespace, |id| id.0);
            cluster = clusters.last_id.map_or(cluster, |id| id.0);
            let namespaces = namespaces.readable.into_iter().filter_map(definition).collect();
            let are_contested = self.names().add(namespaces, clusters.readable);
            if is_last {
                // The other definition may have been deleted since the last complete read.
                return if are_contested { self.rebuild_names().await } else { Ok(()) };
            }
        }
    }

    /// Reads names whose rows are not the last ones: those of clusters that were restored, and of
    /// definitions whose transaction lasted while many others were created. Those that are dated
    /// further ahead than clocks differ would be read each time until then.
    async fn add_earlier_names(&self, since: DateTime<Utc>) -> Result<()> {
        let db = self.0.store.read();
        let times = since..=castalia_store::now() + OVERLAP;
        let (mut last_namespace, mut last_cluster) = (None, None);
        loop {
            let namespaces =
                stored::definitions_changed_within(db, &times, last_namespace, BATCH).await?;
            let clusters = match self.names().folds() {
                true => stored::clusters_changed_within(db, &times, last_cluster, BATCH).await?,
                false => Rows::default(),
            };
            let is_last = namespaces.count.max(clusters.count) < BATCH as usize;
            last_namespace = namespaces.last_id.or(last_namespace);
            last_cluster = clusters.last_id.or(last_cluster);
            let namespaces = namespaces.readable.into_iter().filter_map(definition).collect();
            let are_contested = self.names().add(namespaces, clusters.map(cluster).readable);
            if is_last {
                return if are_contested { self.rebuild_names().await } else { Ok(()) };
            }
        }
    }

    /// Forgets the names that were deleted since a time. They may hide the public namespace of the
    /// same name, or lead clients of other apps to a namespace that is not public any more.
    async fn forget_names(&self, since: DateTime<Utc>) -> Result<()> {
        let db = self.0.store.read();
        let deleted = stored::definitions_deleted_since(db, since - OVERLAP, DELETED).await?;
        let are_all = (deleted.len() as u64) < DELETED;
        self.names().forget(deleted.into_iter().map(|id| id.0).collect());
        if are_all { Ok(()) } else { self.rebuild_names().await }
    }

    /// Forgets deleted names before clients are woken that ask for what these names led to: a client
    /// is not woken twice.
    pub(super) async fn forget_deleted_names(&self) -> Result<()> {
        if let Err(error) = soon(self.forget_names(self.last_read())).await {
            self.check_database().await?;
            tracing::warn!(%error, "cannot look for deleted names; clients may receive what these led to for up to a minute");
        }
        Ok(())
    }

    /// The time up to which names and access keys were read; earlier if the clock went back since.
    fn last_read(&self) -> DateTime<Utc> {
        castalia_store::now().min(*self.0.names_read.lock())
    }

    async fn add_definitions(&self, since: DateTime<Utc>) -> Result<()> {
        self.beside_keys(since, false, self.read_changed_names(since)).await
    }

    /// Runs a read of names, and reads changed keys at the same interval as otherwise until it ends:
    /// keys do not depend on names, whose table may be locked. Each goes on while the other one
    /// waits. If `all_keys` is set, all of them are read until that succeeds.
    async fn beside_keys(
        &self,
        since: DateTime<Utc>,
        mut all_keys: bool,
        names: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let ended = CancellationToken::new();
        let names = async {
            let done = names.await;
            ended.cancel();
            done
        };
        let keys = async {
            loop {
                let done = if all_keys {
                    self.read_all_keys().await
                } else {
                    self.read_changed_keys(since).await
                };
                all_keys &= done.is_err();
                if timeout(SCAN_PAUSE, ended.cancelled()).await.is_ok() {
                    return done;
                }
            }
        };
        let (names, keys) = join(names, keys).await;
        names.and(keys)
    }

    async fn read_changed_names(&self, since: DateTime<Utc>) -> Result<()> {
        self.forget_names(since).await?;
        self.add_names().await?;
        self.add_earlier_names(since - OVERLAP).await
    }

    async fn rebuild_names(&self) -> Result<()> {
        let (mut namespaces, mut clusters) = (Vec::new(), Vec::new());
        let mut last = 0;
        while let Rows { readable, last_id: Some(id), .. } = self.namespaces_after(last).await? {
            namespaces.extend(readable);
            last = id.0;
        }
        last = 0;
        while let Rows { readable, last_id: Some(id), .. } = self.clusters_after(last).await? {
            clusters.extend(readable);
            last = id.0;
        }
        let contests = self.replace_names(namespaces, clusters).await?.into_iter().collect();
        let mut known = self.0.contests.lock();
        report(&contests, &known);
        *known = contests;
        Ok(())
    }

    /// A definition that cannot be decoded stays as it was read before.
    async fn replace_names(
        &self,
        rows: Vec<stored::Definition>,
        clusters: Vec<Cluster>,
    ) -> Result<Vec<Contest>> {
        let (damaged, intact): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| definition(row.clone()).is_none());
        let mut namespaces: Vec<_> = intact.into_iter().filter_map(definition).collect();
        let mut known = self.names().by_ids(&damaged.iter().map(|row| row.0.0).collect());
        let (unreadable, mut unknown) = (damaged.len(), Vec::new());
        let mut undeclared = HashMap::new();
        for (Id(id), app_id, name, is_public) in damaged {
            if let Some(known) = known.remove(&id) {
                namespaces.push(known);
                continue;
            }
            let names = match (&app_id, name) {
                (_, Some(name)) => Some(vec![name]),
                (Some(app_id), None) => match undeclared.get(app_id) {
                    Some(names) => Option::clone(names),
                    None => {
                        let names = self.undeclared(app_id, &namespaces).await?;
                        undeclared.insert(app_id.clone(), names.clone());
                        names
                    }
                },
                (None, None) => None,
            };
            unknown.push(UndecodableNamespace { app_id, names, is_public });
        }
        self.0.condition.names_read(unreadable);
        Ok(self.names().replace(namespaces, clusters, unknown))
    }

    /// The names of the app's namespaces that no other definition declares; `None` if one of them
    /// cannot be decoded either.
    async fn undeclared(
        &self,
        app_id: &str,
        declared: &[AppNamespace],
    ) -> Result<Option<Vec<String>>> {
        let names = stored::namespace_names(self.0.store.read(), app_id).await?;
        let is_undeclared = |name: &String| {
            !declared.iter().any(|one| one.app_id == app_id && one.name.eq_ignore_ascii_case(name))
        };
        Ok(names.map(|names| names.into_iter().filter(is_undeclared).collect()))
    }

    async fn namespaces_after(&self, id: i64) -> Result<Rows<stored::Definition>> {
        Ok(stored::definitions_after(self.0.store.read(), id, BATCH).await?)
    }

    /// Clusters are needed only if their names are folded.
    async fn clusters_after(&self, id: i64) -> Result<Rows<Cluster>> {
        if !self.names().folds() {
            return Ok(Rows::default());
        }
        let rows = stored::clusters_after(self.0.store.read(), id, BATCH).await?;
        Ok(rows.map(cluster))
    }
}

/// Limits a read that releases wait for.
pub(super) async fn soon(read: impl Future<Output = Result<()>>) -> Result<()> {
    timeout(RELEASES_WAIT, read).await.unwrap_or_else(|_| Err(away()))
}

fn cluster((id, app_id, name): (Id, String, String)) -> Cluster {
    Cluster { id: id.0, app_id, name }
}

fn definition((id, app_id, name, is_public): stored::Definition) -> Option<AppNamespace> {
    Some(AppNamespace { id: id.0, app_id: app_id?, name: name?, is_public: is_public? })
}

/// Logs each public name that a second app declares, once, and reports their number.
fn report(contests: &BTreeSet<Contest>, known: &BTreeSet<Contest>) {
    for Contest { owner, loser, name } in contests.difference(known) {
        tracing::error!(
            namespace = &**name,
            owner = &**owner,
            second = &**loser,
            "two apps define a public namespace with this name (ignoring case); clients receive the one that was \
             defined first; delete or rename the second definition"
        );
    }
    let count = u32::try_from(contests.len()).unwrap_or(u32::MAX);
    metrics::gauge!("castalia_contested_public_namespaces").set(count);
}
