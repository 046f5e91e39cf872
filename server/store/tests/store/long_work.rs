//! More work that takes long than there are connections, as while another session holds a lock on a
//! table: other work has turns, and what has none is refused without an outage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use castalia_store::{Store, StoreError, StoreOptions};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::database::{Database, on_each_database, patient};

/// More than the turns of the pool.
const MANY: usize = 20;
/// Pause between two of them, so that the first ones take long before the last ones begin.
const PAUSE: Duration = Duration::from_millis(100);
/// How long each takes, and how long other work waits for its turn at most.
const LONG: u32 = 8;
const ACQUIRE: Duration = Duration::from_secs(2);
/// Longest wait for jobs to run, on a busy machine.
const RUNNING: Duration = Duration::from_secs(60);

on_each_database! {
    // S99
    async fn reads_that_take_long_leave_turns_to_others(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = connected(&database, 8).await;
        let mut long = JoinSet::new();
        for _ in 0..MANY {
            let store = store.clone();
            long.spawn(async move { read(&store, &pausing(&store)).await });
            sleep(PAUSE).await;
        }
        // At a time when the first ones have not ended, and otherwise would have all turns.
        read(&store, "SELECT 1").await.unwrap();
        write(&store).await.unwrap();
        long.shutdown().await;
    }

    // S99
    async fn jobs_that_take_long_leave_turns_to_others(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = connected(&database, 8).await;
        let running = Arc::new(AtomicUsize::new(0));
        let mut long = JoinSet::new();
        for _ in 0..MANY {
            let (store, running) = (store.clone(), Arc::clone(&running));
            long.spawn(async move { pause(&store, running).await });
            sleep(PAUSE).await;
        }
        write(&store).await.unwrap();
        read(&store, "SELECT 1").await.unwrap();
        assert!(store.status().is_writable(), "{:?}", store.status());
        long.shutdown().await;
    }

    // S99
    async fn a_job_without_a_turn_is_no_outage(database: Database) {
        if database.is_sqlite() {
            return;
        }
        // With its tables, so that a trial write succeeds.
        drop(database.config().await);
        let store = connected(&database, 2).await;
        let long = hold_both_turns(&store).await;
        let refused = write(&store).await;
        assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
        assert!(store.status().is_writable(), "{:?}", store.status());
        for ended in long.join_all().await {
            ended.unwrap();
        }
        assert!(store.status().is_writable(), "{:?}", store.status());
        write(&store).await.unwrap();
    }

    // S99: the others of its kind take longer than a transaction is repeated.
    async fn a_job_that_waited_for_its_turn_is_repeated_after_a_conflict(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let options = StoreOptions { max_connections: 2, ..patient("config-db") };
        let store = Store::connect(&database.url, options).await.unwrap();
        let long = hold_both_turns(&store).await;
        let runs = Arc::new(AtomicUsize::new(0));
        let job = store.write(Arc::clone(&runs), |_, runs| {
            Box::pin(async move {
                match runs.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(StoreError::Conflict(DbErr::Custom("a deadlock".to_owned()))),
                    _ => Ok(()),
                }
            })
        });
        job.await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        for ended in long.join_all().await {
            ended.unwrap();
        }
    }
}

/// Two jobs that take long and have the turns of a pool of two.
async fn hold_both_turns(store: &Store) -> JoinSet<Result<(), StoreError>> {
    let running = Arc::new(AtomicUsize::new(0));
    let mut long = JoinSet::new();
    for _ in 0..2 {
        let (store, running) = (store.clone(), Arc::clone(&running));
        long.spawn(async move { pause(&store, running).await });
    }
    let both = async {
        while running.load(Ordering::SeqCst) < 2 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(RUNNING, both).await.unwrap();
    long
}

async fn connected(database: &Database, max_connections: u32) -> Store {
    let options = StoreOptions {
        max_connections,
        acquire_timeout: ACQUIRE,
        ..StoreOptions::new("config-db")
    };
    Store::connect(&database.url, options).await.unwrap()
}

/// A statement that waits, as for a lock.
fn pausing(store: &Store) -> String {
    match store.read().get_database_backend() {
        DbBackend::MySql => format!("SELECT SLEEP({LONG})"),
        _ => format!("SELECT pg_sleep({LONG})"),
    }
}

async fn read(store: &Store, sql: &str) -> Result<(), DbErr> {
    let statement = Statement::from_string(store.read().get_database_backend(), sql);
    store.read().query_one_raw(statement).await.map(drop)
}

/// A job that takes long, and that counts the running ones.
async fn pause(store: &Store, running: Arc<AtomicUsize>) -> Result<(), StoreError> {
    let job = store.write((pausing(store), running), |tx, (sql, running)| {
        Box::pin(async move {
            running.fetch_add(1, Ordering::SeqCst);
            let statement = Statement::from_string(tx.get_database_backend(), sql.as_str());
            tx.query_one_raw(statement).await?;
            Ok::<_, StoreError>(())
        })
    });
    job.await
}

/// A job that takes no time.
async fn write(store: &Store) -> Result<(), StoreError> {
    let job = store.write((), |tx, ()| {
        Box::pin(async move {
            tx.execute_unprepared("SELECT 1").await?;
            Ok::<_, StoreError>(())
        })
    });
    job.await
}
