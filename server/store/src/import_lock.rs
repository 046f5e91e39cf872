//! The lock under which one process at a time imports into a portal. On a server it is held on a
//! connection of its own, so that the end of the process releases it. A server that ends this
//! session grants the lock to another process at once, so the holder asks before each step whether
//! it still has it. A file has one process. Knows no table.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    Statement, TransactionTrait,
};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::Store;
use crate::error::StoreError;
use crate::pulse::Pulse;
use crate::taken::Taken;

/// Interval of the attempts to get a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(100);
/// Interval of the statements that keep the session of the lock, and maximum time for one. Together
/// they are shorter than `LONGEST`, after which a server ends a session whose process disappeared.
const INTERVAL: Duration = Duration::from_secs(5);

/// An arbitrary number that no other program on the same PostgreSQL database is likely to use.
const POSTGRES_KEY: i64 = 0x0063_6173_7461_6c6a;

/// Held until it is dropped or its connection is lost.
#[derive(Debug)]
pub struct ImportLock {
    _process: OwnedMutexGuard<()>,
    /// Passes questions to the session; dropping it ends the session. `None` without a server.
    session: Option<mpsc::Sender<oneshot::Sender<()>>>,
}

impl ImportLock {
    /// Asks the server whether no other process can have had the lock since it was given to this
    /// one.
    pub async fn is_held(&self) -> bool {
        let Some(session) = &self.session else { return true };
        let (question, answer) = oneshot::channel();
        session.send(question).await.is_ok() && answer.await.is_ok()
    }
}

impl Store {
    /// Waits for the lock; `None` if others had it for all this time.
    pub fn lock_imports(
        &self,
        patience: Duration,
    ) -> BoxFuture<'_, Result<Option<ImportLock>, StoreError>> {
        Box::pin(self.lock_imports_until(Instant::now() + patience))
    }

    async fn lock_imports_until(
        &self,
        deadline: Instant,
    ) -> Result<Option<ImportLock>, StoreError> {
        // First, so that one connection is opened, however many callers wait.
        let process = Arc::clone(&self.shared.imports).lock_owned();
        let Ok(process) = timeout_at(deadline, process).await else { return Ok(None) };
        let pulse = &self.shared.pulse;
        let Some(options) = pulse.remote() else {
            return Ok(Some(ImportLock { _process: process, session: None }));
        };
        // Opened with the transaction, which pins the connection.
        let db = Database::connect(options).await?;
        let taken = Taken::default();
        let begin = self.shared.sign_in.run(db.begin());
        let tx = pulse.watch(Pulse::deadline(), &taken, begin).await??;
        while !pulse.watch(Pulse::deadline(), &taken, try_lock(&tx)).await?? {
            if Instant::now() >= deadline {
                return Ok(None);
            }
            sleep(PAUSE).await;
        }
        let (session, questions) = mpsc::channel(1);
        tokio::spawn(hold(db, tx, questions));
        Ok(Some(ImportLock { _process: process, session: Some(session) }))
    }
}

/// The name of MySQL's lock is hashed: it is global to the server and limited to 64 characters.
async fn try_lock(tx: &DatabaseTransaction) -> Result<bool, DbErr> {
    let backend = tx.get_database_backend();
    let question = match backend {
        DbBackend::Postgres => {
            format!("SELECT CAST(pg_try_advisory_xact_lock({POSTGRES_KEY}) AS int)::bigint AS answer")
        }
        _ => "SELECT CAST(GET_LOCK(CONCAT('castalia.import.', MD5(DATABASE())), 0) AS SIGNED) AS answer"
            .to_owned(),
    };
    let row = tx.query_one_raw(Statement::from_string(backend, question)).await?;
    let answer: Option<i64> = row.map(|row| row.try_get("", "answer")).transpose()?.flatten();
    Ok(answer == Some(1))
}

/// Keeps the session until the lock is released; a question is not answered if the session has
/// ended.
async fn hold(
    db: DatabaseConnection,
    tx: DatabaseTransaction,
    mut questions: mpsc::Receiver<oneshot::Sender<()>>,
) {
    loop {
        let question = match timeout(INTERVAL, questions.recv()).await {
            Ok(Some(question)) => Some(question),
            Ok(None) => break,
            Err(_) => None,
        };
        if !matches!(timeout(INTERVAL, tx.execute_unprepared("SELECT 1")).await, Ok(Ok(_))) {
            tracing::warn!("the connection that holds the lock of an import was lost");
            return;
        }
        if let Some(question) = question {
            let _ = question.send(());
        }
    }
    // Ends the session, and with it the lock of MySQL, which a transaction does not end.
    let end = async {
        tx.rollback().await?;
        db.close().await
    };
    if !matches!(timeout(INTERVAL, end).await, Ok(Ok(()))) {
        tracing::debug!("the connection that held the lock of an import did not close in time");
    }
}
