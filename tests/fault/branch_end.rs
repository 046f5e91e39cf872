//! A branch that ends because its cluster or its namespace is deleted: its clients are notified and
//! receive the main release.

use super::feed_node::{Kind, Node, on_each_kind};
use crate::support::http::Http;

async fn end_by(kind: Kind, path: impl Fn(&str) -> String) {
    let variables = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "86400")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    node.app.publish("main").await;
    let branch = node.app.add_branch("application", &["10.0.0.1"], &[]).await;
    node.app.release(&branch, "application", &[("k", "gray")]).await;
    node.eventually_serves("gray").await;
    // A client that requests the branch as a cluster has its own entry in the cache.
    node.get(&format!("/configs/demo/{branch}/application")).await;
    let (waiting, _) = node.poll().await;
    let admin = Http::new(&node.server.admin);
    admin.delete(&path(&branch)).await.ok();
    waiting.soon().await.ok();
    node.eventually_serves("main").await;
    let rules =
        r#"SELECT "Id" FROM "GrayReleaseRule" WHERE NOT "IsDeleted" AND "BranchStatus" = 1"#;
    assert!(node.database.rows(rules).await.is_empty());
    node.end().await;
}

async fn deleting_the_cluster_of_a_branch_ends_it(kind: Kind) {
    end_by(kind, |branch| format!("/apps/demo/clusters/{branch}?operator=u")).await;
}

async fn deleting_the_namespace_of_a_branch_ends_it(kind: Kind) {
    end_by(kind, |branch| {
        format!("/apps/demo/clusters/{branch}/namespaces/application?operator=u")
    })
    .await;
}

on_each_kind!(deleting_the_cluster_of_a_branch_ends_it, deleting_the_namespace_of_a_branch_ends_it);
