//! Connections are lost in a way that neither side learns of, as behind a proxy that forgot them.
//! If it is the one for pings, the next ping is answered over a new one, and the others remain in
//! use, also if all are busy. If all are lost, the work that waits for one ends, and new ones
//! replace them.

use std::time::{Duration, Instant};

use castalia_store::{Store, StoreError, StoreOptions};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, DbErr, Statement};

use crate::connection::ping;
use crate::database::{Database, on_each_database, patient};
use crate::way::Way;

/// Time after which a ping is sent over another connection as well.
const SECOND_TRY: Duration = Duration::from_secs(1);
/// Age of a connection whose answer shows that others are not lost.
const ESTABLISHED: Duration = Duration::from_secs(5);
/// Attempts of which one has to be undisturbed: pings that are late because the machine is busy say
/// nothing about connections.
const TRIES: u32 = 5;
/// Time limit of another sign-in, on a busy machine.
const SIGNED_IN: Duration = Duration::from_secs(60);
const QUICK: &str = "SELECT 1";

on_each_database! {
    async fn a_lost_connection_for_pings_is_replaced_and_no_other(database: Database) {
        if database.is_sqlite() {
            return;
        }
        for _ in 0..TRIES {
            if replaces_lost_connections(&database).await {
                return;
            }
        }
        panic!("in none of {TRIES} tries was the connection for pings replaced");
    }

    // A query over the full pool waits longer than the test of its connections, but others end.
    async fn busy_work_outlives_the_connection_for_pings(database: Database) {
        if database.is_sqlite() {
            return;
        }
        for _ in 0..TRIES {
            if outlives_the_connection_for_pings(&database).await {
                return;
            }
        }
        panic!("in none of {TRIES} tries did all work succeed");
    }

    // Before a ping notices the loss, a new connection was opened for another read, and a late read
    // begins on one that was lost.
    async fn work_on_lost_connections_ends_although_new_ones_are_answered(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let slow = if database.is_mysql() { "SELECT SLEEP(5)" } else { "SELECT pg_sleep(5)" };
        let way = Way::to(&database.url).await;
        let options = StoreOptions { max_connections: 8, ..patient("config-db") };
        let store = Store::connect(&way.url, options).await.unwrap();
        let reserved = store.reserved();
        ping(&store).await;
        read(&reserved, QUICK).await.unwrap();
        let others = async {
            // A slow read that was not sent by then is sent on a lost connection.
            tokio::time::sleep(SECOND_TRY / 2).await;
            way.lose_after(0);
            let new = read(&store, QUICK).await;
            tokio::time::sleep(SECOND_TRY).await;
            [new, read(&reserved, QUICK).await]
        };
        let (first, second, [new, late]) =
            tokio::join!(read(&store, slow), read(&store, slow), others);
        let outcomes = [first, second, new, late];
        let errors: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        assert!(!errors.is_empty(), "no read waited for a lost connection");
        // And not because it took 30 s.
        let is_noticed = |error: &DbErr| error.to_string().contains("the database does not answer");
        assert!(errors.iter().all(is_noticed), "{errors:?}");
        read(&store, QUICK).await.unwrap();
        read(&reserved, QUICK).await.unwrap();
    }

    // A connection for pings that was opened for the sign-in would not show that the others are
    // lost.
    async fn work_on_lost_connections_ends_after_another_sign_in(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let way = Way::to(&database.url).await;
        let options = StoreOptions {
            max_connections: 2,
            sign_in_interval: Duration::from_millis(1),
            ..patient("config-db")
        };
        let store = Store::connect(&way.url, options).await.unwrap();
        while way.opened() < 4 {
            tokio::task::yield_now().await;
        }
        let before = way.opened();
        let begun = Instant::now();
        while way.opened() == before {
            assert!(begun.elapsed() < SIGNED_IN, "the account did not sign in again");
            ping(&store).await;
        }
        way.lose_after(0);
        let error = read(&store, QUICK).await.unwrap_err();
        // And not because it took 30 s.
        assert!(error.to_string().contains("the database does not answer"), "{error}");
        read(&store, QUICK).await.unwrap();
    }

    // All pooled connections are young, as after they were idle for long.
    async fn connections_answer_while_a_server_greets_late(database: Database) {
        if database.is_sqlite() {
            return;
        }
        for _ in 0..TRIES {
            if answers_without_a_greeting(&database).await {
                return;
            }
        }
        panic!("in none of {TRIES} tries did a ping succeed");
    }
}

async fn read(store: &Store, sql: &str) -> Result<(), DbErr> {
    let statement = Statement::from_string(store.read().get_database_backend(), sql);
    store.read().query_one_raw(statement).await.map(drop)
}

/// Closes the connection for pings while new ones are not greeted. False if the ping failed.
async fn answers_without_a_greeting(database: &Database) -> bool {
    let way = Way::to(&database.url).await;
    let options = StoreOptions { max_connections: 2, ..patient("config-db") };
    let store = Store::connect(&way.url, options).await.unwrap();
    while way.opened() < 4 {
        tokio::task::yield_now().await;
    }
    if !is_quick(&store).await {
        return false;
    }
    let others = way.opened() - 1;
    way.lose_new();
    way.reset_after(others);
    store.ping().await.is_ok()
}

/// A store with two connections and one for pings, which are old enough to show that the others are
/// not lost. `None` if the start or the ping was late.
async fn established(database: &Database) -> Option<(Way, Store)> {
    let way = Way::to(&database.url).await;
    let options = StoreOptions { max_connections: 2, ..patient("config-db") };
    let store = Store::connect(&way.url, options).await.unwrap();
    // The pool opens its second connection in the background.
    while way.opened() < 2 {
        tokio::task::yield_now().await;
    }
    // A slow start opens another one.
    if !is_quick(&store).await || way.opened() > 4 {
        return None;
    }
    assert_eq!(way.opened(), 4, "a reserved connection, and the one for pings");
    tokio::time::sleep(ESTABLISHED).await;
    Some((way, store))
}

/// Loses the connection for pings twice. False if a ping was late afterwards, or before.
async fn replaces_lost_connections(database: &Database) -> bool {
    let Some((way, store)) = established(database).await else { return false };
    for replaced in 1..=2 {
        way.lose_after(way.opened() - 1);
        if store.ping().await.is_err() || !is_quick(&store).await {
            return false;
        }
        read(&store, QUICK).await.unwrap();
        assert_eq!(way.opened(), 4 + replaced, "other connections were closed");
    }
    true
}

/// Loses the connection for pings while two connections serve eight writers. False if one of these
/// or the ping failed, or a ping was late before.
async fn outlives_the_connection_for_pings(database: &Database) -> bool {
    let slow = if database.is_mysql() { "SELECT SLEEP(0.3)" } else { "SELECT pg_sleep(0.3)" };
    let Some((way, store)) = established(database).await else { return false };
    way.lose_after(way.opened() - 1);
    let writers = join_all((0..8).map(|_| write_repeatedly(&store, slow)));
    let (pinged, written) = tokio::join!(store.ping(), writers);
    pinged.is_ok() && written.iter().all(Result::is_ok)
}

async fn write_repeatedly(store: &Store, sql: &'static str) -> Result<(), StoreError> {
    for _ in 0..4 {
        let written = store.write(sql, |tx, sql| {
            Box::pin(async move {
                let statement = Statement::from_string(tx.get_database_backend(), *sql);
                tx.query_one_raw(statement).await?;
                Ok::<_, StoreError>(())
            })
        });
        written.await?;
    }
    Ok(())
}

/// Whether a ping is answered before it is sent over another connection.
async fn is_quick(store: &Store) -> bool {
    let begun = Instant::now();
    store.ping().await.is_ok() && begun.elapsed() < SECOND_TRY
}
