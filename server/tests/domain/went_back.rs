//! Ids of release messages that went back are noticed, and those that were deleted as obsolete are
//! not taken for them.

use std::collections::BTreeMap;
use std::time::Duration;

use castalia_server::background::Background;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::release_message::{Column, Entity};
use castalia_store::{Id, Store, StoreError, message};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::appended::{KEY, feed, insert, scan_until};
use crate::database::{Database, on_each_database};

pub(crate) const OTHER: &str = "app+default+other";

/// Stores messages, and deletes others physically, in one transaction.
pub(crate) async fn replace(store: &Store, deleted: &[i64], texts: &[&str]) {
    let deleted: Vec<Id> = deleted.iter().copied().map(Id).collect();
    let texts: Vec<String> = texts.iter().copied().map(str::to_owned).collect();
    let replace = store.write((deleted, texts), |tx, (deleted, texts)| {
        Box::pin(async move {
            for text in texts {
                message::insert(tx, text).await?;
            }
            let deleted = Column::Id.is_in(deleted.iter().copied());
            let deleted = Entity::delete_many().filter(deleted).exec(tx).await;
            deleted.map_err(StoreError::from)
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
        replace(&store, &[2], &[OTHER]).await;
        scan_until(&feed, KEY, 1).await;
        assert_eq!(feed.positions().of(OTHER), Some(3));
        assert_eq!(feed.lost_id(), Some(2));
    }

    // Of several messages that it had not received, the last one alone looks obsolete, because
    // another node published its namespace again.
    async fn a_missing_message_before_the_last_is_noticed(database: Database) {
        let (store, feed) = feed(&database).await;
        replace(&store, &[], &[OTHER, KEY]).await;
        feed.run(&Background::default());
        scan_until(&feed, KEY, 3).await;
        assert_eq!(feed.positions().of(OTHER), Some(2));
        replace(&store, &[2, 3], &[KEY]).await;
        scan_until(&feed, KEY, 4).await;
        assert_eq!(feed.positions().of(OTHER), None);
        assert_eq!(feed.lost_id(), Some(3));
    }

    async fn obsolete_messages_of_several_namespaces_are_none(database: Database) {
        let (store, feed) = feed(&database).await;
        replace(&store, &[], &[OTHER, KEY]).await;
        feed.run(&Background::default());
        scan_until(&feed, KEY, 3).await;
        replace(&store, &[2, 3], &[KEY, OTHER]).await;
        scan_until(&feed, OTHER, 5).await;
        assert_eq!(feed.positions().of(KEY), Some(4));
        assert_eq!(feed.lost_id(), None);
    }

    async fn an_obsolete_last_message_is_none(database: Database) {
        let (store, feed) = feed(&database).await;
        insert(&store).await;
        feed.run(&Background::default());
        scan_until(&feed, KEY, 2).await;
        replace(&store, &[2], &[KEY]).await;
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
