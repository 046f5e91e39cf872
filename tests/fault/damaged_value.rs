//! Values that every engine can store and no publish writes, in one row after the other: NULL, a
//! number without a meaning, a text that is not JSON. No request fails, clients receive what was
//! published, and an app beside it can be published. What only SQLite stores is in `damage.rs`.

use super::damage::lists;
use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;

/// Reconciliation, which detects manual changes, each second.
const OFTEN: [(&str, &str); 1] = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1")];
const NEWEST_HISTORY: &str = r#""Id" = (SELECT "Newest" FROM (SELECT MAX("Id") AS "Newest" FROM "ReleaseHistory" WHERE "AppId" = 'bad') AS "History")"#;
const NEWEST_COMMIT: &str = r#""AppId" = 'bad'"#;
const ITEMS: &str = r#""NamespaceId" IN (SELECT "Id" FROM "Namespace" WHERE "AppId" = 'bad')"#;
const LIVE_RULE: &str = r#""AppId" = 'bad' AND "DeletedAt" = 0"#;
const BRANCH: &str = r#""AppId" = 'bad' AND "ParentClusterId" <> 0"#;

/// Table, column, damaged value, and the rows.
const DAMAGE: [(&str, &str, &str, &str); 17] = [
    ("Item", "LineNum", "NULL", ITEMS),
    ("Item", "Comment", "NULL", ITEMS),
    ("Item", "Type", "99", ITEMS),
    ("Item", "DataChange_LastTime", "NULL", ITEMS),
    ("Release", "Comment", "NULL", NEWEST_COMMIT),
    ("Release", "DataChange_LastModifiedBy", "NULL", NEWEST_COMMIT),
    ("Release", "DataChange_LastTime", "NULL", NEWEST_COMMIT),
    ("ReleaseHistory", "OperationContext", "'{'", NEWEST_HISTORY),
    ("ReleaseHistory", "Operation", "99", NEWEST_HISTORY),
    ("ReleaseHistory", "ReleaseId", "2000000000", NEWEST_HISTORY),
    ("Commit", "ChangeSets", "'{'", NEWEST_COMMIT),
    ("Commit", "Comment", "NULL", NEWEST_COMMIT),
    ("AccessKey", "Mode", "99", NEWEST_COMMIT),
    ("GrayReleaseRule", "BranchStatus", "99", LIVE_RULE),
    ("GrayReleaseRule", "BranchStatus", "NULL", LIVE_RULE),
    ("GrayReleaseRule", "Rules", "'[{'", LIVE_RULE),
    ("Cluster", "ParentClusterId", "2000000000", BRANCH),
];

/// Messages that name no namespace, or one that nobody has.
const MESSAGES: [&str; 5] = ["odd", "++", "bad+default+", "bad+default+\u{6d4b}\u{8bd5}", ""];

async fn a_value_without_a_meaning_stays_in_its_row(kind: Kind) {
    let Some(node) = Node::start(kind, &OFTEN).await else { return };
    let admin = Http::new(&node.server.admin);
    let bad = App::create(&admin, "bad").await;
    bad.publish("main").await;
    let branch = bad.add_branch("application", &["10.0.0.9"], &[]).await;
    bad.release(&branch, "application", &[("k", "gray")]).await;
    bad.add_key("0123456789abcdef0123456789abcdef", 1, true).await;
    let served = async |ip: &str| {
        value_of(&node.get(&format!("/configs/bad/default/application?ip={ip}")).await)
    };
    let is_served = async || {
        let (main, gray) = (served("10.0.0.1").await, served("10.0.0.9").await);
        assert_eq!((main.as_str(), gray.as_str()), ("main", "gray"));
    };
    is_served().await;
    for message in MESSAGES {
        let sql = format!(r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('{message}')"#);
        node.database.run(&[&sql]).await;
    }
    for (at, (table, column, value, rows)) in DAMAGE.into_iter().enumerate() {
        let what = format!("{table}.{column} = {value}");
        let sql = format!(r#"UPDATE "{table}" SET "{column}" = {value} WHERE {rows}"#);
        node.database.run(&[&sql]).await;
        for path in lists(&bad, &branch) {
            let answer = admin.get(&path).await;
            // Only the text of a rule is needed to show the rule.
            let is_refused = column == "Rules" && answer.status == 409;
            assert!(
                answer.status < 500 && (answer.status != 409 || is_refused),
                "{what} {path}: {answer:?}"
            );
        }
        node.app.publish(&at.to_string()).await;
        node.eventually_serves(&at.to_string()).await;
        is_served().await;
        for cluster in ["default", branch.as_str()] {
            let published = bad.try_publish(cluster, "application").await;
            assert_eq!(published.status, 200, "{what} {cluster}: {published:?}");
        }
        eventually(&format!("{what} to be harmless"), async || {
            (served("10.0.0.9").await == "gray" && node.get("/health").await.status == 200)
                .then_some(())
        })
        .await;
    }
    let node = node.restart(async |_| ()).await;
    let gray = node.get("/configs/bad/default/application?ip=10.0.0.9").await;
    assert_eq!(value_of(&gray), "gray");
    node.end().await;
}

on_each_kind!(a_value_without_a_meaning_stays_in_its_row);
