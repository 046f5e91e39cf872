//! Checks whether the database answers at all, over a separate connection, and cancels work that
//! waits for one that does not. A slow statement on a responsive database is a different case, with
//! the longer limit.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, Statement};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::{StoreError, is_dead_connection};
use crate::retirement::Retirement;

/// Maximum time for the answer to a ping, including the connect.
const PING_LIMIT: Duration = Duration::from_secs(2);
/// Duration of work after which a ping checks whether the database still answers. Together with the
/// ping, it remains within the three seconds within which a publish has to fail.
const SUSPICION: Duration = Duration::from_secs(1);
/// Maximum duration of a read or a whole transaction on a responsive database. The sessions of
/// MySQL and PostgreSQL have the same limit, so that the database does not continue to work for a
/// caller that received an error.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    db: DatabaseConnection,
    /// Whether long work is cancelled when pings fail; set for a database behind a network.
    is_remote: bool,
    retirement: Retirement,
    last: Arc<Mutex<Option<Ping>>>,
}

#[derive(Debug)]
struct Ping {
    finished: Instant,
    outcome: Result<(), StoreError>,
}

impl Pulse {
    pub(super) fn new(db: DatabaseConnection, is_remote: bool, retirement: Retirement) -> Self {
        Self { db, is_remote, retirement, last: Arc::default() }
    }

    /// Checks that the database answers within two seconds. Callers that arrive during a ping share
    /// its outcome.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        // The ping of another caller, which ended while this one waited for the lock.
        if let Some(ping) = &*last
            && ping.finished >= asked
        {
            return ping.outcome.clone();
        }
        let outcome = self.ask().await;
        *last = Some(Ping { finished: Instant::now(), outcome: outcome.clone() });
        outcome
    }

    async fn ask(&self) -> Result<(), StoreError> {
        let mut query = pin!(self.select());
        tokio::select! {
            answer = &mut query => Ok(answer?),
            () = sleep(PING_LIMIT) => {
                self.retirement.retire_all();
                Err(silence("the database did not answer a ping within 2 s").into())
            }
        }
    }

    /// Repeats the query if the connection turns out to be dead: the server may have closed it long
    /// ago.
    async fn select(&self) -> Result<(), DbErr> {
        let statement = Statement::from_string(self.db.get_database_backend(), "SELECT 1");
        match self.db.query_one_raw(statement.clone()).await {
            Err(error) if is_dead_connection(&error) => {
                self.db.query_one_raw(statement).await.map(|_| ())
            }
            answer => answer.map(|_| ()),
        }
    }

    /// Deadline for work that starts now.
    pub(super) fn deadline() -> Instant {
        Instant::now() + LONGEST
    }

    /// Runs the work until it is done, the deadline has passed, or the database no longer answers.
    /// In the latter two cases the connections are in an unknown state, and none of them is used
    /// again.
    pub(super) async fn watch<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, DbErr> {
        let mut work = pin!(work);
        let gave_up = tokio::select! {
            // Completed work is a success, even if the deadline passes at the same moment.
            biased;
            done = &mut work => return Ok(done),
            () = sleep_until(deadline) => "the database took longer than 30 s",
            () = self.silence(), if self.is_remote => "the database does not answer",
        };
        // Before the work is dropped, because its connection must not return to the pool.
        self.retirement.retire_all();
        Err(silence(gave_up))
    }

    /// Returns when the database no longer answers.
    async fn silence(&self) {
        loop {
            sleep(SUSPICION).await;
            if self.ping().await.is_err() {
                return;
            }
        }
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.db.close_by_ref().await
    }
}

fn silence(problem: &'static str) -> DbErr {
    let error = sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, problem));
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
