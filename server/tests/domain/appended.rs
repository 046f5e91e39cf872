//! The delivery of a release message that this process has just stored.

use std::collections::BTreeMap;
use std::net::IpAddr;

use castalia_server::background::Background;
use castalia_server::feed::hub::{Holder, Parked, Woken};
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::release_message::{Column, Entity};
use castalia_store::feed::{Appended, Message, messages_between};
use castalia_store::{Store, StoreError, message};
use futures_util::FutureExt as _;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::database::Database;

pub(crate) const KEY: &str = "app+default+application";

pub(crate) async fn insert(store: &Store) {
    let insert = store.write((), |tx, ()| Box::pin(message::insert(tx, KEY)));
    insert.await.unwrap();
}

/// A feed that has read one message, and scans only once it runs.
pub(crate) async fn feed(database: &Database) -> (Store, ReleaseFeed) {
    let store = database.config().await;
    insert(&store).await;
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
    (store, feed)
}

/// Delivers the last message.
async fn deliver_last(store: &Store, feed: &ReleaseFeed) {
    let mut messages = messages_between(store.read(), 1, 9, 9).await.unwrap().readable;
    let mut last = || -> Message { messages.pop().unwrap() };
    let (message, before) = (last(), last());
    feed.deliver_appended(Appended { before, message }).await;
}

/// Scans until the newest message of the key has this id. A scan may take longer than a publisher
/// waits for it.
pub(crate) async fn scan_until(feed: &ReleaseFeed, key: &str, id: i64) {
    for _ in 0..60 {
        feed.deliver_committed().await;
        if feed.positions().of(key) == Some(id) {
            return;
        }
    }
    panic!("the newest message is {:?}, not {id}", feed.positions().of(key));
}

fn park(feed: &ReleaseFeed) -> Parked {
    let holder = Holder { app_id: "app", address: IpAddr::from([127, 0, 0, 1]), more_bytes: 0 };
    feed.hub().park(&[KEY], 60, holder).unwrap()
}

#[tokio::test]
async fn the_message_after_the_last_one_is_delivered_without_a_scan() {
    let database = Database::sqlite();
    let (store, feed) = feed(&database).await;
    let parked = park(&feed);
    insert(&store).await;
    deliver_last(&store, &feed).await;
    assert_eq!(feed.positions().of(KEY), Some(2));
    let woken = parked.now_or_never();
    assert!(matches!(&woken, Some(Woken::Message(wake)) if wake.id == 2), "{woken:?}");
    // The next scan does not deliver it again.
    let parked = park(&feed);
    feed.run(&Background::default());
    feed.deliver_committed().await;
    assert!(parked.now_or_never().is_none());
    assert!(feed.faults().is_empty(), "{:?}", feed.faults());
}

#[tokio::test]
async fn a_message_after_one_that_was_not_read_is_left_to_the_scan() {
    let database = Database::sqlite();
    let (store, feed) = feed(&database).await;
    insert(&store).await;
    insert(&store).await;
    deliver_last(&store, &feed).await;
    assert_eq!(feed.positions().of(KEY), Some(1));
    feed.run(&Background::default());
    scan_until(&feed, KEY, 3).await;
}

/// Otherwise the scans would not notice that the database was restored.
#[tokio::test]
async fn a_message_after_an_id_that_was_used_again_is_left_to_the_scan() {
    let database = Database::sqlite();
    let (store, feed) = feed(&database).await;
    let replace = store.write((), |tx, ()| {
        Box::pin(async move {
            let other = Entity::update_many().col_expr(Column::Message, Expr::value("other+d+n"));
            other.filter(Column::Id.eq(1)).exec(tx).await.map_err(StoreError::from)
        })
    });
    replace.await.unwrap();
    insert(&store).await;
    deliver_last(&store, &feed).await;
    assert_eq!(feed.positions().of(KEY), Some(1));
    feed.run(&Background::default());
    scan_until(&feed, KEY, 2).await;
    assert_eq!(feed.faults().len(), 1, "{:?}", feed.faults());
}
