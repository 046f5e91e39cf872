//! Ids of release messages that went back are noticed, and those that were deleted as obsolete are
//! not taken for them.

use std::collections::BTreeMap;
use std::time::Duration;

use castalia_server::background::Background;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::release_message::Entity;
use castalia_store::{Id, Store, StoreError, message};
use sea_orm::EntityTrait as _;

use super::appended::{KEY, feed, insert, scan_until};
use crate::database::{Database, on_each_database};

const OTHER: &str = "app+default+other";

/// Stores a message, and deletes another one physically, in one transaction.
async fn replace(store: &Store, deleted: i64, text: &'static str) {
    let replace = store.write((), move |tx, ()| {
        Box::pin(async move {
            message::insert(tx, text).await?;
            Entity::delete_by_id(Id(deleted)).exec(tx).await.map_err(StoreError::from)
        })
    });
    replace.await.unwrap();
}

on_each_database! {
    // A replica that took over had not received the last message, and its next id is higher.
    async fn a_missing_last_message_is_noticed(database: Database) {
        let (store, feed) = feed(&database).await;
        insert(&store).await;
        feed.run(&Background::default());
        scan_until(&feed, KEY, 2).await;
        assert_eq!(feed.lost_id(), None);
        replace(&store, 2, OTHER).await;
        scan_until(&feed, KEY, 1).await;
        assert_eq!(feed.positions().of(OTHER), Some(3));
        assert_eq!(feed.lost_id(), Some(2));
    }

    async fn an_obsolete_last_message_is_none(database: Database) {
        let (store, feed) = feed(&database).await;
        insert(&store).await;
        feed.run(&Background::default());
        scan_until(&feed, KEY, 2).await;
        replace(&store, 2, KEY).await;
        scan_until(&feed, KEY, 3).await;
        assert_eq!(feed.lost_id(), None);
    }

    async fn a_position_above_every_id_is_corrected(database: Database) {
        let store = database.config().await;
        insert(&store).await;
        let often = ("feed.reconciliation.interval".to_owned(), "1".to_owned());
        let config = ServerConfig::new(BTreeMap::from([often]));
        let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
        feed.run(&Background::default());
        feed.positions().set(KEY, 99);
        let corrected = async {
            while feed.positions().of(KEY) != Some(1) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), corrected).await.unwrap();
    }
}
