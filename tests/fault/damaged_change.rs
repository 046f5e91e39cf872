//! Changes that depend on a row which cannot be decoded are refused with its name, never applied
//! without it, and never applied to the row of another. SQLite, whose columns take any bytes.

use serde_json::json;

use super::feed_node::{Kind, Node, value_of};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};

fn is_refused(answer: &Answer, row: &str) {
    assert_eq!((answer.status, answer.text.contains(row)), (409, true), "{row}: {answer:?}");
    assert_eq!(answer.json()["code"], "unreadable_row");
}

/// A new cluster needs the names of all definitions, and a new definition those of all clusters;
/// the name of a branch is not needed.
#[tokio::test]
async fn a_cluster_or_a_namespace_is_not_created_in_part() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    node.app.add_namespace("other", false).await;
    node.app.add_cluster("second").await;
    node.app.publish("1").await;
    let cluster = |name: &str| json!({ "appId": "demo", "name": name, "dataChangeCreatedBy": "u" });
    let definition = |name: &str| json!({ "appId": "demo", "name": name, "format": "properties", "isPublic": false, "comment": "", "dataChangeCreatedBy": "u" });
    let set = async |sql: &str| node.database.run(&[sql]).await;

    set(r#"UPDATE "AppNamespace" SET "Name" = X'80FF' WHERE "Name" = 'other'"#).await;
    is_refused(&admin.post("/apps/demo/clusters", cluster("third")).await, "AppNamespace");
    set(r#"UPDATE "AppNamespace" SET "Name" = 'other', "Format" = X'80FF' WHERE "Name" = X'80FF'"#)
        .await;
    admin.post("/apps/demo/clusters", cluster("third")).await.ok();
    let namespaces = admin.get("/apps/demo/clusters/third/namespaces").await.ok().json();
    assert_eq!(namespaces.as_array().unwrap().len(), 2, "{namespaces}");

    for column in ["Name", "ParentClusterId"] {
        let damage =
            format!(r#"UPDATE "Cluster" SET "{column}" = X'80FF' WHERE "Name" = 'second'"#);
        set(&damage).await;
        let refused = admin.post("/apps/demo/appnamespaces", definition("new")).await;
        is_refused(&refused, "table Cluster");
        let mend = r#"UPDATE "Cluster" SET "Name" = 'second', "ParentClusterId" = 0
                      WHERE "Name" = X'80FF' OR "ParentClusterId" = X'80FF'"#;
        set(mend).await;
    }
    let branch = node.app.add_branch("application", &["10.0.0.9"], &[]).await;
    set(&format!(r#"UPDATE "Cluster" SET "Name" = X'80FF' WHERE "Name" = '{branch}'"#)).await;
    admin.post("/apps/demo/appnamespaces", definition("new")).await.ok();
    let path = node.app.path("second", "new");
    admin.get(&path).await.ok();
    node.end().await;
}

/// A merge with a branch that does not exist leaves the branch of another namespace, although the
/// name of its cluster cannot be decoded.
#[tokio::test]
async fn a_merge_with_an_unknown_branch_deletes_no_other() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    node.app.publish("1").await;
    node.app.add_namespace("other", false).await;
    node.app.release("default", "other", &[("k", "main")]).await;
    let branch = node.app.add_branch("other", &["10.0.0.9"], &[]).await;
    node.app.release(&branch, "other", &[("k", "gray")]).await;
    let damage = format!(r#"UPDATE "Cluster" SET "Name" = X'80FF' WHERE "Name" = '{branch}'"#);
    node.database.run(&[&damage]).await;
    let path = node.app.path("default", "application");
    let merge = format!("{path}/updateAndPublish?releaseName=r&branchName=unknown");
    let changes = json!({ "dataChangeLastModifiedBy": "u" });
    admin.post(&merge, changes).await.ok();
    let live = r#"SELECT "Id" FROM "Cluster" WHERE "IsDeleted" = 0 AND "ParentClusterId" <> 0"#;
    assert_eq!(node.database.rows(live).await.len(), 1);
    let gray = node.get("/configs/demo/default/other?ip=10.0.0.9").await;
    assert_eq!(value_of(&gray), "gray");
    node.end().await;
}

/// Rules that cannot be decoded are restored from the release history, unless the change that it
/// recorded last cannot be decoded either: a publish of the branch is then refused, one of the main
/// line leaves the branch as it is, and new rules heal it.
#[tokio::test]
async fn older_rules_of_a_branch_do_not_come_back() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    let (former, present) = ("10.0.0.8", "10.0.0.9");
    let value = async |ip: &str| {
        value_of(&node.get(&format!("/configs/demo/default/application?ip={ip}")).await)
    };
    node.app.publish("main").await;
    let branch = node.app.add_branch("application", &[former], &[]).await;
    node.app.release(&branch, "application", &[("k", "gray")]).await;
    node.app.set_rules("application", &branch, &[present], &[]).await;
    eventually("the new rules", async || {
        (value(former).await == "main" && value(present).await == "gray").then_some(())
    })
    .await;
    let rule = r#"UPDATE "GrayReleaseRule" SET "Rules" = '[{' WHERE "IsDeleted" = 0"#;
    let newest = r#"WHERE "Id" = (SELECT MAX("Id") FROM "ReleaseHistory")"#;
    for damage in [r#""OperationContext" = '{'"#, r#""OperationContext" = X'80FF'"#] {
        let context = format!(r#"UPDATE "ReleaseHistory" SET {damage} {newest}"#);
        node.database.run(&[rule, &context]).await;
        is_refused(&node.app.try_publish(&branch, "application").await, "ReleaseHistory");
        node.app.try_publish("default", "application").await.ok();
        assert_eq!((value(former).await.as_str(), value(present).await.as_str()), ("main", "gray"));
        node.app.set_rules("application", &branch, &[present], &[]).await;
        node.app.try_publish(&branch, "application").await.ok();
        assert_eq!((value(former).await.as_str(), value(present).await.as_str()), ("main", "gray"));
        node.app.set_rules("application", &branch, &[present], &[]).await;
    }
    // A publish that cannot be decoded changed no rules.
    node.app.try_publish(&branch, "application").await.ok();
    let context = format!(r#"UPDATE "ReleaseHistory" SET "OperationContext" = '{{' {newest}"#);
    node.database.run(&[rule, &context]).await;
    node.app.try_publish(&branch, "application").await.ok();
    assert_eq!((value(former).await.as_str(), value(present).await.as_str()), ("main", "gray"));
    node.end().await;
}
