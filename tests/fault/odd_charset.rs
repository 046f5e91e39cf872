//! MySQL: an adopted database whose columns have another character set than Apollo's tables, as
//! after a restore with an old client. What a column can store is served as it was published, also
//! bytes that are not text in any other encoding; what it cannot store is refused.

use super::feed_node::{Kind, Node};
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Columns with values of users.
const COLUMNS: [(&str, &str, &str); 4] = [
    ("Item", "Value", "longtext CHARACTER SET latin1 NOT NULL"),
    ("Item", "Comment", "varchar(1024) CHARACTER SET latin1 DEFAULT ''"),
    ("Release", "Configurations", "longtext CHARACTER SET latin1 NOT NULL"),
    ("Commit", "ChangeSets", "longtext CHARACTER SET latin1 NOT NULL"),
];

async fn change_columns(node: &Node) {
    for (table, column, definition) in COLUMNS {
        let sql = format!(r#"ALTER TABLE "{table}" MODIFY "{column}" {definition}"#);
        node.database.run(&[&sql]).await;
    }
}

#[tokio::test]
async fn a_latin1_column_keeps_what_it_can_store_and_refuses_the_rest() {
    let Some(node) = Node::start(Kind::MySql, &[]).await else { return };
    node.app.publish("before").await;
    change_columns(&node).await;
    node.app.publish("caf\u{e9} \u{20ac}").await;
    node.eventually_serves("caf\u{e9} \u{20ac}").await;

    let path = node.app.path("default", "application");
    let admin = Http::new(&node.server.admin);
    let items = admin.get(&format!("{path}/items")).await.ok().json();
    for value in ["\u{6d4b}\u{8bd5}", "\u{1f600}"] {
        let mut item = items[0].clone();
        item["value"] = value.into();
        item["dataChangeLastModifiedBy"] = "u".into();
        let id = item["id"].as_i64().unwrap();
        let refused = admin.put(&format!("{path}/items/{id}"), item).await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    node.app.publish_patiently("default", "application").await;
    node.eventually_serves("caf\u{e9} \u{20ac}").await;
    is_well(&node.http).await;

    // Bytes that are neither UTF-8 nor assigned in latin1.
    let bytes = r#"UPDATE "Item" SET "Value" = x'e9ff81fe'"#;
    node.database.run(&[bytes]).await;
    node.app.publish_patiently("default", "application").await;
    let stored = "\u{e9}\u{ff}\u{81}\u{fe}";
    node.eventually_serves(stored).await;
    let node = node.restart(async |_| ()).await;
    node.eventually_serves(stored).await;
    is_well(&node.http).await;
    node.end().await;
}

/// A column of bytes has no character set at all: its rows are not text for the driver. Only the
/// namespace is affected, and only until it is published in a column of text again.
#[tokio::test]
async fn a_release_in_a_column_of_bytes_stops_nobody() {
    let Some(node) = Node::start(Kind::MySql, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    let other = App::create(&admin, "other").await;
    other.publish("1").await;
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let to = |definition: &str| {
        format!(r#"ALTER TABLE "Release" MODIFY "Configurations" {definition} NOT NULL"#)
    };
    node.database.run(&[&to("longblob")]).await;
    let broken = r#"UPDATE "Release" SET "Configurations" = x'ff7b80' WHERE "AppId" = 'demo'"#;
    node.database.run(&[broken]).await;
    let node = node.restart(async |_| ()).await;
    let status = node.get("/configs/demo/default/application").await.status;
    assert!(matches!(status, 404 | 503), "{status}");
    assert_eq!(node.get("/health/ready").await.status, 200);
    let valid = r#"UPDATE "Release" SET "Configurations" = '{"k":"2"}' WHERE "AppId" = 'demo'"#;
    node.database.run(&[valid, &to("longtext CHARACTER SET utf8mb4")]).await;
    node.app.publish("3").await;
    node.eventually_serves("3").await;
    let path = "/configs/other/default/application";
    assert_eq!(super::feed_node::value_of(&node.get(path).await), "1");
    node.end().await;
}

/// A database that was created in another encoding than UTF-8 refuses what it cannot store.
#[tokio::test]
async fn a_latin1_database_refuses_what_it_cannot_store() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    let (server, name) = fresh.database.url.rsplit_once('/').unwrap();
    let latin = format!("{name}_latin1");
    let create = format!(
        "CREATE DATABASE {latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    );
    fresh.database.run(&[&create]).await;
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", &format!("{server}/{latin}"))
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let node = Server::start_with(options);
    let admin = Http::new(&node.admin);
    let app = App::create(&admin, "demo").await;
    app.publish("caf\u{e9}").await;
    let path = app.path("default", "application");
    let mut item = admin.get(&format!("{path}/items")).await.ok().json()[0].clone();
    item["value"] = "\u{1f600}".into();
    item["dataChangeLastModifiedBy"] = "u".into();
    let id = item["id"].as_i64().unwrap();
    let refused = admin.put(&format!("{path}/items/{id}"), item).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    app.publish("after").await;
    drop(node);
    fresh.database.run(&[&format!("DROP DATABASE {latin} WITH (FORCE)")]).await;
    fresh.remove().await;
}
