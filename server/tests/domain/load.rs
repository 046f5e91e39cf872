//! The load of a namespace into the memory of a node.

use std::collections::BTreeMap;

use castalia_server::background::Background;
use castalia_server::feed::cache::NamespaceRef;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{cluster, gray_release_rule, release};
use castalia_store::{Id, Store, StoreError};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, TransactionTrait as _};

use super::appended::scan_until;
use crate::config_row::{cluster_row, release_row, rule_row};
use crate::database::{Database, on_each_database};

const PLACE: NamespaceRef<'static> =
    NamespaceRef { app_id: "a", cluster: "default", namespace: "n" };

on_each_database! {
    // S12: a merge between two statements would leave clients of the branch with values that were
    // published neither before it nor after it.
    async fn a_namespace_and_its_branch_are_loaded_in_one_statement(database: Database) {
        let store = database.config().await;
        publish_with_branch(&store).await;
        let config = ServerConfig::new(BTreeMap::new());
        let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
        let before = store.statements();
        let loaded = feed.cache().get(PLACE).await.unwrap();
        let sent = store.statements() - before;
        assert!(loaded.main.is_some());
        assert_eq!(loaded.gray.len(), 1);
        assert!(loaded.gray[0].release.is_some() && loaded.gray[0].rules.is_some());
        // SQLite, which stores names that cannot be decoded, is also asked for rows that the first
        // load does not find because of that.
        assert_eq!(sent, 1 + u64::from(database.is_sqlite()), "the first load");
        let before = store.statements();
        feed.cache().reload(PLACE, 1).await.unwrap();
        assert_eq!(store.statements() - before, 1, "a load after a release message");
    }

    // Anybody may request names that are not in memory. A SQLite file is not locked for readers.
    async fn loads_that_wait_delay_no_scan(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = database.config().await.reserved();
        let config = ServerConfig::new(BTreeMap::new());
        let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
        feed.run(&Background::default());
        let (locking, other) = (database.raw().await, database.raw().await);
        let session = locking.begin().await.unwrap();
        let (lock, message) = match database.is_postgres() {
            true => (
                r#"LOCK TABLE "Release" IN ACCESS EXCLUSIVE MODE"#,
                r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('a+default+n')"#,
            ),
            false => (
                "LOCK TABLES `Release` WRITE",
                "INSERT INTO `ReleaseMessage` (`Message`) VALUES ('a+default+n')",
            ),
        };
        session.execute_unprepared(lock).await.unwrap();
        // Each load ends after three seconds, so the scan must be quicker once.
        let mut quick = 0;
        for attempt in 1..=5 {
            let names: Vec<String> = (0..40).map(|name| format!("invented-{name}")).collect();
            let loads = names.iter().map(|name| {
                feed.cache().get(NamespaceRef { app_id: "a", cluster: "default", namespace: name })
            });
            let mut loads = futures_util::future::select_all(loads.map(Box::pin));
            // Each load has sent its query or waits for its turn.
            assert!(futures_util::poll!(&mut loads).is_pending());
            other.execute_unprepared(message).await.unwrap();
            quick += tokio::select! {
                biased;
                () = scan_until(&feed, "a+default+n", attempt) => 1,
                _ = loads => 0,
            };
        }
        assert!(quick > 0, "each scan waited until the loads ended");
        if database.is_mysql() {
            session.execute_unprepared("UNLOCK TABLES").await.unwrap();
        }
        session.rollback().await.unwrap();
    }
}

/// A release of the main line, and one of a branch with its rule.
async fn publish_with_branch(store: &Store) {
    let published = store.write((), |tx, ()| {
        Box::pin(async move {
            cluster::Entity::insert(cluster_row("branch", Id(1))).exec(tx).await?;
            release::Entity::insert(release_row("default", 0)).exec(tx).await?;
            let gray = release::Entity::insert(release_row("branch", 1)).exec(tx).await?;
            let rule = rule_row(gray.last_insert_id, 1);
            gray_release_rule::Entity::insert(rule).exec(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    published.await.unwrap();
}
