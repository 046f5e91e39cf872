//! Names and access keys whose rows are not the last ones, as a scan reads them; the order in which
//! both take effect.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use castalia_store::access_key::{self as stored_key, AccessKeyRow};
use castalia_store::namespace::{AppNamespaceRow, delete_app_namespaces, insert_app_namespace};
use castalia_store::{Authorship, Deletion, Secret, Small, Store, StoreError};
use futures_util::FutureExt as _;
use tokio::time::sleep;

use super::*;
use crate::background::Background;
use crate::feed::FeedOptions;
use crate::feed::cache::empty_store;
use crate::feed::name::AppNamespace;
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

/// S110: a restore under a running node creates the table without rows, and fills it.
#[tokio::test]
async fn names_remain_while_their_table_is_empty_and_while_it_is_filled() {
    let (store, feed) = feed().await;
    let known = |(id, name): (i64, &str)| AppNamespace {
        id,
        app_id: "demo".to_owned(),
        name: name.to_owned(),
        is_public: false,
    };
    feed.names().replace([(7, "first"), (8, "second")].map(known).into(), Vec::new(), Vec::new());
    for is_filled in [false, true] {
        if is_filled {
            define(&store, "second", castalia_store::now()).await;
        }
        feed.rebuild_names().await.unwrap_err();
        let is_known = |name: &str| feed.names().own("demo", name).is_some();
        assert_eq!(["first", "second"].map(is_known), [true, true]);
        assert!(feed.faults().iter().any(|fault| fault.contains("AppNamespace")));
    }
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
    feed.read(DefinitionKind::Keys, true, now).await.unwrap();
    assert!(is_known());
}

/// S94, S107: each read of keys may hold the lock for five seconds while their table is locked.
#[tokio::test]
async fn names_are_read_again_and_again_while_a_read_of_keys_takes_long() {
    let (store, feed) = feed().await;
    let reading = feed.0.keys_scan.turn.lock().await;
    let background = Background::default();
    for kind in [DefinitionKind::Names, DefinitionKind::Keys] {
        let task = feed.clone();
        background.spawn("scan", move || task.clone().scan_definitions(kind));
    }
    for name in ["first", "second"] {
        define(&store, name, castalia_store::now()).await;
        let known = async {
            while feed.names().own("demo", name).is_none() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), known).await.unwrap();
    }
    background.shutdown.cancel();
    drop(reading);
}

/// S107: each release would leave another query that occupies a connection.
#[tokio::test(start_paused = true)]
async fn a_read_that_releases_do_not_wait_for_any_more_continues_alone() {
    let scan = DefinitionScan::new();
    let (begun, end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let read = || {
        let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
        async move {
            begun.fetch_add(1, Ordering::SeqCst);
            end.notified().await;
            Ok::<_, crate::error::Error>(())
        }
    };
    for _ in 0..3 {
        assert!(scan.soon(read()).await.is_err());
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }
    // For this read and the next one.
    end.notify_one();
    end.notify_one();
    scan.soon(read()).await.unwrap();
    assert_eq!(begun.load(Ordering::SeqCst), 2);
}

/// A node that has not read yet that another one deleted the only key of an app, and with it the
/// app if that is set.
async fn feed_before_the_end_of_a_key(deletes_app: bool) -> ReleaseFeed {
    let (store, feed) = feed().await;
    let now = castalia_store::now();
    define(&store, "application", now).await;
    add_key(&store, now).await;
    feed.rebuild_definitions().await.unwrap();
    let deleted = store.write(deletes_app, |tx, deletes_app| {
        Box::pin(async move {
            let by = Deletion::by("o");
            if *deletes_app {
                delete_app_namespaces(tx, "demo", &by).await?;
            }
            stored_key::delete_of_app(tx, "demo", &by).await?;
            Ok::<_, StoreError>(())
        })
    });
    deleted.await.unwrap();
    feed
}

/// S105: while the names of a deleted app are known, everybody would receive its releases.
#[tokio::test]
async fn the_last_key_of_an_app_ends_after_names_were_read() {
    for deletes_app in [true, false] {
        let feed = feed_before_the_end_of_a_key(deletes_app).await;
        let is_closed = || feed.keys().of("demo").is_some();
        let read_keys =
            async || feed.read(DefinitionKind::Keys, false, castalia_store::now()).await.unwrap();
        let earlier = feed.0.names_scan.reads.begin();
        read_keys().await;
        assert!(feed.0.names_scan.requested.notified().now_or_never().is_some());
        feed.0.names_scan.reads.end(earlier);
        read_keys().await;
        assert!(is_closed(), "this read of names may have begun before the deletion");
        let background = Background::default();
        let task = feed.clone();
        background.spawn("names", move || task.clone().scan_definitions(DefinitionKind::Names));
        let requested = feed.0.keys_scan.requested.notified();
        timeout(Duration::from_secs(60), requested).await.unwrap();
        background.shutdown.cancel();
        assert!(is_closed());
        assert_eq!(feed.names().app("demo").is_none(), deletes_app);
        read_keys().await;
        assert!(!is_closed());
    }
}

/// S105: it would be open until the next scan of keys.
#[tokio::test]
async fn an_app_becomes_known_after_its_keys_were_read() {
    for look in ["new", "earlier", "all"] {
        let (store, feed) = feed().await;
        let now = castalia_store::now();
        define(&store, "application", now).await;
        add_key(&store, now).await;
        let done = match look {
            "new" => feed.add_names().await,
            "earlier" => feed.add_earlier_names(now - OVERLAP).await,
            _ => feed.rebuild_names().await,
        };
        done.unwrap();
        assert!(feed.names().app("demo").is_some() && feed.keys().of("demo").is_some(), "{look}");
    }
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
