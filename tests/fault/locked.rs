//! REL-04: another session holds a lock on the whole database, as a backup or a forgotten
//! transaction does. Clients do not notice, publishes are refused and not applied later either,
//! `/health` says why, and all continues afterwards.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;

use super::feed_node::{Kind, Node, on_each_kind};
use crate::support::eventually::eventually;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::stopwatch::{Limit, Stopwatch};

/// A write waits for a lock for five seconds. Without this limit, MySQL waits for 50 seconds, and
/// PostgreSQL for ever.
const REFUSED: Limit = Limit { usual: Duration::from_secs(8), most: Duration::from_secs(25) };
/// Reads while the database is locked, and the limit of most of them.
const READS: usize = 20;
const READ: Duration = Duration::from_secs(3);

/// Statements that lock what a publish writes and leave reads alone, and that end this lock.
fn lock(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Sqlite => [r#"UPDATE "ServerConfig" SET "Comment" = 'locked'"#, "SELECT 1"],
        Kind::MySql => ["LOCK TABLES `ReleaseMessage` READ, `Release` READ", "UNLOCK TABLES"],
        Kind::Postgres => {
            [r#"LOCK TABLE "ReleaseMessage", "Release" IN EXCLUSIVE MODE"#, "SELECT 1"]
        }
    }
}

/// The ids of all releases and of all release messages.
async fn published(node: &Node) -> [Vec<i64>; 2] {
    let releases = ids(node, "Release").await;
    [releases, ids(node, "ReleaseMessage").await]
}

async fn ids(node: &Node, table: &str) -> Vec<i64> {
    let sql = format!(r#"SELECT "Id" FROM "{table}" ORDER BY "Id""#);
    let rows = node.database.rows(&sql).await;
    rows.iter().map(|row| row["Id"].as_i64().unwrap()).collect()
}

async fn a_locked_database_stops_publishes_only_and_health_says_so(kind: Kind) {
    // The poll is to be held until the end, however slow the machine is.
    let hold = [("CASTALIA_LONG_POLLING_TIMEOUT", "90")];
    let Some(node) = Node::start(kind, &hold).await else { return };
    node.app.publish("1").await;
    let id = position(&node.http, "demo", "application").await;
    let path = poll::path("demo", &[("application", id)]);
    let mut waiting = Waiting::start(&node.http, &path).await;
    let before = published(&node).await;

    let [lock, unlock] = lock(kind);
    let locked = node.database.begin(&[]).await;
    locked.execute_unprepared(lock).await.unwrap();
    let publish = async || {
        let refused = node.app.try_publish("default", "application").await;
        assert_eq!(refused.status, 503, "{refused:?}");
    };
    REFUSED.time("a publish", publish).await;
    eventually("/health to report the lock", async || {
        let health = node.get("/health").await;
        (health.status == 503).then(|| assert!(health.text.contains("lock"), "{health:?}"))
    })
    .await;
    let mut times = Vec::new();
    for _ in 0..READS {
        let start = Stopwatch::start();
        assert_eq!(node.value().await, "1");
        times.push(start.elapsed());
    }
    times.sort();
    assert!(times[READS * 3 / 4] < READ, "{times:?}");
    assert_eq!(node.get("/health/ready").await.status, 200, "clients are served from memory");
    assert!(waiting.is_held_for(Duration::from_millis(200)).await);

    locked.execute_unprepared(unlock).await.unwrap();
    locked.rollback().await.unwrap();
    eventually("/health to report the recovery", async || {
        (node.get("/health").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(published(&node).await, before, "the refused publish was applied");
    assert_eq!(node.value().await, "1");
    assert!(waiting.is_held_for(Duration::from_millis(200)).await);
    // A SQLite file has one writer, which would do before this what is left of the refused one.
    let release = node.app.publish("2").await;
    let after = ids(&node, "Release").await;
    assert_eq!(after, [&before[0][..], &[release.id]].concat(), "the refused publish was applied");
    assert!(newest(&waiting.soon().await.ok()) > id);
    node.eventually_serves("2").await;
    node.end().await;
}

on_each_kind!(a_locked_database_stops_publishes_only_and_health_says_so);
