//! The load of a namespace into the memory of a node.

use std::collections::BTreeMap;
use std::time::Duration;

use castalia_server::background::Background;
use castalia_server::feed::cache::NamespaceRef;
use castalia_server::feed::{FeedOptions, ReleaseFeed};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{cluster, gray_release_rule, release};
use castalia_store::{Id, Store, StoreError, StoreOptions};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, TransactionTrait as _};

use super::appended::scan_until;
use crate::config_row::{cluster_row, release_row, rule_row};
use crate::database::{Database, on_each_database};

const PLACE: NamespaceRef<'static> =
    NamespaceRef { app_id: "a", cluster: "default", namespace: "n" };
/// Wait for a connection, after which a scan fails. Less than the two seconds between the moment in
/// which clients give up and the end of their statements, and far above what a scan needs.
const ACQUIRE: Duration = Duration::from_millis(1_500);
/// Rounds of requests, of which each takes three seconds, and statements five.
const ROUNDS: usize = 4;
/// Pause between two looks for a failed scan.
const STEP: Duration = Duration::from_millis(10);

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

    // X32: Anybody may request names that are not in memory. Clients give up before the statements of
    // their loads end, which occupy connections until then. A SQLite file is not locked for readers.
    async fn loads_that_wait_delay_no_scan(database: Database) {
        if database.is_sqlite() {
            return;
        }
        database.config().await.close().await.unwrap();
        let options = StoreOptions { acquire_timeout: ACQUIRE, ..StoreOptions::new("config-db") };
        let store = Store::connect(&database.url, options).await.unwrap().reserved();
        let config = ServerConfig::new(BTreeMap::new());
        let feed = ReleaseFeed::load(store.clone(), config, FeedOptions::default()).await.unwrap();
        feed.run(&Background::default());
        let _listener = store.listen().await.unwrap();
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
        other.execute_unprepared(message).await.unwrap();
        scan_until(&feed, "a+default+n", 1).await;
        session.execute_unprepared(lock).await.unwrap();
        let requests = async {
            for round in 0..ROUNDS {
                request_invented_names(&feed, round).await;
            }
        };
        let scans = async {
            for newest in 2.. {
                other.execute_unprepared(message).await.unwrap();
                scan_until(&feed, "a+default+n", newest).await;
            }
        };
        let failure = async {
            while !feed.cache().is_database_away() {
                tokio::time::sleep(STEP).await;
            }
        };
        tokio::select! {
            biased;
            () = failure => panic!("a scan got no connection: {:?}", feed.faults()),
            () = requests => {}
            () = scans => {}
        }
        if database.is_mysql() {
            session.execute_unprepared("UNLOCK TABLES").await.unwrap();
        }
        session.rollback().await.unwrap();
    }
}

/// More at once than there are connections for them.
async fn request_invented_names(feed: &ReleaseFeed, round: usize) {
    let names: Vec<String> = (0..8).map(|name| format!("invented-{round}-{name}")).collect();
    let loads = names.iter().map(|name| {
        let place = NamespaceRef { app_id: "a", cluster: "default", namespace: name };
        feed.cache().get(place)
    });
    for load in futures_util::future::join_all(loads).await {
        assert!(load.is_err(), "the table is locked");
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
