//! Tests of the turns of loads that clients cause.

use std::sync::Arc;

use castalia_store::StoreError;
use futures_util::future::join_all;
use futures_util::poll;
use tokio::sync::Notify;

use super::bound::{cache_over, empty_store};
use super::{NamespaceRef, ReleaseCache};
use crate::feed::position::Positions;

async fn cache() -> Arc<ReleaseCache> {
    Arc::new(cache_over(empty_store().await, Positions::default()))
}

fn place(namespace: &str) -> NamespaceRef<'_> {
    NamespaceRef { app_id: "a", cluster: "default", namespace }
}

/// As at the start of a node, when many clients request each namespace.
#[tokio::test]
async fn callers_of_one_namespace_leave_turns_to_others() {
    let cache = cache().await;
    let slow = cache.slot(place("slow"));
    let loading = slow.loading.lock().await;
    let mut callers = join_all((0..40).map(|_| Box::pin(cache.get(place("slow")))));
    assert!(poll!(&mut callers).is_pending());
    assert!(cache.get(place("other")).await.is_ok(), "waited for the callers of another namespace");
    drop(loading);
    assert!(callers.await.iter().all(Result::is_ok));
}

/// Its statement still occupies a connection. A second client waits for it without a turn.
#[tokio::test]
async fn a_load_that_nobody_waits_for_keeps_its_turn_until_it_ends() {
    let cache = cache().await;
    let (begun, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    // Occupies the only connection to a database in memory.
    let (store, input) = (cache.store.clone(), (Arc::clone(&begun), Arc::clone(&end)));
    let occupying = tokio::spawn(async move {
        let write = store.write(input, |_, (begun, end)| {
            Box::pin(async move {
                begun.notify_one();
                end.notified().await;
                Ok::<_, StoreError>(())
            })
        });
        write.await
    });
    begun.notified().await;
    let turns = cache.loads.available_permits();
    for _ in 0..2 {
        let mut caller = Box::pin(cache.get(place("slow")));
        assert!(poll!(&mut caller).is_pending());
        // The load begins, and its client gives up.
        tokio::task::yield_now().await;
        drop(caller);
        assert_eq!(cache.loads.available_permits(), turns - 1);
    }
    end.notify_one();
    occupying.await.unwrap().unwrap();
    let all = u32::try_from(turns).unwrap();
    drop(cache.loads.acquire_many(all).await.unwrap());
    assert!(cache.peek(place("slow")).is_some(), "the next client receives what was loaded");
}
