//! PostgreSQL: the connection that listens for release messages is lost without an end of the
//! stream, and is none of the reserved ones.

use std::sync::Arc;

use castalia_store::{Listener, Store, StoreError};
use futures_util::future::join_all;
use tokio::sync::Barrier;

use crate::connection::{another, heard, listen, publish};
use crate::database::{Database, patient};
use crate::way::Way;

/// A store on the database over a way, and its listener, which has heard a message of another
/// store.
async fn hear_over_way(database: &Database, other: &Store) -> (Way, Store, Listener) {
    let way = Way::to(&database.url).await;
    let store = Store::connect(&way.url, patient("config-db")).await.unwrap();
    let mut listener = listen(&store).await;
    publish(other).await;
    heard(&mut listener).await;
    (way, store, listener)
}

#[tokio::test]
async fn release_messages_are_heard_after_the_connection_was_reset() {
    let Some(database) = Database::postgres().await else { return };
    let other = database.config().await;
    let (way, store, listener) = hear_over_way(&database, &other).await;
    way.reset();
    let mut listener = another(listener, &store).await;
    publish(&other).await;
    heard(&mut listener).await;
}

/// Without a test of the connection, nothing would show that it is lost.
#[tokio::test]
async fn release_messages_are_heard_after_the_connection_was_lost_silently() {
    let Some(database) = Database::postgres().await else { return };
    let other = database.config().await;
    let (way, store, listener) = hear_over_way(&database, &other).await;
    way.lose_after(0);
    let mut listener = another(listener, &store).await;
    publish(&other).await;
    heard(&mut listener).await;
}

#[tokio::test]
async fn a_listener_leaves_the_reserved_connections_to_others() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.config().await.reserved();
    let mut listener = listen(&store).await;
    let count = store.reserved_reads();
    let all = Arc::new(Barrier::new(count));
    // Each transaction ends only while as many others have a connection.
    let writes = (0..count).map(|_| {
        store.write(Arc::clone(&all), |_, all| {
            Box::pin(async move {
                all.wait().await;
                Ok::<_, StoreError>(())
            })
        })
    });
    for outcome in join_all(writes).await {
        outcome.unwrap();
    }
    publish(&store).await;
    heard(&mut listener).await;
}
