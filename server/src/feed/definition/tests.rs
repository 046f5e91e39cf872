//! Names and access keys whose rows are not the last ones, as a scan reads them.

use std::collections::BTreeMap;

use castalia_store::access_key::{self as stored_key, AccessKeyRow};
use castalia_store::namespace::{AppNamespaceRow, insert_app_namespace};
use castalia_store::{Authorship, Secret, Small, Store};
use tokio::time::sleep;

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

/// Creates an access key that was changed at this time.
async fn add_key(store: &Store, changed: DateTime<Utc>) {
    let row = AccessKeyRow {
        app_id: "demo".to_owned(),
        secret: Secret::new("0123456789abcdef"),
        mode: Small(0),
        is_enabled: true,
    };
    let author = Authorship { last_time: Some(changed), ..Authorship::of("o") };
    let created = store.write((row, author), |tx, (row, author)| {
        Box::pin(stored_key::insert(tx, row.clone(), author.clone()))
    });
    created.await.unwrap();
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
    add_key(&store, now + TimeDelta::days(2)).await;
    let is_known = || feed.keys().of("demo").is_some();
    feed.read_changed_keys(now).await.unwrap();
    assert!(is_known());
    // Only another read of all keys would bring it back.
    feed.keys().replace([]);
    feed.read_changed_keys(now).await.unwrap();
    assert!(!is_known());
    feed.rebuild_definitions().await.unwrap();
    assert!(is_known());
    // A scan that is due reads all of them as well.
    feed.keys().replace([]);
    feed.beside_keys(now, true, async { Ok(()) }).await.unwrap();
    assert!(is_known());
}

/// S94: names wait five seconds for a lock on their table.
#[tokio::test]
async fn keys_are_read_again_while_a_read_of_names_takes_long() {
    let (store, feed) = feed().await;
    let now = castalia_store::now();
    let names = async {
        add_key(&store, now).await;
        while feed.keys().of("demo").is_none() {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    };
    timeout(Duration::from_secs(60), feed.beside_keys(now, false, names)).await.unwrap().unwrap();
}

/// S94: each read of keys may hold the lock for five seconds while their table is locked.
#[tokio::test]
async fn names_are_read_while_a_complete_read_of_keys_takes_long() {
    let (store, feed) = feed().await;
    let now = castalia_store::now();
    define(&store, "new", now).await;
    let reading = feed.0.keys_read.lock().await;
    let names = async {
        let read = feed.rebuild_all_names().await;
        drop(reading);
        read
    };
    let read = feed.beside_keys(now, true, names);
    timeout(Duration::from_secs(60), read).await.unwrap().unwrap();
    assert!(feed.names().own("demo", "new").is_some());
}

/// S94: messages wait a second for names, so that the complete read may be cut off.
#[tokio::test]
async fn a_name_is_contested_until_all_names_were_read() {
    let (store, feed) = feed().await;
    define(&store, "restored", castalia_store::now()).await;
    feed.add_names().await.unwrap();
    let id = feed.names().last_ids().0;
    let row = |id| AppNamespace {
        id,
        app_id: "demo".to_owned(),
        name: "restored".to_owned(),
        is_public: false,
    };
    feed.names().replace(vec![row(id - 1)], Vec::new(), Vec::new());
    assert!(feed.names().add(vec![row(id)], Vec::new()));
    feed.add_names().await.unwrap();
    let found = feed.names().by_ids(&[id - 1, id].into());
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [id]);
}

/// S96: the round before had read its deletion.
#[tokio::test]
async fn a_complete_read_finds_a_definition_that_was_restored_since_the_last_round() {
    let (store, feed) = feed().await;
    define(&store, "restored", castalia_store::now()).await;
    feed.add_names().await.unwrap();
    let id = feed.names().last_ids().0;
    feed.names().forget([id].into());
    assert!(feed.names().own("demo", "restored").is_none());
    feed.rebuild_definitions().await.unwrap();
    assert!(feed.names().own("demo", "restored").is_some());
}
