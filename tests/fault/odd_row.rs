//! Rows that were changed by hand into states that no publish writes: the greatest possible id, a
//! key without an app, a release that is not JSON. Each affects as little as possible and is
//! reported.

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::eventually::eventually;
use crate::support::health::is_well;

/// Reconciliation, which detects manual changes, each second.
const OFTEN: [(&str, &str); 2] = [
    ("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1"),
    ("CASTALIA_CONFIG_SERVICE_INCREMENTAL_CHANGE_ENABLED", "true"),
];

/// A message with the greatest id stops no task and prevents no start.
async fn the_greatest_id_of_a_message_does_no_harm(kind: Kind) {
    if kind == Kind::MySql {
        // Its column is too small for the id.
        return;
    }
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let sql = format!(
        r#"INSERT INTO "ReleaseMessage" ("Id","Message") VALUES ({}, 'demo+default+other')"#,
        i64::MAX
    );
    node.database.run(&[&sql]).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert!(node.metric("castalia_task_restarts_total").await < 1.0);
    let node = node.restart(async |_| ()).await;
    assert_eq!(node.value().await, "1");
    node.end().await;
}

/// The app of a key that was known remains protected, and the node reports that a key has no app.
#[tokio::test]
async fn a_key_whose_app_cannot_be_decoded_is_reported_and_goes_on_to_protect() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    node.app.publish("1").await;
    let id = node.app.add_key("k", 0, true).await;
    eventually("the key to be in force", async || (node.value().await == "401").then_some(()))
        .await;
    let damage = format!(
        r#"UPDATE "AccessKey" SET "AppId" = X'80FF', "DataChange_LastTime" = datetime('now', '+1 second') WHERE "Id" = {id}"#
    );
    node.database.run(&[&damage]).await;
    // Another key makes the node read all of them.
    node.app.add_key("another key", 1, true).await;
    eventually("the fault to be reported", async || {
        let health = node.get("/health").await;
        (health.status == 503 && health.text.contains("AccessKey")).then_some(())
    })
    .await;
    assert_eq!(node.value().await, "401");
    assert!(node.metric("castalia_unreadable_access_keys").await >= 1.0);
    node.end().await;
}

/// A key that a node with a slow clock wrote takes effect before the next complete read, which
/// would find it in any case.
#[tokio::test]
async fn a_key_with_an_earlier_time_takes_effect_within_seconds() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let key = r#"INSERT INTO "AccessKey" ("AppId","Secret","Mode","IsEnabled","DataChange_LastTime")
                 VALUES ('demo','0123456789abcdef',0,1,strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-20 seconds'))"#;
    node.database.run(&[key]).await;
    eventually("the key to be in force", async || (node.value().await == "401").then_some(()))
        .await;
    node.end().await;
}

/// A release that was damaged by hand does not affect clients of a node that has it in memory, and
/// is reported.
async fn a_release_that_cannot_be_parsed_is_served_from_memory(kind: Kind) {
    let Some(node) = Node::start(kind, &OFTEN).await else { return };
    let release = node.app.publish("1").await;
    node.eventually_serves("1").await;
    let damage =
        format!(r#"UPDATE "Release" SET "Configurations" = '{{"k":' WHERE "Id" = {}"#, release.id);
    node.database.run(&[&damage]).await;
    eventually("the fault to be reported", async || {
        let health = node.get("/health").await;
        (health.status == 503 && health.text.contains("demo+default+application")).then_some(())
    })
    .await;
    assert_eq!(node.value().await, "1");
    assert!(node.metric("castalia_unreadable_releases_total").await >= 1.0);
    node.app.publish("2").await;
    node.eventually_serves("2").await;
    is_well(&node.http).await;
    node.end().await;
}

/// Incremental answers are never based on values that were changed by hand under the key that the
/// client knows.
async fn a_release_that_was_rewritten_is_no_base_of_changes(kind: Kind) {
    let Some(node) = Node::start(kind, &OFTEN).await else { return };
    node.app.release("default", "application", &[("k", "1"), ("old", "1")]).await;
    node.eventually_serves("1").await;
    let first = node.get("/configs/demo/default/application").await.ok().json();
    let key = first["releaseKey"].as_str().unwrap().to_owned();
    let rewrite = r#"UPDATE "Release" SET "Configurations" = '{"k":"by hand"}'"#;
    node.database.run(&[rewrite]).await;
    node.eventually_serves("by hand").await;
    node.app.publish("2").await;
    node.eventually_serves("2").await;
    // A client with the first values would keep "old" if it received the changes from the second.
    let path = format!("/configs/demo/default/application?releaseKey={key}");
    let answer = node.get(&path).await;
    assert_eq!(value_of(&answer), "2", "an answer in full: {answer:?}");
    node.end().await;
}

/// Retention continues past a message whose time cannot be decoded, and after ids decreased.
async fn old_messages_are_removed_behind_a_damaged_one(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let count = async || {
        let sql =
            r#"SELECT "Id" FROM "ReleaseMessage" WHERE "Message" = 'demo+default+application'"#;
        node.database.rows(sql).await.len()
    };
    // From here on the cleaner processes new rows.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let time = match kind {
        Kind::Sqlite => "X'80FF'",
        Kind::MySql => "'0000-00-00 00:00:00'",
        Kind::Postgres => "'infinity'",
    };
    let damaged = format!(
        r#"INSERT INTO "ReleaseMessage" ("Message","DataChange_LastTime") VALUES ('other+default+application', {time})"#
    );
    node.app.publish("1").await;
    node.database.run(&[&damaged]).await;
    node.app.publish("2").await;
    node.app.publish("3").await;
    eventually("old messages to be removed", async || (count().await == 1).then_some(())).await;
    node.end().await;
}

on_each_kind!(
    the_greatest_id_of_a_message_does_no_harm,
    a_release_that_cannot_be_parsed_is_served_from_memory,
    a_release_that_was_rewritten_is_no_base_of_changes,
    old_messages_are_removed_behind_a_damaged_one
);
