//! Reads whose callers do not wait for the answer: they keep their turn until the database answers,
//! so that transactions find a connection, and they notice that their connection was lost.

use std::time::Duration;

use castalia_store::{Store, StoreError, StoreOptions};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::time::timeout;

use crate::connection::ping;
use crate::database::{Database, on_each_database};
use crate::way::Way;

/// Time that callers wait for an answer.
const PATIENCE: Duration = Duration::from_millis(200);
/// Time until a connection is refused, which is less than a slow read takes.
const ACQUIRE: Duration = Duration::from_secs(2);

on_each_database! {
    async fn abandoned_reads_leave_a_connection_to_transactions(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = two_connections(&database.url).await;
        for _ in 0..4 {
            abandon(&store, &database).await;
        }
        write(&store).await.unwrap();
    }

    async fn abandoned_reads_on_lost_connections_end(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let way = Way::to(&database.url).await;
        let store = two_connections(&way.url).await;
        ping(&store).await;
        write(&store).await.unwrap();
        way.lose_after(0);
        for _ in 0..4 {
            abandon(&store, &database).await;
        }
        // Until the loss is noticed, writes wait for a connection that does not answer.
        let written = async {
            while write(&store).await.is_err() {}
        };
        // Fails if the connections remained in use.
        timeout(Duration::from_secs(30), written).await.unwrap();
    }
}

async fn two_connections(url: &str) -> Store {
    let options = StoreOptions {
        max_connections: 2,
        acquire_timeout: ACQUIRE,
        ..StoreOptions::new("config-db")
    };
    Store::connect(url, options).await.unwrap()
}

async fn abandon(store: &Store, database: &Database) {
    let slow = if database.is_mysql() { "SELECT SLEEP(15)" } else { "SELECT pg_sleep(15)" };
    let statement = Statement::from_string(store.read().get_database_backend(), slow);
    timeout(PATIENCE, store.read().query_one_raw(statement)).await.unwrap_err();
}

async fn write(store: &Store) -> Result<(), StoreError> {
    let nothing = store.write((), |tx, ()| {
        Box::pin(async move {
            tx.execute_unprepared("SELECT 1").await?;
            Ok::<_, StoreError>(())
        })
    });
    nothing.await
}
