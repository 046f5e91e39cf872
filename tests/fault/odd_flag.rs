//! Flags that are neither 0 nor 1, which SQLite stores: a number other than 0 is true in every
//! answer of every port.

use serde_json::Value;

use super::feed_node::{Kind, Node};
use crate::support::health::is_well;
use crate::support::http::Http;

/// Reconciliation, which detects manual changes, each second.
const OFTEN: [(&str, &str); 1] = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1")];

#[tokio::test]
async fn a_flag_of_2_is_true_everywhere() {
    let Some(node) = Node::start(Kind::Sqlite, &OFTEN).await else { return };
    let admin = Http::new(&node.server.admin);
    let namespace = node.app.path("default", "application");
    node.app.publish("1").await;
    let newest = node.app.publish("2").await;
    node.eventually_serves("2").await;
    let set = async |sql: &str| node.database.run(&[sql]).await;

    set(&format!(r#"UPDATE "Release" SET "IsAbandoned" = 2 WHERE "Id" = {}"#, newest.id)).await;
    node.eventually_serves("1").await;
    let latest = admin.get(&format!("{namespace}/releases/latest")).await.ok().json();
    assert_eq!(latest["id"].as_i64().unwrap() + 1, newest.id);
    let path = format!("/releases/{}/rollback?operator=u", newest.id);
    assert_eq!(admin.put(&path, Value::Null).await.status, 400, "it is not active");

    set(r#"UPDATE "Item" SET "IsDeleted" = 2 WHERE "Key" = 'k'"#).await;
    assert_eq!(admin.get(&format!("{namespace}/items")).await.ok().text, "[]");
    let search = "/items-search/key-and-value?key=k&value=&page=0&size=10";
    assert!(!admin.get(search).await.ok().text.contains("\"k\""));
    node.app.try_publish("default", "application").await.ok();
    node.eventually_serves("nothing").await;
    node.app.publish("3").await;
    node.eventually_serves("3").await;

    node.app.add_namespace("shared", false).await;
    node.app.release("default", "shared", &[("k", "shared")]).await;
    set(r#"UPDATE "AppNamespace" SET "IsPublic" = 2 WHERE "Name" = 'shared'"#).await;
    let count = admin.get("/appnamespaces/shared/associated-namespaces/count").await;
    assert_eq!(count.status, 200, "{count:?}");
    let node = node.restart(async |_| ()).await;
    assert_eq!(node.get("/configs/elsewhere/default/shared").await.status, 200);

    let admin = Http::new(&node.server.admin);
    node.database.run(&[r#"UPDATE "App" SET "IsDeleted" = 2"#]).await;
    assert_eq!(admin.get("/apps/demo").await.status, 404);
    assert_eq!(admin.get("/apps").await.ok().text, "[]");
    is_well(&node.http).await;
    node.end().await;
}
