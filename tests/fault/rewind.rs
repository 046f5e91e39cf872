//! Ids of release messages that decrease or appear late: a restored backup, a failover to a delayed
//! replica, a slow transaction.

use std::time::Duration;

use serde_json::json;

use super::feed_node::{Kind, Node, on_each_kind};
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::poll::{self, Waiting, newest};

/// Deletes rows with greater ids, as if a backup of that moment was restored; ids continue from
/// there.
pub(super) async fn restore(node: &Node, release: i64, message: i64) {
    let database = &node.database;
    // The node removes messages that have a newer one; the state that returns has it.
    let kept = format!(
        r#"INSERT INTO "ReleaseMessage" ("Id", "Message") SELECT {message}, "Message" FROM "ReleaseMessage"
           WHERE "Id" = (SELECT MAX("Id") FROM "ReleaseMessage")
           AND NOT EXISTS (SELECT 1 FROM "ReleaseMessage" WHERE "Id" = {message})"#
    );
    database.run(&[&kept]).await;
    for (table, id) in [("Release", release), ("ReleaseMessage", message)] {
        let sequence = match node.kind {
            Kind::Sqlite => {
                format!(r#"UPDATE "sqlite_sequence" SET "seq" = {id} WHERE "name" = '{table}'"#)
            }
            Kind::MySql => format!(r#"ALTER TABLE "{table}" AUTO_INCREMENT = {}"#, id + 1),
            Kind::Postgres => {
                format!(r#"SELECT setval(pg_get_serial_sequence('"{table}"', 'Id'), {id})"#)
            }
        };
        let delete = format!(r#"DELETE FROM "{table}" WHERE "Id" > {id}"#);
        database.run(&[&delete, &sequence]).await;
    }
}

async fn counts_rewinds(node: &Node) {
    eventually("a rewind to be counted", async || {
        (node.metric("castalia_message_rewinds_total").await >= 1.0).then_some(())
    })
    .await;
}

/// The node detects and reports it, serves what the database contains, and wakes clients that know
/// a greater id. Publishes arrive immediately.
async fn ids_that_go_back_are_noticed(kind: Kind) {
    let variables = [("CASTALIA_FEED_REWIND_ALARM", "20")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    let kept = node.app.publish("kept").await;
    let (_, kept_id) = node.poll().await;
    for value in ["lost 1", "lost 2", "lost 3"] {
        node.app.publish(value).await;
        node.eventually_serves(value).await;
    }
    let (waiting, lost_id) = node.poll().await;
    assert!(lost_id > kept_id);
    is_well(&node.http).await;

    restore(&node, kept.id, kept_id).await;
    let (answer, _) = waiting.end().await;
    assert_eq!(newest(&answer.ok()), kept_id);
    node.eventually_serves("kept").await;
    let health = node.get("/health").await;
    assert_eq!(health.status, 503, "{health:?}");
    assert!(health.text.contains("decreased"), "{health:?}");
    assert_eq!(node.get("/health/ready").await.status, 200);
    counts_rewinds(&node).await;
    // A client between two polls is notified too.
    let ahead = poll::path("demo", &[("application", lost_id)]);
    assert_eq!(newest(&Waiting::start(&node.http, &ahead).await.soon().await.ok()), kept_id);

    let (waiting, _) = node.poll().await;
    node.app.publish("next").await;
    assert!(newest(&waiting.soon().await.ok()) > kept_id);
    node.eventually_serves("next").await;
    eventually("the alarm to end", async || {
        (node.get("/health").await.status == 200).then_some(())
    })
    .await;
    node.end().await;
}

/// Ids that are used a second time are detected even if they passed the old ones between two scans.
async fn ids_that_are_used_again_are_noticed(kind: Kind) {
    let variables = [("CASTALIA_APOLLO_MESSAGE_SCAN_INTERVAL", "3000")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    node.app.publish("kept").await;
    let (_, kept_id) = node.poll().await;
    node.app.add_namespace("other", false).await;
    node.app.release("default", "other", &[("k", "1")]).await;
    let (waiting, _) = node.poll().await;
    let place = ["demo", "default", "application"];
    let replaced = r#"UPDATE "ReleaseMessage" SET "Message" = 'demo+default+application'
        WHERE "Id" = (SELECT "Newest" FROM (SELECT MAX("Id") AS "Newest" FROM "ReleaseMessage") AS "m")"#;
    node.database.run(&[replaced]).await;
    let told = node
        .database
        .release(place, "20260101000000-0000000000000009", &json!({ "k": "again" }))
        .await;
    assert!(told > kept_id);
    let (answer, _) = waiting.end().await;
    assert!(newest(&answer.ok()) > kept_id);
    node.eventually_serves("again").await;
    counts_rewinds(&node).await;
    node.end().await;
}

/// The same if the id of a lost publish is that of the next one of the same namespace.
async fn a_publish_with_the_id_of_a_lost_one_is_served(kind: Kind) {
    let variables = [
        ("CASTALIA_APOLLO_MESSAGE_SCAN_INTERVAL", "6000"),
        ("CASTALIA_FEED_RECONCILIATION_INTERVAL", "86400"),
    ];
    let Some(node) = Node::start(kind, &variables).await else { return };
    let kept = node.app.publish("kept").await;
    let (_, kept_id) = node.poll().await;
    node.app.publish("lost").await;
    node.eventually_serves("lost").await;
    let (waiting, lost_id) = node.poll().await;
    // MariaDB stores the time of a message in seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    restore(&node, kept.id, kept_id).await;
    let place = ["demo", "default", "application"];
    let again = json!({ "k": "again" });
    let id = node.database.release(place, "20260101000000-0000000000000007", &again).await;
    assert_eq!(id, lost_id);
    node.eventually_serves("again").await;
    counts_rewinds(&node).await;
    drop(waiting);
    node.end().await;
}

/// The same if a publish of this node follows before the next scan.
async fn a_publish_hides_no_id_that_is_used_again(kind: Kind) {
    let variables = [
        ("CASTALIA_APOLLO_MESSAGE_SCAN_INTERVAL", "3000"),
        ("CASTALIA_FEED_RECONCILIATION_INTERVAL", "86400"),
    ];
    let Some(node) = Node::start(kind, &variables).await else { return };
    node.app.publish("kept").await;
    for name in ["other", "third"] {
        node.app.add_namespace(name, false).await;
        node.app.release("default", name, &[("k", "1")]).await;
    }
    node.eventually_serves("kept").await;
    let (waiting, known) = node.poll().await;
    node.app.release("default", "other", &[("k", "2")]).await;
    let release = r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations")
        VALUES ('20260101000000-0000000000000008','demo','default','application','{"k":"again"}')"#;
    let replaced = r#"UPDATE "ReleaseMessage" SET "Message" = 'demo+default+application'
        WHERE "Id" = (SELECT "Newest" FROM (SELECT MAX("Id") AS "Newest" FROM "ReleaseMessage") AS "m")"#;
    node.database.run(&[release, replaced]).await;
    node.app.release("default", "third", &[("k", "2")]).await;
    assert!(newest(&waiting.soon().await.ok()) > known);
    node.eventually_serves("again").await;
    node.end().await;
}

/// A message among thousands of reserved ids is announced although it is committed seconds after a
/// greater one.
async fn a_late_message_among_thousands_of_ids_is_announced(kind: Kind) {
    let variables = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "86400")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let (waiting, id) = node.poll().await;
    let far = id + 5_000;
    let other = format!(
        r#"INSERT INTO "ReleaseMessage" ("Id","Message") VALUES ({far}, 'demo+default+other')"#
    );
    node.database.run(&[&other]).await;
    eventually("the greater id to be seen", async || {
        let path = poll::path("demo", &[("other", -1)]);
        let answer = tokio::time::timeout(Duration::from_secs(1), node.get(&path)).await.ok()?;
        (answer.status == 200 && newest(&answer) == far).then_some(())
    })
    .await;
    // Longer than a scan, so that the id is really missed.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let place = "'20260101000000-0000000000000002','demo','default','application'";
    let release = format!(
        r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations") VALUES ({place},'{{"k":"late"}}')"#
    );
    let late = id + 10;
    let message = format!(
        r#"INSERT INTO "ReleaseMessage" ("Id","Message") VALUES ({late}, 'demo+default+application')"#
    );
    node.database.run(&[&release, &message]).await;
    assert_eq!(newest(&waiting.end().await.0.ok()), late);
    node.eventually_serves("late").await;
    node.end().await;
}

/// A publish that finds a message of another node before its own announces both.
async fn a_publish_announces_what_another_node_committed_before_it(kind: Kind) {
    let variables = [("CASTALIA_APOLLO_MESSAGE_SCAN_INTERVAL", "30000")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    node.app.add_namespace("other", false).await;
    node.app.release("default", "other", &[("k", "1")]).await;
    node.app.publish("1").await;
    let known = poll::position(&node.http, "demo", "other").await;
    let waiting = Waiting::start(&node.http, &poll::path("demo", &[("other", known)])).await;
    let other = r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('demo+default+other')"#;
    node.database.run(&[other]).await;
    node.app.publish("2").await;
    node.eventually_serves("2").await;
    assert!(newest(&waiting.soon().await.ok()) > known);
    node.end().await;
}

/// Delay of the message: after 15 s a missing id is looked up only occasionally. Up to ten minutes
/// by hand.
fn lateness() -> Duration {
    let seconds = crate::support::variable("CASTALIA_TEST_LATE_SECONDS");
    Duration::from_secs(seconds.map_or(17, |seconds| seconds.parse().unwrap()))
}

/// A transaction reserves the id of its message and commits long after greater ids were announced.
/// SQLite has one writer, so its ids are late only if they are written by hand.
async fn a_message_that_appears_late_is_announced(kind: Kind) {
    let variables = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "86400")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    node.app.add_namespace("other", false).await;
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let (_, id) = node.poll().await;
    let place = "'20260101000000-0000000000000003','demo','default','application'";
    let release = format!(
        r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations") VALUES ({place},'{{"k":"late"}}')"#
    );
    let text = "demo+default+application";
    let by_hand =
        format!(r#"INSERT INTO "ReleaseMessage" ("Id","Message") VALUES ({}, '{text}')"#, id + 1);
    let reserved = format!(r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('{text}')"#);
    let open = match kind {
        Kind::Sqlite => {
            let skipped = format!(
                r#"UPDATE "sqlite_sequence" SET "seq" = {} WHERE "name" = 'ReleaseMessage'"#,
                id + 5
            );
            node.database.run(&[&skipped]).await;
            None
        }
        Kind::MySql | Kind::Postgres => Some(node.database.begin(&[&release, &reserved]).await),
    };
    node.app.release("default", "other", &[("k", "1")]).await;
    let other = poll::position(&node.http, "demo", "other").await;
    assert!(other > id + 1, "the id between was not left out");
    tokio::time::sleep(lateness()).await;

    let (waiting, known) = node.poll().await;
    assert_eq!(known, id);
    match open {
        Some(transaction) => transaction.commit().await.unwrap(),
        None => node.database.run(&[&release, &by_hand]).await,
    }
    let late = newest(&waiting.end().await.0.ok());
    assert!(id < late && late < other, "{id} {late} {other}");
    node.eventually_serves("late").await;
    node.end().await;
}

// Concurrently, because they mostly wait.
#[tokio::test]
async fn a_message_that_appears_late_is_announced_on_each_database() {
    tokio::join!(
        a_message_that_appears_late_is_announced(Kind::Sqlite),
        a_message_that_appears_late_is_announced(Kind::MySql),
        a_message_that_appears_late_is_announced(Kind::Postgres),
    );
}

on_each_kind!(
    ids_that_go_back_are_noticed,
    ids_that_are_used_again_are_noticed,
    a_publish_with_the_id_of_a_lost_one_is_served,
    a_publish_hides_no_id_that_is_used_again,
    a_publish_announces_what_another_node_committed_before_it,
    a_late_message_among_thousands_of_ids_is_announced
);
