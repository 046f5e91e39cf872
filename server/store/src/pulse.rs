//! Checks whether the database answers at all, over a separate connection.

mod watch;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, RuntimeErr, Statement,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{StoreError, is_refused_sign_in};
use crate::opening::{CONNECT_LIMIT, Opener};
use crate::retirement::{ESTABLISHED, Retirement};
use crate::sign_in::SignIn;
use crate::taken::Taken;

pub(crate) use watch::LONGEST;

/// Maximum time for the answer to a ping, including the connect. If its connection is still being
/// opened then, as by a server that is slow to greet, another one may answer.
const PING_LIMIT: Duration = Duration::from_secs(2);
/// Time after which a ping of a database behind a network is also sent over a new connection: the
/// present one may be lost in a way that neither side learns of.
const SECOND_TRY: Duration = Duration::from_secs(1);
/// How much longer than `PING_LIMIT` those that were open before may take to answer, if a new one
/// was quicker or is still being opened.
const TEST_LIMIT: Duration = Duration::from_millis(500);
/// Pause between queries over pooled connections, which take turns.
const TEST_PAUSE: Duration = Duration::from_millis(20);
const NO_ANSWER: &str = "the database did not answer a ping within 2 s";
const ONLY_NEW: &str = "only a new connection to the database answered a ping within 2 s";

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Pulse {
    db: Arc<parking_lot::Mutex<DatabaseConnection>>,
    /// How another connection is opened. Set for a database behind a network, whose long work is
    /// cancelled when pings fail.
    remote: Option<Arc<ConnectOptions>>,
    /// The pool for requests.
    pooled: DatabaseConnection,
    retirement: Retirement,
    last: Arc<Mutex<Option<Ping>>>,
    /// Whether a ping was answered since the connections that were open were last given up. If not,
    /// the connection for pings is perhaps still being opened.
    is_established: Arc<AtomicBool>,
    /// When the connections that were open were last given up.
    lost: Arc<parking_lot::Mutex<Option<Instant>>>,
    opener: Opener,
    sign_in: SignIn,
    /// When the account last signed in for a check. Held while it signs in.
    signed_in: Arc<Mutex<Instant>>,
    sign_in_interval: Duration,
}

impl fmt::Debug for Pulse {
    /// The options contain the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulse").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Ping {
    begun: Instant,
    finished: Instant,
    outcome: Result<(), StoreError>,
}

impl Pulse {
    pub(super) fn new(
        db: DatabaseConnection,
        remote: Option<ConnectOptions>,
        pooled: DatabaseConnection,
        retirement: &Retirement,
        sign_in: &SignIn,
        sign_in_interval: Duration,
    ) -> Self {
        let opener = Opener::new(sign_in.clone());
        let db = Arc::new(parking_lot::Mutex::new(db));
        let remote = remote.map(Arc::new);
        Self {
            db,
            remote,
            pooled,
            retirement: retirement.clone(),
            last: Arc::default(),
            is_established: Arc::default(),
            lost: Arc::default(),
            opener,
            sign_in: sign_in.clone(),
            signed_in: Arc::new(Mutex::new(Instant::now())),
            sign_in_interval,
        }
    }

    /// How another connection to a database behind a network is opened.
    pub(super) fn remote(&self) -> Option<ConnectOptions> {
        self.remote.as_deref().cloned()
    }

    /// Checks that the database answers within two seconds, and within half a second more also over
    /// a connection that was open before. Callers that arrive during a ping share its outcome.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.last_ping().await.outcome
    }

    /// A ping that ended after this call.
    async fn last_ping(&self) -> Ping {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        // The ping of another caller, which ended while this one waited for the lock.
        if let Some(ping) = &*last
            && ping.finished >= asked
        {
            return ping.clone();
        }
        // Boxed, because all work that is watched contains this future, and opening a connection is
        // a large one.
        let begun = Instant::now();
        let outcome = Box::pin(self.ask()).await;
        let ping = Ping { begun, finished: Instant::now(), outcome };
        last.insert(ping).clone()
    }

    async fn ask(&self) -> Result<(), StoreError> {
        let outcome = self.outcome().await;
        if outcome.is_ok() {
            self.sign_in_if_due();
        }
        outcome.map_err(StoreError::from)
    }

    async fn outcome(&self) -> Result<(), DbErr> {
        let asked = Instant::now();
        let db = self.db.lock().clone();
        let taken = Taken::default();
        let mut first = pin!(self.select(&db, &taken));
        let answer = timeout(PING_LIMIT, self.answer(&mut first)).await;
        match answer {
            Ok(Ok(is_new)) => match self.is_established.swap(true, Ordering::AcqRel) && is_new {
                true => self.test_open(first, || ESTABLISHED, ONLY_NEW, asked).await,
                false => Ok(()),
            },
            Ok(Err(error)) => Err(error),
            Err(_) => {
                // For the next ping.
                self.opener.open(&db);
                let is_opening =
                    self.remote.is_some() && taken.age().is_none_or(|age| age <= asked.elapsed());
                match (is_opening, self.is_established.load(Ordering::Acquire)) {
                    (true, true) => {
                        self.test_open(first, || asked.elapsed(), NO_ANSWER, asked).await
                    }
                    // Says nothing about those that were opened since the others were given up.
                    (true, false) => Err(silence(NO_ANSWER)),
                    (false, _) => {
                        self.give_up();
                        Err(silence(NO_ANSWER))
                    }
                }
            }
        }
    }

    /// Opens another connection in the background, once in each interval, because sessions that are
    /// open outlive a change of the password. After a refusal, pings report it. The connection for
    /// pings is not replaced: a new one does not show whether those that were open before still
    /// answer.
    fn sign_in_if_due(&self) {
        let Some(remote) = self.remote() else { return };
        let Ok(mut signed_in) = Arc::clone(&self.signed_in).try_lock_owned() else { return };
        if signed_in.elapsed() < self.sign_in_interval {
            return;
        }
        let sign_in = self.sign_in.clone();
        tokio::spawn(async move {
            // Otherwise tried again after the next ping.
            if let Ok(Ok(())) = timeout(CONNECT_LIMIT, sign_in.run(connect_once(remote))).await {
                *signed_in = Instant::now();
            }
        });
    }

    /// Waits for a ping, and after a while for one over a new connection as well. Returns whether
    /// that one was answered first.
    async fn answer(
        &self,
        mut first: impl Future<Output = Result<(), DbErr>> + Unpin,
    ) -> Result<bool, DbErr> {
        let Some(remote) = &self.remote else { return first.await.map(|()| false) };
        match timeout(SECOND_TRY, &mut first).await {
            Ok(answer) => answer.map(|()| false),
            Err(_) => self.try_both(first, remote).await,
        }
    }

    /// Repeats the query if the connection turns out to be lost: the server may have closed it long
    /// ago.
    async fn select(&self, db: &DatabaseConnection, taken: &Taken) -> Result<(), DbErr> {
        let query = || {
            let query = async { db.query_one_raw(select_one(db)).await.map(drop) };
            taken.note(self.sign_in.run(query))
        };
        match query().await {
            Err(error) if self.retirement.is_lost(&error) => query().await.inspect_err(|error| {
                self.retirement.is_lost(error);
            }),
            answer => answer,
        }
    }

    /// Continues to wait for a ping, and sends another one over a new connection. If that one is
    /// answered, its connection replaces the present one. Returns whether it was answered first.
    async fn try_both(
        &self,
        first: impl Future<Output = Result<(), DbErr>> + Unpin,
        remote: &ConnectOptions,
    ) -> Result<bool, DbErr> {
        // Opened with the first query.
        let other = Database::connect(remote.clone()).await?;
        let taken = Taken::default();
        let second = async {
            match self.select(&other, &taken).await {
                Ok(()) => *self.db.lock() = other.clone(),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = first => answer.map(|()| false),
            () = second => Ok(true),
        }
    }

    /// After a new connection answered first, or none while the one for pings was being opened,
    /// tests those that were open before: what lost the connection for pings may have lost all
    /// others, as a firewall does that forgets them. They are given up unless one answers, or did
    /// since the ping: if the pool is full, this query waits, but statements of others end.
    /// Statements that all take longer than the ping count as lost, because nothing distinguishes
    /// them.
    ///
    /// A pooled connection was open before if it has the minimum age. A sign-in that is refused
    /// meanwhile is the outcome.
    async fn test_open(
        &self,
        first: impl Future<Output = Result<(), DbErr>>,
        minimum_age: impl Fn() -> Duration,
        problem: &'static str,
        asked: Instant,
    ) -> Result<(), DbErr> {
        let first = async {
            match first.await {
                Err(error) if !is_refused_sign_in(&error) => std::future::pending().await,
                answer => answer,
            }
        };
        let mut answer = pin!(async {
            tokio::select! {
                // On a busy machine both pings may be answered at nearly the same moment.
                answer = first => answer,
                () = self.pooled_answer(minimum_age) => Ok(()),
            }
        });
        if let Ok(answer) = timeout(TEST_LIMIT, &mut answer).await {
            return answer;
        }
        if self.retirement.answered_since(asked.into_std()) {
            return Ok(());
        }
        // Before the query is dropped, because its connection must not return to the pool.
        self.give_up();
        Err(silence(problem))
    }

    /// Returns when a connection of the pool has answered that has the minimum age.
    async fn pooled_answer(&self, minimum_age: impl Fn() -> Duration) {
        loop {
            let taken = Taken::default();
            let query = self.pooled.query_one_raw(select_one(&self.pooled));
            let is_answered = taken.note(self.sign_in.run(query)).await.is_ok();
            if is_answered && taken.age().is_some_and(|age| age >= minimum_age()) {
                return;
            }
            sleep(TEST_PAUSE).await;
        }
    }

    /// Prevents the reuse of all open connections, and ends the work that waits for one.
    fn give_up(&self) {
        self.retirement.retire_all();
        self.is_established.store(false, Ordering::Release);
        *self.lost.lock() = Some(Instant::now());
    }

    /// Opens the connection for pings if it is not open.
    pub(super) async fn connect(&self) {
        let db = self.db.lock().clone();
        if let Ok(Err(error)) = timeout(CONNECT_LIMIT, db.ping()).await {
            tracing::debug!(%error, "cannot open the connection for pings");
        }
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        let db = self.db.lock().clone();
        db.close().await
    }
}

async fn connect_once(remote: ConnectOptions) -> Result<(), DbErr> {
    let db = Database::connect(remote).await?;
    // Opens the connection.
    db.ping().await?;
    db.close().await
}

fn select_one(db: &DatabaseConnection) -> Statement {
    Statement::from_string(db.get_database_backend(), "SELECT 1")
}

pub(super) fn silence(problem: &'static str) -> DbErr {
    let error = sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, problem));
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
