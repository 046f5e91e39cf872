//! Compares memory with the database in the background, and finds release messages that were never
//! seen, releases that no message announced, and contents that were changed by hand or are wrong in
//! memory. Differences are read again and logged, and their waiters are woken. Serialised answers
//! are compared with their releases.
//!
//! A difference is real only if no message explains it: a recent commit still arrives by the scan.
//! Each suspicion is therefore confirmed with a scan before and after a second read.
//!
//! A namespace that cannot be read is deferred, and the others are compared.

mod reload;

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_store::feed::{Fingerprint, fingerprints};

pub(super) use self::reload::ReloadRequest;
use self::reload::RequestedReload;
use super::ReleaseFeed;
use super::cache::{NamespaceKey, NamespaceRef, PATIENCE, Published};
use super::condition::FeedTask;
use super::deliver::NO_MESSAGE;
use super::scan::{STEP, in_time};
use crate::error::Result;
use crate::server_config::keys;

/// Namespaces whose ids are compared in one statement.
const CHUNK: usize = 64;
/// Pause before a failed reconciliation is repeated.
const RETRY: Duration = Duration::from_secs(1);

/// A namespace in memory.
type CachedNamespace = (NamespaceKey, Arc<Published>);

/// Kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drift {
    /// The newest release message of a namespace.
    Position,
    /// Releases or gray rules.
    Release,
    /// The content of a release or gray rule with an unchanged id.
    Content,
}

impl Drift {
    fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Release => "release",
            Self::Content => "content",
        }
    }
}

/// State that one round passes to the next.
#[derive(Debug, Default)]
struct RoundState {
    /// Namespace after which the comparison of contents continues.
    turn: Option<NamespaceKey>,
    /// Key of the former release after which the comparison of these continues.
    former: Option<String>,
    /// Namespaces that the last round corrected: clients that were between two polls at that time
    /// are woken in this round.
    corrected: Vec<NamespaceKey>,
}

impl ReleaseFeed {
    /// Reconciles at intervals, and reads everything again when the ids went back.
    pub(super) async fn reconcile_in_turn(self) {
        let mut rounds = RoundState::default();
        let mut is_failing = false;
        loop {
            let interval = self.0.config.get(&keys::RECONCILIATION_INTERVAL);
            // A failure is reported until a round succeeds, so the next one is soon.
            let pause = if is_failing { interval.min(RETRY) } else { interval };
            self.0.condition.begins(FeedTask::Reconciliation, pause);
            let _ = tokio::time::timeout(pause, self.0.rewound.notified()).await;
            let mut requested = self.requested_reload();
            let done = self.run_round(&mut rounds, requested.as_mut()).await;
            is_failing = done.is_err();
            let is_news = self.0.condition.ended(FeedTask::Reconciliation, is_failing);
            match done {
                Ok(()) if is_news => {
                    tracing::info!("comparing releases in memory with the database works again")
                }
                Ok(()) => {}
                Err(error) => {
                    if is_news {
                        tracing::warn!(%error, "cannot compare releases in memory with the database");
                    }
                    if requested.is_some() {
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
        }
    }

    async fn run_round(
        &self,
        rounds: &mut RoundState,
        requested: Option<&mut RequestedReload>,
    ) -> Result<()> {
        let Some(reload) = requested else { return self.reconcile(rounds).await };
        // It may always panic, and each restart begins with it.
        let compared = if reload.take_panicked() { self.reconcile(rounds).await } else { Ok(()) };
        reload.run().await.and(compared)
    }

    /// Compares once. A step that fails does not prevent the next ones, whose namespaces may be
    /// readable.
    async fn reconcile(&self, rounds: &mut RoundState) -> Result<()> {
        for key in std::mem::take(&mut rounds.corrected) {
            self.wake_by_position(&key).await;
        }
        let recovered = self.0.deferred.take_recovered();
        for key in recovered.iter().filter_map(|key| self.stored_key(key)) {
            self.wake_by_position(&key).await;
        }
        self.check_tables().await?;
        let positions = self.correct_positions(&mut rounds.corrected).await;
        let misplaced = in_time(self.cache().find_misplaced()).await;
        let cached = self.cache().cached();
        let ids = self.correct_ids(&cached, rounds).await;
        let contents = self.correct_contents(cached, rounds).await;
        let former = self.correct_former(rounds).await;
        let done = positions.and(misplaced).and(ids).and(contents).and(former);
        // A round that failed is repeated soon, and serialising all answers is work.
        if done.is_ok() {
            self.answers().check_again();
        }
        done
    }

    async fn correct_contents(
        &self,
        cached: Vec<CachedNamespace>,
        rounds: &mut RoundState,
    ) -> Result<()> {
        for suspect in self.in_turn(cached, rounds.turn.as_ref()) {
            let corrected = self.correct_release(&suspect, Drift::Content, rounds).await;
            rounds.turn = Some(suspect);
            corrected?;
        }
        Ok(())
    }

    /// Compares the ids of all namespaces. The deferred ones are left out: they are read again in any
    /// case.
    async fn correct_ids(&self, cached: &[CachedNamespace], rounds: &mut RoundState) -> Result<()> {
        let is_compared = |(key, _): &&CachedNamespace| !self.0.deferred.holds(&key.watch_key());
        let cached: Vec<&CachedNamespace> = cached.iter().filter(is_compared).collect();
        let mut compared = Ok(());
        for chunk in cached.chunks(CHUNK) {
            let began = Instant::now();
            let suspects = match self.differing(chunk).await {
                // One of them may be unreadable. A lock would delay the read of each as long.
                Err(error) if began.elapsed() < PATIENCE => {
                    compared = Err(error);
                    self.differing_singly(chunk).await?
                }
                found => found?,
            };
            for suspect in suspects {
                self.correct_release(suspect, Drift::Release, rounds).await?;
            }
        }
        compared
    }

    /// Reads a namespace; returns `None` if it cannot be read, which is then deferred. Fails if the
    /// database cannot be read at all, or not in time: each of many namespaces would take as long.
    async fn readable<T>(
        &self,
        key: &NamespaceKey,
        read: impl Future<Output = Result<T>>,
    ) -> Result<Option<T>> {
        let began = Instant::now();
        match in_time(read).await {
            Ok(read) => Ok(Some(read)),
            Err(error) => {
                self.defer_namespace(key, &error).await?;
                if began.elapsed() < STEP { Ok(None) } else { Err(error) }
            }
        }
    }

    /// Compares the newest message of each watch key. The scans before and after exclude ids that
    /// were committed meanwhile. A position above every id that was scanned after it was read is
    /// wrong.
    async fn correct_positions(&self, corrected: &mut Vec<NamespaceKey>) -> Result<()> {
        let newest = self.scan_all().await?;
        let census = self.census().await?;
        let mut scanned = self.scan_all().await?;
        for (watch_key, id) in &census.positions {
            let (watch_key, id) = (watch_key.as_str(), *id);
            let known = self.positions().of(watch_key);
            if known == Some(id) || self.0.deferred.holds(watch_key) {
                continue;
            }
            let known = known.unwrap_or_default();
            if known > scanned {
                scanned = self.scan_all().await?;
            }
            if id.max(known) > newest && known <= scanned {
                continue;
            }
            let Some(key) = self.stored_key(watch_key) else { continue };
            let reloaded = self.readable(&key, self.cache().reload(NamespaceRef::of(&key), id));
            if reloaded.await?.is_none() {
                continue;
            }
            self.positions().set(watch_key, id);
            self.wake_by_position(&key).await;
            report(&key, Drift::Position);
            corrected.push(key);
        }
        Ok(())
    }

    /// Those of the namespaces whose ids differ, found in one statement.
    async fn differing<'a>(&self, cached: &[&'a CachedNamespace]) -> Result<Vec<&'a NamespaceKey>> {
        let places: Vec<_> = cached.iter().map(|(key, _)| NamespaceRef::of(key).names()).collect();
        let stored = fingerprints(self.0.store.read(), &places);
        let stored = in_time(async { Ok(stored.await?) }).await?;
        let pairs = cached.iter().copied().zip(stored);
        let others = pairs.filter(|((_, published), stored)| published.fingerprint != *stored);
        Ok(others.map(|((key, _), _)| key).collect())
    }

    /// The same in one statement each. Namespaces that cannot be read are deferred.
    async fn differing_singly<'a>(
        &self,
        cached: &[&'a CachedNamespace],
    ) -> Result<Vec<&'a NamespaceKey>> {
        let mut suspects = Vec::new();
        for one in cached {
            let found = self.readable(&one.0, self.differing(slice::from_ref(one))).await?;
            suspects.extend(found.into_iter().flatten());
        }
        Ok(suspects)
    }

    /// The namespaces whose contents are compared in this round.
    fn in_turn(
        &self,
        cached: Vec<CachedNamespace>,
        turn: Option<&NamespaceKey>,
    ) -> Vec<NamespaceKey> {
        // Memory may have lost a release whose row it knows.
        let has_rows = |(_, published): &(_, Arc<Published>)| {
            !published.is_empty() || published.fingerprint != Fingerprint::default()
        };
        let names =
            |key: &NamespaceKey| (key.app_id.clone(), key.cluster.clone(), key.namespace.clone());
        let all = cached.into_iter().filter(has_rows).map(|(key, _)| (names(&key), key));
        self.next(all.collect(), turn.map(names).as_ref())
    }

    /// As many as are compared in a round: those behind the last one, then those at the beginning.
    fn next<K: Ord, V>(&self, all: BTreeMap<K, V>, last: Option<&K>) -> Vec<V> {
        let wanted = self.0.config.get(&keys::RECONCILIATION_CONTENTS);
        let wanted = usize::try_from(wanted).unwrap_or_default().min(all.len());
        let (before, behind): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(key, _)| last.is_some_and(|last| key <= last));
        behind.into_iter().chain(before).map(|(_, value)| value).take(wanted).collect()
    }

    /// Reloads a namespace if it differs and no message explains the difference.
    async fn correct_release(
        &self,
        key: &NamespaceKey,
        drift: Drift,
        rounds: &mut RoundState,
    ) -> Result<()> {
        let place = NamespaceRef::of(key);
        if self.0.deferred.holds(&key.watch_key()) || !self.differs(key).await? {
            return Ok(());
        }
        self.scan_all().await?;
        let Some(known) = self.cache().peek(place) else { return Ok(()) };
        if !self.differs(key).await? {
            return Ok(());
        }
        self.scan_all().await?;
        let is_untouched = self.cache().peek(place).is_some_and(|now| Arc::ptr_eq(&now, &known));
        let refreshed = self.readable(key, self.cache().refresh(place));
        if is_untouched && refreshed.await? == Some(true) {
            // Some may have been serialised from what was wrong in memory.
            self.answers().check_again();
            self.wake_by_position(key).await;
            report(key, drift);
            rounds.corrected.push(key.clone());
        }
        Ok(())
    }

    /// Compares former releases, the bases of incremental answers, in turn.
    async fn correct_former(&self, rounds: &mut RoundState) -> Result<()> {
        let all = self.cache().former_keys().into_iter().map(|key| (key.clone(), key)).collect();
        for key in self.next(all, rounds.former.as_ref()) {
            let corrected = in_time(self.cache().correct_former(&key)).await;
            rounds.former = Some(key.clone());
            // One that cannot be read says nothing about the others; the next round continues.
            let Ok(is_corrected) = corrected else { return self.check_database().await };
            if is_corrected {
                report_former(&key);
            }
        }
        Ok(())
    }

    /// Whether memory has another content than the database.
    async fn differs(&self, key: &NamespaceKey) -> Result<bool> {
        let place = NamespaceRef::of(key);
        let Some(known) = self.cache().peek(place) else { return Ok(false) };
        let stored = self.readable(key, self.cache().read(place)).await?;
        Ok(stored.is_some_and(|stored| !known.is_same(&stored)))
    }

    /// Wakes clients with the newest id in the database; -1 makes them start as on their first
    /// request.
    async fn wake_by_position(&self, key: &NamespaceKey) {
        let watch_key = key.watch_key();
        let id = self.positions().of(&watch_key).unwrap_or(NO_MESSAGE);
        self.wake(key, &watch_key, id).await;
    }
}

fn report(key: &NamespaceKey, drift: Drift) {
    metrics::counter!("castalia_reconciled_total", "what" => drift.name()).increment(1);
    tracing::warn!(
        app_id = key.app_id,
        cluster = key.cluster,
        namespace = key.namespace,
        what = drift.name(),
        "memory differed from the database without a release message; reloaded it and notified its clients"
    );
}

fn report_former(key: &str) {
    metrics::counter!("castalia_reconciled_total", "what" => "former").increment(1);
    tracing::warn!(
        release_key = key,
        "a former release in memory differed from the database; incremental answers are not based on it any more"
    );
}

#[cfg(test)]
mod tests;
