//! Tests of the bound of slots without a release: anybody may request names that do not exist.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use castalia_store::{Part, Store, StoreOptions, migration};

use super::{EMPTY_CAPACITY, NamespaceKey, NamespaceRef, ReleaseCache};
use crate::feed::name::Names;
use crate::feed::position::Positions;
use crate::server_config::ServerConfig;

/// Longer than a name of a database, so that few requests exceed the bound.
const LENGTH: usize = 64 * 1024;

async fn request_unknown_names(store: &Store) -> Arc<ReleaseCache> {
    let cache = Arc::new(cache_over(store.clone(), Positions::default()));
    let cluster = "c".repeat(LENGTH);
    for at in 0..3 * EMPTY_CAPACITY / LENGTH {
        let key = NamespaceKey::new("app", &cluster, &at.to_string());
        drop(cache.get(NamespaceRef::of(&key)).await);
    }
    cache
}

fn bytes_held(cache: &ReleaseCache) -> usize {
    cache.slots.pin().keys().map(|key| key.names.cluster.len()).sum()
}

/// An empty database in memory.
pub(in crate::feed) async fn empty_store() -> Store {
    let acquire_timeout = Duration::from_secs(60);
    let options = StoreOptions { acquire_timeout, ..StoreOptions::new("config-db") };
    let store = Store::connect("sqlite::memory:", options).await.unwrap();
    migration::apply(&store, Part::Config, |_| Box::pin(async { Ok(()) })).await.unwrap();
    store
}

/// A cache with the default settings.
pub(super) fn cache_over(store: Store, positions: Positions) -> ReleaseCache {
    let config = ServerConfig::new(BTreeMap::new());
    let names = Arc::new(Names::new(false));
    ReleaseCache::new(store, config, names, Arc::new(positions), Arc::default())
}

#[tokio::test]
async fn names_without_a_release_occupy_a_bounded_number_of_bytes() {
    let store = empty_store().await;
    let cache = request_unknown_names(&store).await;
    assert!((1..=EMPTY_CAPACITY + LENGTH).contains(&bytes_held(&cache)));
    store.close().await.unwrap();
    let failed = request_unknown_names(&store).await;
    assert!((1..=EMPTY_CAPACITY + LENGTH).contains(&bytes_held(&failed)));
}
