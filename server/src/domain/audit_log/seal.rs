//! Seals the audit log of a database in the background: each seal lists the digests of the rows
//! since the seal before, and includes its digest. No request waits for it. Nodes may seal at the
//! same time: the first to insert the next number wins, and the others continue after it.

use std::collections::VecDeque;
use std::time::Duration;

use castalia_store::audit::AuditSeal;
use castalia_store::audit::seal::{self, Position};
use castalia_store::{Dialect, Id, StoreError, now};
use tokio::time::Instant;

use super::{Log, digest};
use crate::background::Background;
use crate::error::Result;

/// Interval of the searches for new rows.
const PAUSE: Duration = Duration::from_secs(5);
/// Maximum number of rows of each table in one seal: operations, fields, and rows of `Audit`.
const ROWS: [u64; 3] = [200, 400, 400];
/// On a database server, transactions do not commit in the order of their ids. One that took its
/// ids has ended after this time, because no transaction may take as long, whichever service
/// writes.
const SETTLED: Duration = Duration::from_secs(90);

/// Starts the task.
pub fn run(log: Log, background: &Background) {
    background.spawn("seals of the audit log", move || watch(log.clone()));
}

async fn watch(log: Log) {
    let mut sealer = Sealer::new(log, None);
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
    log: Log,
    settled: Duration,
    /// The newest rows at the times when they were new.
    seen: VecDeque<(Instant, Position)>,
    /// The rows up to which everything was sealed at the last step.
    sealed: Option<Position>,
}

impl Sealer {
    /// `settled` replaces the time after which all rows with lower ids are visible.
    #[must_use]
    pub fn new(log: Log, settled: Option<Duration>) -> Self {
        let default = match log.store.dialect() {
            // Only one transaction at a time writes.
            Dialect::Sqlite => Duration::ZERO,
            Dialect::MySql | Dialect::Postgres => SETTLED,
        };
        Self { log, settled: settled.unwrap_or(default), seen: VecDeque::new(), sealed: None }
    }

    /// Seals all rows that are settled.
    ///
    /// # Errors
    /// Fails if the database cannot be read or written.
    pub async fn step(&mut self) -> Result<()> {
        let ids = seal::newest_ids(self.log.store.read(), self.log.part).await?;
        let now = Instant::now();
        // After a restore or a failover, ids that were seen are generated again: what has them is
        // new, and not as old as what was seen.
        if self.seen.back().is_some_and(|(_, newest)| went_back(*newest, ids)) {
            self.seen.clear();
            self.sealed = None;
        }
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

    /// Seals the next rows up to these; returns whether there were any.
    async fn seal(&self, settled: Position) -> Result<bool> {
        let Log { store, part } = &self.log;
        let (db, part) = (store.read(), *part);
        let (number, last, digest) = match seal::newest(db, part).await? {
            Some(seal) => (seal.number, seal.position(), seal.digest),
            None => (Id(0), Position::default(), String::new()),
        };
        let rows = seal::rows(db, part, (last, settled), ROWS).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        let last = rows.last_or(last);
        let mut next = AuditSeal {
            number: Id(number.0 + 1),
            last_log_id: last.log,
            last_influence_id: last.influence,
            last_audit_id: last.audit,
            records: digest::write(&digest::of_rows(&rows)),
            digest: String::new(),
            sealed_time: now().into(),
        };
        next.digest = digest::of_seal(part, &digest, &next);
        let inserted: Result<(), StoreError> = store
            .write((part, next), |tx, (part, next)| Box::pin(seal::insert(tx, *part, next.clone())))
            .await;
        match inserted {
            Err(error) if error.is_duplicate() => Ok(true),
            inserted => Ok(inserted.map(|()| true)?),
        }
    }
}

fn went_back(before: Position, now: Position) -> bool {
    now.log < before.log || now.influence < before.influence || now.audit < before.audit
}
