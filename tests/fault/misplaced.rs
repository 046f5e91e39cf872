//! Rows that belong to no namespace, because a name in them cannot be decoded: `/health` names
//! them, and no client receives an older release in their place. SQLite, whose columns take any
//! bytes.

use super::feed_node::{Kind, Node, value_of};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::Http;

/// Reconciliation each second.
const OFTEN: [(&str, &str); 1] = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1")];
/// A blob, and a text that is no UTF-8.
const DAMAGE: [&str; 2] = ["X'80FF'", "CAST(X'80FF' AS TEXT)"];
const NAMES: [&str; 3] = ["AppId", "ClusterName", "NamespaceName"];

async fn value(node: &Node, app: &str, ip: &str) -> String {
    value_of(&node.get(&format!("/configs/{app}/default/application?ip={ip}")).await)
}

/// The answer to a publish waits a second for the node, which may be busy for longer.
async fn eventually_has(node: &Node, app: &str, ip: &str, expected: &str) {
    eventually(&format!("{expected} of {app}"), async || {
        (value(node, app, ip).await == expected).then_some(())
    })
    .await;
}

async fn is_reported(node: &Node, row: &str) {
    eventually(&format!("{row} to be reported"), async || {
        let health = node.get("/health").await;
        (health.status == 503 && health.text.contains(row)).then_some(())
    })
    .await;
}

async fn is_healthy(node: &Node) {
    eventually("the node to be healthy", async || {
        (node.get("/health").await.status == 200).then_some(())
    })
    .await;
}

/// Each name of a release, damaged in two ways, in an app of its own. Clients keep the release
/// while the node runs, also if it reads the namespace again, or for the first time; after a
/// restart they are refused until the namespace is published again.
#[tokio::test]
async fn a_release_without_a_namespace_is_not_replaced_by_an_older_one() {
    let Some(node) = Node::start(Kind::Sqlite, &OFTEN).await else { return };
    let admin = Http::new(&node.server.admin);
    let mut apps = Vec::new();
    for (at, name) in NAMES.into_iter().enumerate() {
        for (kind, damage) in DAMAGE.into_iter().enumerate() {
            let app = App::create(&admin, &format!("app{at}{kind}")).await;
            app.publish("1").await;
            let newest = app.publish("2").await;
            let is_cached = kind == 0;
            if is_cached {
                eventually_has(&node, &app.id, "10.0.0.1", "2").await;
            }
            apps.push((app, name, damage, newest.id, is_cached));
        }
    }
    for (app, name, damage, id, is_cached) in &apps {
        let sql = format!(r#"UPDATE "Release" SET "{name}" = {damage} WHERE "Id" = {id}"#);
        node.database.run(&[&sql]).await;
        let expected = if *is_cached { "2" } else { "503" };
        assert_eq!(value(&node, &app.id, "10.0.0.1").await, expected, "{name} {damage}");
    }
    for (_, _, _, id, _) in &apps {
        is_reported(&node, &format!("Release {id}")).await;
    }
    let message = |app: &str| {
        format!(r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('{app}+default+application')"#)
    };
    for (app, ..) in &apps {
        node.database.run(&[&message(&app.id)]).await;
    }
    // Messages are delivered in the order of their ids.
    node.app.publish("bystander").await;
    node.eventually_serves("bystander").await;
    for (app, name, damage, _, is_cached) in &apps {
        let expected = if *is_cached { "2" } else { "503" };
        assert_eq!(value(&node, &app.id, "10.0.0.1").await, expected, "{name} {damage}");
    }

    let node = node.restart(async |_| ()).await;
    assert_eq!(node.get("/health").await.status, 503);
    let admin = Http::new(&node.server.admin);
    for (app, name, damage, id, _) in &apps {
        let app = App::existing(&admin, &app.id);
        assert_eq!(value(&node, &app.id, "10.0.0.1").await, "503", "{name} {damage}");
        app.publish("3").await;
        eventually_has(&node, &app.id, "10.0.0.1", "3").await;
        node.database.run(&[&format!(r#"DELETE FROM "Release" WHERE "Id" = {id}"#)]).await;
    }
    is_healthy(&node).await;
    node.end().await;
}

/// A rollback and a deletion are no damage: the older release is served.
#[tokio::test]
async fn a_release_that_was_rolled_back_by_hand_is_replaced_by_an_older_one() {
    let Some(node) = Node::start(Kind::Sqlite, &OFTEN).await else { return };
    node.app.publish("1").await;
    let second = node.app.publish("2").await;
    let third = node.app.publish("3").await;
    node.eventually_serves("3").await;
    let delete = format!(r#"UPDATE "Release" SET "IsDeleted" = 1 WHERE "Id" = {}"#, third.id);
    node.database.run(&[&delete]).await;
    node.eventually_serves("2").await;
    node.app.roll_back(&second).await;
    node.eventually_serves("1").await;
    is_well(&node.http).await;
    node.end().await;
}

/// Gray clients keep the release of the branch, or are refused by a node that never read the rule;
/// new rules replace the row, and the end of the branch ends it.
#[tokio::test]
async fn a_rule_without_a_namespace_withholds_no_branch() {
    let Some(node) = Node::start(Kind::Sqlite, &OFTEN).await else { return };
    let (main, gray) = ("10.0.0.1", "10.0.0.9");
    node.app.publish("main").await;
    let branch = node.app.add_branch("application", &[gray], &[]).await;
    node.app.release(&branch, "application", &[("k", "gray")]).await;
    for (name, damage) in NAMES.into_iter().zip([DAMAGE[0], DAMAGE[1], DAMAGE[0]]) {
        eventually_has(&node, "demo", gray, "gray").await;
        let rule = r#"SELECT MAX("Id") AS "Id" FROM "GrayReleaseRule""#;
        let id = node.database.rows(rule).await[0]["Id"].as_i64().unwrap();
        let sql = format!(r#"UPDATE "GrayReleaseRule" SET "{name}" = {damage} WHERE "Id" = {id}"#);
        node.database.run(&[&sql]).await;
        is_reported(&node, &format!("GrayReleaseRule {id}")).await;
        assert_eq!(value(&node, "demo", gray).await, "gray", "{name}");
        assert_eq!(value(&node, "demo", main).await, "main", "{name}");
        node.app.set_rules("application", &branch, &[gray], &[]).await;
        is_healthy(&node).await;
    }
    let damage = r#"UPDATE "GrayReleaseRule" SET "AppId" = X'80FF' WHERE "IsDeleted" = 0"#;
    let node = node.restart(async |database| database.run(&[damage]).await).await;
    assert_eq!(value(&node, "demo", gray).await, "503");
    let path = format!("{}/branches/{branch}?operator=u", node.app.path("default", "application"));
    Http::new(&node.server.admin).delete(&path).await.ok();
    eventually_has(&node, "demo", gray, "main").await;
    is_healthy(&node).await;
    node.end().await;
}

/// An item that belongs to no namespace is reported until it is deleted, and a release that would
/// lose its key is refused; other namespaces are published.
#[tokio::test]
async fn an_item_without_a_namespace_is_reported() {
    let Some(node) = Node::start(Kind::Sqlite, &OFTEN).await else { return };
    node.app.publish("1").await;
    let items = format!("{}/items", node.app.path("default", "application"));
    let items = Http::new(&node.server.admin).get(&items).await.ok().json();
    let id = items[0]["id"].as_i64().unwrap();
    let damage = format!(r#"UPDATE "Item" SET "NamespaceId" = X'80FF' WHERE "Id" = {id}"#);
    node.database.run(&[&damage]).await;
    is_reported(&node, &format!("Item {id}")).await;
    let refused = node.app.try_publish("default", "application").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("unreadable_row")));
    assert!(refused.text.contains("table Item") && refused.text.contains("NamespaceId"));
    assert_eq!(node.value().await, "1");
    node.app.add_namespace("other", false).await;
    node.app.release("default", "other", &[("other", "1")]).await;
    node.app.set("default", "other", &[]).await;
    node.app.publish_patiently("default", "other").await;
    node.database.run(&[&format!(r#"DELETE FROM "Item" WHERE "Id" = {id}"#)]).await;
    is_healthy(&node).await;
    node.app.publish_patiently("default", "application").await;
    node.eventually_serves("nothing").await;
    node.end().await;
}

/// A deleted branch is not served although the row of another deleted cluster is damaged.
#[tokio::test]
async fn a_deleted_cluster_whose_name_is_damaged_revives_no_branch() {
    let Some(node) = Node::start(Kind::Sqlite, &OFTEN).await else { return };
    let gray = "10.0.0.9";
    node.app.publish("main").await;
    node.app.add_cluster("other").await;
    let branch = node.app.add_branch("application", &[gray], &[]).await;
    node.app.release(&branch, "application", &[("k", "gray")]).await;
    let delete = format!(
        r#"UPDATE "Cluster" SET "IsDeleted" = 1, "DeletedAt" = 1 WHERE "Name" IN ('other', '{branch}')"#
    );
    let damage = r#"UPDATE "Cluster" SET "Name" = X'80FF' WHERE "Name" = 'other'"#;
    let node = node.restart(async |database| database.run(&[&delete, damage]).await).await;
    assert_eq!(value(&node, "demo", gray).await, "main");
    node.end().await;
}
