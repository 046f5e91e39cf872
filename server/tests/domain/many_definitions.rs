//! More definitions and clusters than a statement of the scan reads, changed within the same seconds.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use castalia_server::background::Background;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{app_namespace, cluster};
use castalia_store::{Id, Store, StoreError};
use sea_orm::{EntityTrait as _, Set};

use crate::config_row::{cluster_row, definition_row};
use crate::database::{Database, on_each_database};

/// Id of the row that is known first, far behind the others, which a look for new rows omits.
const KNOWN: i64 = 5_000;
/// Rows that appear before it; a statement reads 500.
const EARLIER: i64 = 1_100;
/// Reads, of which each takes at most a second: everything is read again after a minute.
const READS: u32 = 20;

/// Definitions and clusters with these ids.
async fn declare(store: &Store, ids: RangeInclusive<i64>) {
    let write = store.write(ids, |tx, ids| {
        Box::pin(async move {
            let definitions = ids.clone().map(|id| app_namespace::ActiveModel {
                id: Set(Id(id)),
                ..definition_row("a", &format!("n{id}"), false)
            });
            app_namespace::Entity::insert_many(definitions).exec_without_returning(tx).await?;
            let clusters = ids.clone().map(|id| cluster::ActiveModel {
                id: Set(Id(id)),
                ..cluster_row(&format!("c{id}"), Id(0))
            });
            cluster::Entity::insert_many(clusters).exec_without_returning(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.unwrap();
}

fn is_known(feed: &ReleaseFeed, id: i64) -> bool {
    let names = feed.names();
    let name = names.own("a", &format!("n{id}"));
    name.is_some() && names.cluster("a", &format!("c{id}")).is_some()
}

on_each_database! {
    async fn names_that_appear_before_the_last_one_are_all_read(database: Database) {
        let store = database.config().await;
        declare(&store, KNOWN..=KNOWN).await;
        let options = FeedOptions { folds_names: true, ..FeedOptions::default() };
        let config = ServerConfig::new(BTreeMap::new());
        let feed = ReleaseFeed::load(store.clone(), config, options).await.unwrap();
        let background = Background::default();
        feed.run(&background);
        declare(&store, 1..=EARLIER).await;
        let mut reads = 0;
        while !(1..=EARLIER).all(|id| is_known(&feed, id)) {
            let known = (1..=EARLIER).filter(|id| is_known(&feed, *id)).count();
            assert!(reads < READS, "only {known} names are known after {reads} reads");
            feed.read_committed_definitions().await;
            reads += 1;
        }
    }
}
