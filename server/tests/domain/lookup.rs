//! Lookups of releases for clients.

use std::collections::BTreeMap;

use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::Caller;
use castalia_server::domain::lookup::{LookupRequest, find};
use castalia_server::feed::cache::ReadFrom;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;

use crate::database::Database;

/// Names that cannot be stored need no database, and occupy no memory.
#[tokio::test]
async fn names_that_cannot_be_stored_are_not_looked_up() {
    let database = Database::sqlite();
    let store = database.config().await;
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    store.close().await.unwrap();
    let is_found = async |cluster: &str, namespace: &str| {
        let request = LookupRequest {
            target: &NamespaceKey::new("app", cluster, namespace),
            app_id: Some("app"),
            caller: &Caller::default(),
            messages: None,
            read_from: ReadFrom::Database,
        };
        find(&feed, request).await.map(|found| found.is_some())
    };
    let (long, unprintable) = ("n".repeat(33), "a\u{0}b");
    for (cluster, namespace) in [
        (long.as_str(), "application"),
        ("default", long.as_str()),
        (unprintable, "application"),
        ("default", unprintable),
    ] {
        assert!(!is_found(cluster, namespace).await.unwrap(), "{cluster:?} {namespace:?}");
    }
    assert!(is_found("default", "application").await.is_err(), "the database is closed");
}
