//! Tests of the turns of loads that clients cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::poll;

use super::bound::empty_store;
use super::{NamespaceRef, ReleaseCache};
use crate::feed::name::Names;
use crate::server_config::ServerConfig;

/// As at the start of a node, when many clients request each namespace.
#[tokio::test]
async fn callers_of_one_namespace_leave_turns_to_others() {
    let config = ServerConfig::new(BTreeMap::new());
    let names = Arc::new(Names::new(false));
    let cache = ReleaseCache::new(empty_store().await, config, names, Arc::default());
    let place = |namespace| NamespaceRef { app_id: "a", cluster: "default", namespace };
    let slow = cache.slot(place("slow"));
    let loading = slow.loading.lock().await;
    let mut callers = join_all((0..40).map(|_| Box::pin(cache.get(place("slow")))));
    assert!(poll!(&mut callers).is_pending());
    assert!(cache.get(place("other")).await.is_ok(), "waited for the callers of another namespace");
    drop(loading);
    assert!(callers.await.iter().all(Result::is_ok));
}
