//! Seals the audit log in the background: each seal lists the digests of the rows since the seal
//! before, and includes its digest. No request waits for it. Nodes may seal at the same time: the
//! first to insert the next number wins, and the others continue after it.

use std::collections::VecDeque;
use std::time::Duration;

use castalia_store::audit::{AuditSeal, seal};
use castalia_store::{Dialect, Id, Store, StoreError, now};
use tokio::time::Instant;

use super::digest;
use crate::background::Background;
use crate::error::Result;

/// Interval of the searches for new rows.
const PAUSE: Duration = Duration::from_secs(5);
/// Maximum number of rows of each table in one seal.
const OPERATIONS: u64 = 200;
const INFLUENCES: u64 = 400;
/// On a database server, transactions do not commit in the order of their ids. One that took its ids
/// has ended after this time, because no transaction may take as long.
const SETTLED: Duration = Duration::from_secs(90);

/// Starts the task.
pub fn run(store: &Store, background: &Background) {
    let store = store.clone();
    background.spawn("seals of the audit log", move || watch(store.clone()));
}

async fn watch(store: Store) {
    let mut sealer = Sealer::new(store, None);
    loop {
        if let Err(error) = sealer.step().await {
            tracing::debug!(%error, "cannot seal the audit log; retrying");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Seals rows that have been visible for some time.
#[derive(Debug)]
pub struct Sealer {
    store: Store,
    settled: Duration,
    /// The newest ids at the times when they were new.
    seen: VecDeque<(Instant, (Id, Id))>,
    /// The ids up to which everything was sealed at the last step.
    sealed: Option<(Id, Id)>,
}

impl Sealer {
    /// `settled` replaces the time after which all rows with lower ids are visible.
    #[must_use]
    pub fn new(store: Store, settled: Option<Duration>) -> Self {
        let default = match store.dialect() {
            // Only one transaction at a time writes.
            Dialect::Sqlite => Duration::ZERO,
            Dialect::MySql | Dialect::Postgres => SETTLED,
        };
        Self { store, settled: settled.unwrap_or(default), seen: VecDeque::new(), sealed: None }
    }

    /// Seals all rows that are settled.
    ///
    /// # Errors
    /// Fails if the database cannot be read or written.
    pub async fn step(&mut self) -> Result<()> {
        let ids = seal::newest_ids(self.store.read()).await?;
        let now = Instant::now();
        if self.seen.back().is_none_or(|(_, newest)| *newest != ids) {
            self.seen.push_back((now, ids));
        }
        while self.seen.len() > 1 && now.duration_since(self.seen[1].0) >= self.settled {
            self.seen.pop_front();
        }
        let Some((since, settled)) = self.seen.front().copied() else { return Ok(()) };
        if now.duration_since(since) < self.settled || self.sealed == Some(settled) {
            return Ok(());
        }
        while self.seal(settled).await? {}
        self.sealed = Some(settled);
        Ok(())
    }

    /// Seals the next rows up to these ids; returns whether there were any.
    async fn seal(&self, (log, influence): (Id, Id)) -> Result<bool> {
        let db = self.store.read();
        let previous = seal::newest(db).await?;
        let (number, last_log, last_influence, digest) = match previous {
            Some(seal) => (seal.number, seal.last_log_id, seal.last_influence_id, seal.digest),
            None => (Id(0), Id(0), Id(0), String::new()),
        };
        let logs = seal::logs(db, (last_log, log), OPERATIONS).await?;
        let influences = seal::influences(db, (last_influence, influence), INFLUENCES).await?;
        if logs.is_empty() && influences.is_empty() {
            return Ok(false);
        }
        let mut next = AuditSeal {
            number: Id(number.0 + 1),
            last_log_id: logs.last().map_or(last_log, |row| row.id),
            last_influence_id: influences.last().map_or(last_influence, |row| row.id),
            records: digest::write(&digest::of_rows(&logs, &influences)),
            digest: String::new(),
            sealed_time: now().into(),
        };
        next.digest = digest::of_seal(&digest, &next);
        let inserted: Result<(), StoreError> =
            self.store.write(next, |tx, next| Box::pin(seal::insert(tx, next.clone()))).await;
        match inserted {
            Err(error) if error.is_duplicate() => Ok(true),
            inserted => Ok(inserted.map(|()| true)?),
        }
    }
}
