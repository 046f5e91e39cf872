//! Two apps that define a public namespace with the same name, which rows of another implementation
//! can do: the log names both once, and a gauge counts them.

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;

/// Inserts a definition as another node would.
async fn define(node: &Node, app_id: &str, name: &str) {
    let sql = format!(
        r#"INSERT INTO "AppNamespace" ("AppId","Name","Format","IsPublic") VALUES ('{app_id}','{name}','properties',{})"#,
        if node.kind == Kind::Postgres { "TRUE" } else { "1" }
    );
    node.database.run(&[&sql]).await;
}

async fn contests_are_counted(node: &Node, count: f64) {
    eventually(&format!("{count} contests"), async || {
        let found = node.metric("castalia_contested_public_namespaces").await;
        ((found - count).abs() < 0.5).then_some(())
    })
    .await;
}

/// Each conflict is logged once, however often names are read, and clients receive what the first
/// owner publishes.
async fn a_contested_public_name_is_logged_once_and_counted(kind: Kind) {
    let Some(mut node) = Node::start(kind, &[]).await else { return };
    let owner = App::create(&Http::new(&node.server.admin), "owner").await;
    owner.add_namespace("common.mysql", true).await;
    owner.release("default", "common.mysql", &[("k", "of the owner")]).await;
    assert!(node.metric("castalia_contested_public_namespaces").await.abs() < 0.5);

    define(&node, "mallory", "COMMON.mysql").await;
    contests_are_counted(&node, 1.0).await;
    define(&node, "trudy", "Common.MySQL").await;
    contests_are_counted(&node, 2.0).await;
    let answer = node.get("/configs/other/default/COMMON.MYSQL").await;
    assert_eq!(value_of(&answer), "of the owner");
    let mut logged = node.server.printed_until_exit();
    let is_contest = |line: &String| line.contains("two apps define a public namespace");
    logged.retain(is_contest);
    assert_eq!(logged.len(), 2, "{logged:?}");
    for (line, second) in logged.iter().zip(["mallory", "trudy"]) {
        assert!(line.contains(r#""owner":"owner""#) && line.contains(second), "{line}");
        assert!(line.contains("ERROR") && line.contains("delete or rename"), "{line}");
    }
    node.end().await;
}

on_each_kind!(a_contested_public_name_is_logged_once_and_counted);
