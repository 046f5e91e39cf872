//! The connections of a pool after an outage. They remain in use, because a server may be slow to
//! greet new ones, unless they may have been opened in a state that was the reason.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use castalia_store::{Store, StoreError, StoreOptions};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::database::{Database, on_each_database, patient};

/// Attempts of which one has to be undisturbed: on a busy machine, a ping that is late replaces all
/// connections, and the outage may end before its connections are known.
const TRIES: u32 = 5;
/// Longest wait for a trial write, which is sent each second, on a busy machine.
const RECOVERED: Duration = Duration::from_secs(60);
/// Enough to use each connection of the pool.
const READS: usize = 6;

on_each_database! {
    // S71
    async fn connections_are_kept_after_others_were_lost(database: Database) {
        if database.is_sqlite() {
            return;
        }
        drop(database.config().await);
        let lost = StoreError::Unavailable(DbErr::Custom("the connection is lost".to_owned()));
        for _ in 0..TRIES {
            if keeps_connections(&database, &lost).await == Some(true) {
                return;
            }
        }
        panic!("in none of {TRIES} tries was a connection kept");
    }

    async fn connections_are_replaced_after_writes_were_refused(database: Database) {
        if database.is_sqlite() {
            return;
        }
        drop(database.config().await);
        let refused = StoreError::ReadOnly(DbErr::Custom("read-only by default".to_owned()));
        for _ in 0..TRIES {
            if let Some(is_kept) = keeps_connections(&database, &refused).await {
                assert!(!is_kept, "a connection that was opened during the outage is still used");
                return;
            }
        }
        panic!("in none of {TRIES} tries did the outage last");
    }
}

/// Whether connections that were open during an outage for this reason are used after it. `None` if
/// they are not known.
async fn keeps_connections(database: &Database, reason: &StoreError) -> Option<bool> {
    let options = StoreOptions { max_connections: 2, ..patient("config-db") };
    let store = Store::connect(&database.url, options).await.unwrap();
    let failed: Result<(), StoreError> =
        store.write(reason.clone(), |_, reason| Box::pin(async move { Err(reason.clone()) })).await;
    failed.unwrap_err();
    let during = sessions(&store).await.ok()?;
    if store.status().is_writable() {
        return None;
    }
    let begun = Instant::now();
    while !store.status().is_writable() {
        assert!(begun.elapsed() < RECOVERED, "{:?}", store.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = sessions(&store).await.ok()?;
    store.close().await.unwrap();
    Some(!during.is_disjoint(&after))
}

/// The ids of the sessions of the pool.
async fn sessions(store: &Store) -> Result<BTreeSet<i64>, DbErr> {
    let backend = store.read().get_database_backend();
    let sql = match backend {
        DbBackend::MySql => "SELECT CAST(CONNECTION_ID() AS SIGNED) AS Session",
        _ => "SELECT CAST(pg_backend_pid() AS bigint) AS Session",
    };
    let mut sessions = BTreeSet::new();
    for _ in 0..READS {
        let row = store.read().query_one_raw(Statement::from_string(backend, sql)).await?;
        sessions.extend(row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?);
    }
    Ok(sessions)
}
