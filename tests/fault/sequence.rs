//! PostgreSQL: sequences behind their rows, as on a logical replica that was promoted. Acknowledged
//! publishes are served.

use super::feed_node::{Kind, Node};
use crate::support::eventually::eventually;
use crate::support::health::is_well;

/// Tables whose sequences restart.
const TABLES: [&str; 8] = [
    "Release",
    "ReleaseHistory",
    "ReleaseMessage",
    "Item",
    "Namespace",
    "AppNamespace",
    "Commit",
    "Audit",
];

/// A node with outdated sequences and unused low ids of releases and messages, as after retention.
async fn behind() -> Option<Node> {
    let node = Node::start(Kind::Postgres, &[]).await?;
    for value in 0..8 {
        node.app.publish(&format!("old {value}")).await;
    }
    for table in ["Release", "ReleaseHistory", "ReleaseMessage"] {
        let sql =
            format!(r#"DELETE FROM "{table}" WHERE "Id" < (SELECT MAX("Id") FROM "{table}")"#);
        node.database.run(&[&sql]).await;
    }
    for table in TABLES {
        let sql = format!(r#"SELECT setval(pg_get_serial_sequence('"{table}"', 'Id'), 1)"#);
        node.database.run(&[&sql]).await;
    }
    node.eventually_serves("old 7").await;
    Some(node)
}

#[tokio::test]
async fn sequences_that_are_behind_are_set_forward() {
    let Some(node) = behind().await else { return };
    node.app.publish("new").await;
    node.eventually_serves("new").await;
    // Conflicts with existing ids are not reported as duplicate names.
    node.app.add_namespace("another", false).await;
    node.app.release("default", "another", &[("a", "1"), ("b", "2")]).await;
    node.app.publish("newer").await;
    node.eventually_serves("newer").await;
    assert!(node.metric("castalia_sequences_set_forward_total").await >= 2.0);
    is_well(&node.http).await;
    node.end().await;
}

/// An account that may not set a sequence refuses publishes and reports what an administrator has
/// to do.
#[tokio::test]
async fn publishes_are_refused_where_the_account_may_not_set_sequences() {
    let Some(node) = behind().await else { return };
    node.app.set("default", "application", &[("k", "old 7")]).await;
    node.database.run(&["REVOKE UPDATE ON ALL SEQUENCES IN SCHEMA public FROM castalia"]).await;
    let refused = node.app.try_publish("default", "application").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let health = node.get("/health").await;
    assert!(health.status == 503 && health.text.contains("setval"), "{health:?}");
    node.database.run(&["GRANT UPDATE ON ALL SEQUENCES IN SCHEMA public TO castalia"]).await;
    eventually("the node to be well again", async || {
        (node.get("/health").await.status == 200).then_some(())
    })
    .await;
    node.app.publish("new").await;
    node.eventually_serves("new").await;
    node.end().await;
}
