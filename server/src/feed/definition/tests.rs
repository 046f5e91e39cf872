//! Names and access keys whose rows are not the last ones, as a scan reads them.

use std::collections::BTreeMap;

use castalia_store::access_key::AccessKeyRow;
use castalia_store::namespace::{AppNamespaceRow, insert_app_namespace};
use castalia_store::{Authorship, Secret, Small, Store};

use super::*;
use crate::feed::FeedOptions;
use crate::feed::cache::empty_store;
use crate::server_config::ServerConfig;

/// Creates a definition that was changed at this time.
async fn define(store: &Store, name: &str, changed: DateTime<Utc>) {
    let row = AppNamespaceRow {
        name: name.to_owned(),
        app_id: "demo".to_owned(),
        format: "properties".to_owned(),
        is_public: false,
        comment: String::new(),
    };
    let author = Authorship { last_time: Some(changed), ..Authorship::of("o") };
    let created = store.write((row, author), |tx, (row, author)| {
        Box::pin(insert_app_namespace(tx, row.clone(), author.clone()))
    });
    created.await.unwrap();
}

async fn feed() -> (Store, ReleaseFeed) {
    let store = empty_store().await;
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    (store, feed)
}

/// S62: each scan of each node would read them again until that time.
#[tokio::test]
async fn names_that_are_dated_ahead_are_left_to_the_complete_read() {
    let (store, feed) = feed().await;
    let now = castalia_store::now();
    for (name, ahead) in [("present", TimeDelta::zero()), ("ahead", TimeDelta::days(2))] {
        define(&store, name, now + ahead).await;
    }
    let is_known = |name: &str| feed.names().own("demo", name).is_some();
    feed.add_earlier_names(now - OVERLAP).await.unwrap();
    assert_eq!(["present", "ahead"].map(is_known), [true, false]);
    feed.rebuild_definitions().await.unwrap();
    assert_eq!(["present", "ahead"].map(is_known), [true, true]);
}

/// S64: each scan of each node would read all keys until that time.
#[tokio::test]
async fn a_key_that_is_dated_ahead_is_read_once() {
    let (store, feed) = feed().await;
    let now = castalia_store::now();
    let row = AccessKeyRow {
        app_id: "demo".to_owned(),
        secret: Secret::new("0123456789abcdef"),
        mode: Small(0),
        is_enabled: true,
    };
    let author = Authorship { last_time: Some(now + TimeDelta::days(2)), ..Authorship::of("o") };
    let created = store.write((row, author), |tx, (row, author)| {
        Box::pin(stored_key::insert(tx, row.clone(), author.clone()))
    });
    created.await.unwrap();
    let is_known = || feed.keys().of("demo").is_some();
    feed.read_changed_keys(now).await.unwrap();
    assert!(is_known());
    // Only another read of all keys would bring it back.
    feed.keys().replace([]);
    feed.read_changed_keys(now).await.unwrap();
    assert!(!is_known());
    feed.rebuild_definitions().await.unwrap();
    assert!(is_known());
}
