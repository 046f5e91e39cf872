//! Messages that a client was notified of before this node found them: deferred ones, and those in
//! gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use castalia_store::StoreError;
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::*;
use crate::background::Background;
use crate::feed::FeedOptions;
use crate::feed::cache::empty_store;
use crate::server_config::ServerConfig;

/// S57: a client that another node notified writes the name in another case than the message.
#[tokio::test]
async fn a_deferred_message_in_another_case_is_found() {
    let store = empty_store().await;
    let client = NamespaceRef { app_id: "demo", cluster: "default", namespace: "foo" };
    for (folds_names, stored, is_found) in [
        (false, "demo+default+Foo", true),
        (false, "Demo+default+foo", false),
        (false, "demo+default+fooo", false),
        (true, "Demo+Default+FOO", true),
    ] {
        let config = ServerConfig::new(BTreeMap::new());
        let options = FeedOptions { folds_names, ..FeedOptions::default() };
        let feed = ReleaseFeed::load(store.clone(), config, options).await.unwrap();
        feed.0.deferred.insert(stored.to_owned(), 5, stored);
        feed.catch_up(client, 6).await.unwrap();
        assert!(feed.0.deferred.holds(stored), "{stored}: it is older than the notification");
        feed.catch_up(client, 5).await.unwrap();
        assert_eq!(feed.0.deferred.holds(stored), !is_found, "{stored}");
    }
}

/// Stores messages about these namespaces, of which the feed has read every second one when the
/// others, with even ids, become visible a minute later.
async fn feed_before_late_messages(namespaces: &[&str]) -> ReleaseFeed {
    let store = empty_store().await;
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    let texts: Vec<_> = namespaces.iter().map(|name| format!("demo+default+{name}")).collect();
    let written = store.write(texts, |tx, texts| {
        Box::pin(async move {
            for text in texts {
                message::insert(tx, text).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    written.await.unwrap();
    let rows = stored::messages_between(store.read(), 1, i64::MAX, BIG_BATCH).await.unwrap();
    let early: Vec<_> = rows.readable.into_iter().step_by(2).collect();
    let mut scan = feed.0.scan.lock().await;
    let minute_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
    scan.advance(&early, rows.last_id, minute_ago);
    // Old gaps have just been queried.
    let queried = scan.gaps.due(&BTreeSet::new(), Instant::now());
    assert_eq!(queried.single.len(), namespaces.len() / 2, "{queried:?}");
    drop(scan);
    feed
}

fn client(namespace: &str) -> NamespaceRef<'_> {
    NamespaceRef { app_id: "demo", cluster: "default", namespace }
}

fn position(feed: &ReleaseFeed, namespace: &str) -> Option<i64> {
    feed.positions().of(&format!("demo+default+{namespace}"))
}

/// S95: an old gap is not queried in each scan.
#[tokio::test]
async fn a_client_that_was_notified_of_a_message_in_an_old_gap_receives_it() {
    let feed = feed_before_late_messages(&["first", "foo", "last"]).await;
    let mut scan = feed.0.scan.lock().await;
    feed.scan_once(&mut scan, Look::Usual).await.unwrap();
    assert!(!scan.covers(2));
    let mut waiting = pin!(feed.catch_up(client("foo"), 2));
    assert!(waiting.as_mut().now_or_never().is_none());
    feed.scan_once(&mut scan, Look::Usual).await.unwrap();
    drop(scan);
    waiting.await.unwrap();
    assert_eq!(position(&feed, "foo"), Some(2));
}

/// Thousands of clients may wait, with a scan for each of them.
#[tokio::test]
async fn a_scan_looks_for_the_messages_that_all_waiting_clients_were_notified_of() {
    let feed = feed_before_late_messages(&["first", "foo", "middle", "bar", "last"]).await;
    let mut scan = feed.0.scan.lock().await;
    let clients = [(client("foo"), 2), (client("bar"), 4)];
    let mut waiting = pin!(try_join_all(clients.map(|(place, id)| feed.catch_up(place, id))));
    assert!(waiting.as_mut().now_or_never().is_none());
    feed.scan_once(&mut scan, Look::Usual).await.unwrap();
    let began = scan.began;
    drop(scan);
    waiting.await.unwrap();
    assert_eq!(feed.0.scan.lock().await.began, began, "none of them needed another scan");
    let positions = ["foo", "bar"].map(|name| position(&feed, name));
    assert_eq!(positions, [Some(2), Some(4)]);
}

/// S107: messages waited for those of all other statements, of which one may fail.
#[tokio::test]
async fn late_messages_are_delivered_after_each_statement() {
    let names: Vec<_> = (1..=2 * BATCH + 3).map(|id| format!("n{id}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let feed = feed_before_late_messages(&names).await;
    let mut scan = feed.0.scan.lock().await;
    let (first, last) = (names[1], names[names.len() - 2]);
    let delivered = async {
        while position(&feed, first).is_none() {
            yield_now().await;
        }
        position(&feed, last)
    };
    let (done, position_of_last) =
        join(feed.scan_once(&mut scan, Look::Everywhere), delivered).await;
    done.unwrap();
    assert_eq!(position_of_last, None);
    assert!(position(&feed, last).is_some());
}

/// S104: the next scan may be an hour away.
#[tokio::test]
async fn a_scan_that_panicked_after_a_failure_is_repeated_soon() {
    let interval = (keys::SCAN_INTERVAL.name.to_owned(), "3600000".to_owned());
    let config = ServerConfig::new(BTreeMap::from([interval]));
    let store = empty_store().await;
    let feed = ReleaseFeed::load(store, config, FeedOptions::default()).await.unwrap();
    feed.cache().set_database_away(true);
    let background = Background::default();
    let task = feed.clone();
    // As after the panic.
    background.spawn("scan", move || task.clone().scan_messages());
    let answered = async {
        while feed.cache().is_database_away() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), answered).await.unwrap();
    background.shutdown.cancel();
}
