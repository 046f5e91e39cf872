//! Differences between what is stored, announced, cached and served are created by hand; the node
//! detects, corrects, counts and logs them.

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::eventually::eventually;
use crate::support::poll::newest;

/// Reconciliation each second.
const OFTEN: [(&str, &str); 1] = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1")];
/// The same without a comparison of contents. It follows that of ids, and would report a row that
/// is written between the two as a difference of contents.
const IDS_OFTEN: [(&str, &str); 2] = [OFTEN[0], ("CASTALIA_FEED_RECONCILIATION_CONTENTS", "0")];
const RECONCILED: &str = "castalia_reconciled_total";
const LOGGED: &str = "memory differed from the database without a release message";

fn release(content: &str) -> String {
    format!(
        r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations")
           VALUES ('20260101000000-000000000000000a','demo','default','application','{content}')"#
    )
}

/// Ends a node that has to have corrected the namespace at least this often: the corrections are
/// counted by kind, and lines of the log name the kind and the namespace.
async fn end_with_corrections(mut node: Node, what: &str, least: u8) {
    let counter = format!(r#"{RECONCILED}{{what="{what}"}}"#);
    // Clients are notified before a correction is counted and logged.
    eventually(&format!("{least} corrections of the kind {what}"), async || {
        (node.metric(&counter).await >= f64::from(least)).then_some(())
    })
    .await;
    let what = format!(r#""what":"{what}""#);
    let parts = [LOGGED, "WARN", r#""app_id":"demo""#, r#""namespace":"application""#, &*what];
    let lines = node.server.printed_until_exit();
    let is_correction = |line: &&String| parts.iter().all(|part| line.contains(*part));
    let corrections = lines.iter().filter(is_correction).count();
    assert!(corrections >= usize::from(least), "{what}: {lines:#?}");
    node.end().await;
}

/// A release without a message is served, and wakes its polls.
async fn a_release_without_its_message_is_announced(kind: Kind) {
    let Some(node) = Node::start(kind, &IDS_OFTEN).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let (waiting, _) = node.poll().await;
    node.database.run(&[&release(r#"{"k":"unannounced"}"#)]).await;
    waiting.end().await.0.ok();
    assert_eq!(node.value().await, "unannounced");
    end_with_corrections(node, "release", 1).await;
}

/// A release that was abandoned by hand is no longer served; one that is active again is.
async fn a_stale_value_in_memory_is_replaced(kind: Kind) {
    let Some(node) = Node::start(kind, &IDS_OFTEN).await else { return };
    node.app.publish("1").await;
    let second = node.app.publish("2").await;
    node.eventually_serves("2").await;
    let (waiting, _) = node.poll().await;
    let abandoned = |text: &str| {
        format!(r#"UPDATE "Release" SET "IsAbandoned" = {text} WHERE "Id" = {}"#, second.id)
    };
    let (yes, no) = if kind == Kind::Postgres { ("TRUE", "FALSE") } else { ("1", "0") };
    node.database.run(&[&abandoned(yes)]).await;
    waiting.end().await.0.ok();
    assert_eq!(node.value().await, "1");
    node.database.run(&[&abandoned(no)]).await;
    node.eventually_serves("2").await;
    end_with_corrections(node, "release", 2).await;
}

/// A release whose values were changed under the same key is also served to clients that know the
/// key.
async fn a_release_that_was_changed_by_hand_is_served(kind: Kind) {
    let Some(node) = Node::start(kind, &OFTEN).await else { return };
    let first = node.app.publish("1").await;
    node.eventually_serves("1").await;
    let path = format!("/configs/demo/default/application?releaseKey={}", first.key);
    assert_eq!(node.get(&path).await.status, 304);
    let (waiting, _) = node.poll().await;
    let sql = format!(
        r#"UPDATE "Release" SET "Configurations" = '{{"k":"by hand"}}' WHERE "Id" = {}"#,
        first.id
    );
    node.database.run(&[&sql]).await;
    waiting.end().await.0.ok();
    assert_eq!(node.value().await, "by hand");
    assert_eq!(value_of(&node.get(&path).await), "by hand");
    let text = node.get("/configfiles/json/demo/default/application").await.ok().text;
    assert!(text.contains("by hand"), "{text}");
    end_with_corrections(node, "content", 1).await;
}

/// A message that replaces an earlier one: its namespace is announced with the id in the database.
async fn a_wrong_position_is_corrected(kind: Kind) {
    let Some(node) = Node::start(kind, &OFTEN).await else { return };
    node.app.publish("1").await;
    for name in ["other", "last"] {
        node.app.add_namespace(name, false).await;
        node.app.release("default", name, &[("k", "1")]).await;
    }
    node.eventually_serves("1").await;
    let (waiting, id) = node.poll().await;
    let other = node.database.newest("demo+default+other").await;
    assert!(other > id);
    let sql = format!(
        r#"UPDATE "ReleaseMessage" SET "Message" = 'demo+default+application' WHERE "Id" = {other}"#
    );
    node.database.run(&[&sql, &release(r#"{"k":"moved"}"#)]).await;
    assert_eq!(newest(&waiting.end().await.0.ok()), other);
    node.eventually_serves("moved").await;
    end_with_corrections(node, "position", 1).await;
}

/// Of several active gray rules of a branch the newest is used, and none of a branch that does not
/// exist.
async fn the_newest_rule_of_an_existing_branch_is_obeyed(kind: Kind) {
    let Some(node) = Node::start(kind, &IDS_OFTEN).await else { return };
    let main = node.app.publish("main").await;
    let gray = |branch: &str, ip: &str| {
        format!(
            r#"INSERT INTO "GrayReleaseRule" ("AppId","ClusterName","NamespaceName","BranchName","Rules","ReleaseId","BranchStatus")
               VALUES ('demo','default','application','{branch}','[{{"clientAppId":"demo","clientIpList":["{ip}"]}}]',{},1)"#,
            main.id
        )
    };
    let branch = node.app.add_branch("application", &["10.9.9.9"], &[]).await;
    node.app.release(&branch, "application", &[("k", "gray")]).await;
    let get = async |ip: &str| {
        value_of(&node.get(&format!("/configs/demo/default/application?ip={ip}")).await)
    };
    // The branch is in memory and announced, so that no message explains the rows that follow.
    eventually("the rule of the branch", async || (get("10.9.9.9").await == "gray").then_some(()))
        .await;
    let (waiting, _) = node.poll().await;
    let branch_release = format!(
        r#"UPDATE "GrayReleaseRule" SET "ReleaseId" = (SELECT MAX("Id") FROM "Release") WHERE "BranchName" = '{branch}' AND "ReleaseId" = {}"#,
        main.id
    );
    // Two concurrent writers left an older rule for one address and a newer one for another, both
    // active. The release of the newer one is written last: a node that serves it has read all
    // rules.
    let deleted = gray("20260101000000-deleted", "10.3.3.3");
    node.database
        .run(&[&gray(&branch, "10.1.1.1"), &gray(&branch, "10.2.2.2"), &deleted, &branch_release])
        .await;
    waiting.end().await.0.ok();
    eventually("the newest rule", async || (get("10.2.2.2").await == "gray").then_some(())).await;
    for ip in ["10.1.1.1", "10.9.9.9", "10.3.3.3"] {
        assert_eq!(get(ip).await, "main", "{ip}");
    }
    end_with_corrections(node, "release", 1).await;
}

on_each_kind!(
    a_release_without_its_message_is_announced,
    a_stale_value_in_memory_is_replaced,
    a_release_that_was_changed_by_hand_is_served,
    a_wrong_position_is_corrected,
    the_newest_rule_of_an_existing_branch_is_obeyed
);
