//! The lock under which one node at a time changes the schema, on one pinned connection. Knows no
//! table.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, TransactionTrait};

use crate::error::StoreError;
use crate::url::Dialect;
use crate::{Store, writer};

/// Maximum time that a node waits for another one that changes the schema.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An arbitrary number that no other program on the same PostgreSQL database is likely to use.
const POSTGRES_KEY: i64 = 0x0063_6173_7461_6c69;

/// Held until released; a broken connection releases it as well.
pub(super) struct Lock {
    store: Store,
    tx: DatabaseTransaction,
    dialect: Dialect,
}

pub(super) async fn acquire(store: &Store) -> Result<Lock, StoreError> {
    let outcome = try_acquire(store).await;
    if outcome.is_err() {
        store.retire_connections();
    }
    outcome
}

async fn try_acquire(store: &Store) -> Result<Lock, StoreError> {
    let dialect = store.dialect();
    let tx = match dialect {
        Dialect::Sqlite => begin_sqlite(store).await?,
        Dialect::MySql | Dialect::Postgres => store.write_pool().begin().await?,
    };
    match dialect {
        // Beginning the transaction locked the file.
        Dialect::Sqlite => {}
        Dialect::MySql => get_mysql_lock(&tx).await?,
        Dialect::Postgres => {
            // A change of the schema may take longer than any statement of the service.
            tx.execute_unprepared(&format!(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{}s'",
                TIMEOUT.as_secs()
            ))
            .await?;
            tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({POSTGRES_KEY})")).await?;
        }
    }
    Ok(Lock { store: store.clone(), tx, dialect })
}

impl Lock {
    pub(super) fn transaction(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// Must be called after the last change of the schema and before the first row: on MySQL, each
    /// change of the schema has ended the transaction.
    pub(super) async fn begin_rows(&self) -> Result<(), StoreError> {
        if self.dialect == Dialect::MySql {
            self.tx.execute_unprepared("START TRANSACTION").await?;
        }
        Ok(())
    }

    /// Commits the changes after a success, rolls them back otherwise (on MySQL: only the rows),
    /// and releases the lock.
    pub(super) async fn release<T>(self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let store = self.store.clone();
        let released = self.end(outcome.is_ok()).await;
        // The session has other limits than those of the pool, and its state is unknown after an
        // error.
        store.retire_connections();
        if released.is_ok() {
            store.open_connections().await;
        }
        match (outcome, released) {
            (Ok(value), released) => released.map(|()| value),
            // The first error explains the other.
            (Err(error), _) => Err(error),
        }
    }

    async fn end(self, keep: bool) -> Result<(), StoreError> {
        if self.dialect == Dialect::MySql {
            // The rows must be visible before the next node may read them.
            let end = if keep { "COMMIT" } else { "ROLLBACK" };
            self.tx.execute_unprepared(end).await?;
            self.tx.execute_unprepared("DO RELEASE_LOCK(@castalia_schema_lock)").await?;
        }
        match keep {
            true => self.tx.commit().await?,
            false => self.tx.rollback().await?,
        }
        Ok(())
    }
}

async fn begin_sqlite(store: &Store) -> Result<DatabaseTransaction, StoreError> {
    // The writing pool has one connection, so this applies to the one that begins the transaction.
    let db = store.write_pool();
    db.execute_unprepared(&format!("PRAGMA busy_timeout = {}", TIMEOUT.as_millis())).await?;
    let tx = writer::begin(db).await;
    if let Ok(tx) = &tx {
        tx.execute_unprepared(&format!(
            "PRAGMA busy_timeout = {}",
            crate::pool::BUSY_TIMEOUT.as_millis()
        ))
        .await?;
    }
    tx
}

/// The name of the lock is hashed: it is global to the server and limited to 64 characters.
async fn get_mysql_lock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    // A change of the schema may take longer than any statement of the service.
    tx.execute_unprepared(&format!(
        "SET SESSION lock_wait_timeout = {0}, innodb_lock_wait_timeout = {0}, wait_timeout = 28800 \
         /*!50708 , max_execution_time = 0 */ /*M!100301 , max_statement_time = 0, idle_transaction_timeout = 0 */",
        TIMEOUT.as_secs()
    ))
    .await?;
    tx.execute_unprepared(
        "SET @castalia_schema_lock = CONCAT('castalia.schema.', MD5(DATABASE()))",
    )
    .await?;
    let question = format!(
        "SELECT CAST(GET_LOCK(@castalia_schema_lock, {}) AS SIGNED) AS Answer",
        TIMEOUT.as_secs()
    );
    let answer = tx
        .query_one_raw(Statement::from_string(tx.get_database_backend(), question))
        .await?
        .map(|row| row.try_get::<Option<i64>>("", "Answer"))
        .transpose()?
        .flatten();
    match answer {
        Some(1) => Ok(()),
        _ => Err(StoreError::other(format!(
            "another node has been changing the schema for {} s; start again when it is done",
            TIMEOUT.as_secs()
        ))),
    }
}
