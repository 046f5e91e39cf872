//! The orderly end of a node. Each step has a time limit, because a node that takes long to end is
//! killed, and a database that does not answer must not prevent the steps after those that wait for
//! it.

use std::time::Duration;

use castalia_store::Store;
use futures_util::future::{join, join_all};
use tokio::time::timeout;

use super::Node;

/// Time for connections, and for changes whose callers have left, to finish after the shutdown has
/// begun.
const DRAIN: Duration = Duration::from_secs(8);
/// Maximum time for background work to end. A task is dropped where it waits, and none stores
/// anything at its end.
const BACKGROUND: Duration = Duration::from_secs(2);
/// Maximum time for closing the databases.
const CLOSE: Duration = Duration::from_secs(5);

impl Node {
    /// Stops without losing requests, in this order: the node is no longer announced, polls are
    /// answered so that clients switch to another node, connections and changes are drained,
    /// background work is stopped.
    pub async fn stop(self) {
        self.ready.set(false);
        if let Some(environment) = &self.environment {
            environment.registry.leave().await;
            environment.feed.hub().close();
        }
        self.connections.shutdown.cancel();
        self.connections.tracker.close();
        self.changes.close();
        let drained = join(self.connections.tracker.wait(), self.changes.wait());
        if timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("some connections or changes did not finish in time; ending them");
        }
        self.background.shutdown.cancel();
        self.background.tracker.close();
        if timeout(BACKGROUND, self.background.tracker.wait()).await.is_err() {
            tracing::warn!("some background work did not end in time");
        }
        join_all(self.stores.iter().map(close)).await;
    }
}

async fn close(store: &Store) {
    match timeout(CLOSE, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "cannot close a database"),
        Err(_) => tracing::warn!("a database did not close in time"),
    }
}
