//! A release or a gray release rule whose text is no JSON, which every engine can hold: it is never
//! served, never taken for an absent one, and publishing again heals it.

use serde_json::Value;

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::{Answer, Http};

async fn roll_back(node: &Node, release: i64, query: &str) -> Answer {
    let path = format!("/releases/{release}/rollback?operator=apollo{query}");
    Http::new(&node.server.admin).put(&path, Value::Null).await
}

async fn count(node: &Node, rows: &str) -> usize {
    node.database.rows(&format!(r#"SELECT "Id" FROM {rows}"#)).await.len()
}

/// A rollback to a release that cannot be served is refused with its id and changes nothing; a
/// rollback away from one works.
async fn a_rollback_to_a_damaged_release_is_refused(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let first = node.app.publish("1").await;
    let second = node.app.publish("2").await;
    let third = node.app.publish("3").await;
    node.eventually_serves("3").await;
    let damage =
        format!(r#"UPDATE "Release" SET "Configurations" = '{{"k":' WHERE "Id" = {}"#, second.id);
    node.database.run(&[&damage]).await;
    let history = count(&node, r#""ReleaseHistory""#).await;
    for target in ["", &format!("&toReleaseId={}", second.id)] {
        let refused = roll_back(&node, third.id, target).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(refused.text.contains(&format!("Release {}", second.id)), "{refused:?}");
        assert_eq!(refused.json()["code"], "unreadable_row");
    }
    assert_eq!(count(&node, r#""ReleaseHistory""#).await, history);
    assert_eq!(node.value().await, "3");
    roll_back(&node, third.id, &format!("&toReleaseId={}", first.id)).await.ok();
    node.eventually_serves("1").await;
    // The damaged release is now the newest active one of none.
    let damage =
        format!(r#"UPDATE "Release" SET "Configurations" = '[]' WHERE "Id" = {}"#, first.id);
    node.app.publish("4").await;
    let newest = node.app.publish("5").await;
    node.database.run(&[&damage]).await;
    roll_back(&node, newest.id, "").await.ok();
    node.eventually_serves("4").await;
    node.end().await;
}

/// Clients are served a release only if its key and its flag can be decoded as well.
#[tokio::test]
async fn a_rollback_to_a_release_with_a_damaged_key_or_flag_is_refused() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    let first = node.app.publish("1").await;
    let second = node.app.publish("2").await;
    node.eventually_serves("2").await;
    for (column, value) in
        [("ReleaseKey", format!("'{}'", first.key)), ("IsAbandoned", "0".to_owned())]
    {
        let set = |value: &str| {
            format!(r#"UPDATE "Release" SET "{column}" = {value} WHERE "Id" = {}"#, first.id)
        };
        node.database.run(&[&set("X'80FF'")]).await;
        for target in ["", &format!("&toReleaseId={}", first.id)] {
            let refused = roll_back(&node, second.id, target).await;
            assert_eq!(refused.status, 409, "{column}: {refused:?}");
            assert_eq!(refused.json()["code"], "unreadable_row");
        }
        assert_eq!(node.value().await, "2");
        node.database.run(&[&set(&value)]).await;
    }
    roll_back(&node, second.id, "").await.ok();
    node.eventually_serves("1").await;
    node.end().await;
}

/// A node that never read the release answers 503, which clients repeat, not 404, which they take
/// for a namespace that does not exist; `/health` says why, and a publish heals it.
async fn a_damaged_release_is_not_an_absent_one(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    let release = node.app.publish("2").await;
    let damage =
        format!(r#"UPDATE "Release" SET "Configurations" = '{{"k":' WHERE "Id" = {}"#, release.id);
    let node = node.restart(async |database| database.run(&[&damage]).await).await;
    assert_eq!(node.value().await, "503");
    let health = node.get("/health").await;
    assert!(health.status == 503 && health.text.contains("demo+default+application"), "{health:?}");
    node.app.publish("3").await;
    node.eventually_serves("3").await;
    is_well(&node.http).await;
    node.end().await;
}

/// Whatever of a branch is damaged, the main line and the branch can be published again, and its
/// clients receive the branch again.
async fn publishing_again_heals_a_namespace_with_a_branch(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let gray = async || value_of(&node.get("/configs/demo/default/application?ip=10.0.0.9").await);
    node.app.publish("1").await;
    let branch = node.app.add_branch("application", &["10.0.0.9"], &[]).await;
    node.app.release(&branch, "application", &[("k", "gray")]).await;
    eventually("the branch to be served", async || (gray().await == "gray").then_some(())).await;
    let newest = |cluster: &str| {
        format!(r#"UPDATE "Release" SET "Configurations" = '{{' WHERE "ClusterName" = '{cluster}'"#)
    };
    let rules = r#"UPDATE "GrayReleaseRule" SET "Rules" = '[{' WHERE "AppId" = 'demo'"#.to_owned();
    let context = r#"UPDATE "ReleaseHistory" SET "OperationContext" = '{' WHERE "Operation" = 2"#;
    for damage in [newest("default"), newest(&branch), rules, context.to_owned()] {
        node.database.run(&[&damage]).await;
        assert_eq!(node.app.try_publish("default", "application").await.status, 200, "{damage}");
        let published = node.app.try_publish(&branch, "application").await;
        assert_eq!(published.status, 200, "{damage}: {published:?}");
        eventually("both to be served", async || {
            (node.value().await == "1" && gray().await == "gray").then_some(())
        })
        .await;
        is_well(&node.http).await;
    }
    node.end().await;
}

on_each_kind!(
    a_rollback_to_a_damaged_release_is_refused,
    a_damaged_release_is_not_an_absent_one,
    publishing_again_heals_a_namespace_with_a_branch
);
