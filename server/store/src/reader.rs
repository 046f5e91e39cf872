//! The handle for reads: rejects writes, repeats a query if a pooled connection turns out to be
//! dead, and uses only a part of the pool. Knows no table.

use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::entity::prelude::async_trait;
use sea_orm::sqlx;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, Value,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument;

use crate::error::StoreError;
use crate::file::SqliteFile;
use crate::long_work::LongWork;
use crate::pulse::Pulse;
use crate::refusal::Refusals;
use crate::taken::Taken;
use crate::time::is_storable;
use crate::turns::{Turns, semaphore};

/// Runs queries on any connection of the pool, each in a separate transaction.
#[derive(Clone, Debug)]
pub struct Reader {
    turns: Turns,
    /// One permit for each concurrent query; the rest of the pool is for transactions.
    permits: Arc<Semaphore>,
    /// Queries with the same text are of one kind.
    long: LongWork<u64>,
    pulse: Pulse,
    refusals: Refusals,
    file: Option<SqliteFile>,
}

/// What a query has while it runs.
struct Turn {
    _turn: OwnedSemaphorePermit,
    _query: OwnedSemaphorePermit,
    /// The permit that it needed because its kind takes long.
    long: Option<OwnedSemaphorePermit>,
}

impl Reader {
    /// `at_once` is the maximum number of concurrent queries; further ones wait, for a limited
    /// time.
    pub(super) fn new(
        turns: Turns,
        at_once: u32,
        long: LongWork<u64>,
        pulse: Pulse,
        refusals: Refusals,
        file: Option<SqliteFile>,
    ) -> Self {
        Self { turns, permits: semaphore(at_once), long, pulse, refusals, file }
    }

    fn db(&self) -> &DatabaseConnection {
        self.turns.db()
    }

    /// If a connection were opened on another file with the same name, closing it would remove the
    /// write-ahead log of the database.
    fn check_file(&self) -> Result<(), DbErr> {
        let Some(file) = &self.file else { return Ok(()) };
        file.check().map_err(|error| {
            let error = sqlx::Error::Io(io::Error::other(error.to_string()));
            DbErr::Conn(RuntimeErr::SqlxError(error.into()))
        })
    }

    /// Waits for the turn of a query. `kind` is absent if it has to be made however long others of
    /// its kind take.
    async fn turn(&self, kind: Option<u64>) -> Result<Turn, DbErr> {
        self.check_file()?;
        let permits = async {
            let long = match kind {
                Some(kind) => self.long.enter(kind).await?,
                None => None,
            };
            Ok((long, Arc::clone(&self.permits).acquire_owned().await?))
        };
        let ((long, query), turn) = self.turns.take_after(permits).await?;
        Ok(Turn { _turn: turn, _query: query, long })
    }

    async fn one(&self, statement: &Statement) -> Result<Option<QueryResult>, DbErr> {
        self.turns.repeat(|| self.db().query_one_raw(statement.clone())).await
    }

    async fn all(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.turns.repeat(|| self.db().query_all_raw(statement.clone())).await
    }

    /// Runs the query, unless the database takes too long, and notes whether it was refused.
    async fn watched<T: Send + 'static>(
        &self,
        statement: Statement,
        query: for<'q> fn(&'q Self, &'q Statement) -> BoxFuture<'q, Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        check(&statement)?;
        let kind = kind_of(&statement.sql);
        let turn = self.turn(Some(kind)).await?;
        let has_permit = turn.long.is_some();
        let reader = self.clone();
        let run = async move {
            let work = reader.long.run(kind, has_permit, query(&reader, &statement));
            let taken = Taken::default();
            let outcome = reader.pulse.watch(Pulse::deadline(), &taken, work).await.flatten();
            if let Err(error) = &outcome {
                reader.refusals.note(&statement, &StoreError::from(error.clone()));
            }
            outcome
        };
        to_end(turn, run).await
    }

    /// Runs a statement that accesses no row to its end, and notes nothing; calls `is_slow` after
    /// `longest`. Returns `None` if all permits are in use.
    pub(super) async fn check(
        &self,
        statement: Statement,
        longest: Duration,
        is_slow: impl FnOnce(),
    ) -> Option<Result<(), StoreError>> {
        let turn = self.turn(None).await.ok()?;
        let (reader, taken) = (self.clone(), Taken::default());
        let noted = taken.clone();
        let run = to_end(turn, async move {
            let work = reader.turns.run(reader.db().execute_raw(statement));
            reader.pulse.watch(Pulse::deadline(), &noted, work).await.flatten()
        });
        let mut run = pin!(run);
        let outcome = match timeout(longest, &mut run).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // Without a connection, it does not wait for the table.
                if taken.age().is_some() {
                    is_slow();
                }
                // Checks that hang must not use up the connections.
                run.await
            }
        };
        Some(outcome.map(drop).map_err(StoreError::from))
    }

    /// Opens a connection if none is open.
    pub(super) async fn connect(&self) -> Result<(), DbErr> {
        self.db().ping().await
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.db().close_by_ref().await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.db().get_database_backend()
    }

    async fn execute_raw(&self, _statement: Statement) -> Result<ExecResult, DbErr> {
        Err(refusal())
    }

    async fn execute_unprepared(&self, _sql: &str) -> Result<ExecResult, DbErr> {
        Err(refusal())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.watched(statement, |reader, statement| Box::pin(reader.one(statement))).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.watched(statement, |reader, statement| Box::pin(reader.all(statement))).await
    }
}

/// Runs a query to its end, and keeps its turn until then, also if the caller does not wait for it
/// any more: the connection is in use until the database answers, and one that is lost must not
/// return to the pool unnoticed.
async fn to_end<T: Send + 'static>(
    turn: Turn,
    query: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbErr> {
    let run = async move {
        let _turn = turn;
        query.await
    };
    let ended = tokio::spawn(run.in_current_span()).await;
    ended.unwrap_or_else(|error| Err(DbErr::Custom(format!("a query ended early: {error}"))))
}

fn kind_of(sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    hasher.finish()
}

/// An insert that returns its id is a query for the driver, so the text is checked.
fn check(statement: &Statement) -> Result<(), DbErr> {
    if !statement.sql.starts_with("SELECT") {
        return Err(refusal());
    }
    match statement.values.iter().flat_map(|values| &values.0).all(is_sendable) {
        true => Ok(()),
        false => Err(DbErr::Type("a time outside of the years 1 to 9999".into())),
    }
}

fn is_sendable(value: &Value) -> bool {
    match value {
        Value::ChronoDateTime(Some(time)) => is_storable(time),
        Value::ChronoDateTimeUtc(Some(time)) => is_storable(time),
        _ => true,
    }
}

fn refusal() -> DbErr {
    DbErr::Custom("the handle for reads does not write; use Store::write".into())
}
