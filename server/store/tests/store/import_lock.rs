//! The lock of imports: one holder, on all nodes, until it is released or its connection is lost.

use std::time::Duration;

use castalia_store::{ImportLock, Store};
use tokio::time::timeout;

use crate::connection::end_sessions;
use crate::database::{Database, on_each_database};

const LONG: Duration = Duration::from_secs(30);

/// Another process; a file has one only.
async fn other(database: &Database, store: &Store) -> Store {
    match database.is_sqlite() {
        true => store.clone(),
        false => database.connect().await,
    }
}

async fn taken(store: &Store) -> ImportLock {
    store.lock_imports(LONG).await.unwrap().unwrap()
}

on_each_database! {
    async fn imports_of_all_nodes_are_one_after_the_other(database: Database) {
        let store = database.connect().await;
        let other = other(&database, &store).await;
        let lock = taken(&store).await;
        assert!(lock.is_held().await);
        for store in [&store, &other] {
            assert!(store.lock_imports(Duration::from_millis(300)).await.unwrap().is_none());
        }
        let waits = other.clone();
        let waits = tokio::spawn(async move { taken(&waits).await });
        // One that does not wait any longer leaves nothing behind.
        assert!(timeout(Duration::from_millis(300), other.lock_imports(LONG)).await.is_err());
        drop(lock);
        let lock = timeout(LONG, waits).await.unwrap().unwrap();
        assert!(store.lock_imports(Duration::ZERO).await.unwrap().is_none());
        drop(lock);
        drop(taken(&store).await);
    }

    async fn a_lock_whose_connection_is_lost_is_not_held(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = database.connect().await;
        let lock = taken(&store).await;
        end_sessions(&database).await;
        // The server gives it to another one as soon as it has ended the session, which is looked
        // at without a question only after 5 s.
        let next = taken(&database.connect().await).await;
        assert!(!lock.is_held().await);
        drop(next);
    }

    async fn a_lock_holds_longer_than_a_session_may_be_idle(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let (store, other) = (database.connect().await, database.connect().await);
        let lock = taken(&store).await;
        // Servers end sessions that are idle in a transaction for 30 s.
        assert!(other.lock_imports(Duration::from_secs(33)).await.unwrap().is_none());
        assert!(lock.is_held().await);
    }
}
