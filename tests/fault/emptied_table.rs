//! S91, S110: tables that have no row for a moment, as while a backup is restored under a running
//! node, open nothing that they protect, and take no value away from clients.

use std::time::{Duration, Instant};

use super::database::on_each_engine;
use super::feed_node::{Kind, Node, on_each_kind};
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::health::becomes;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Twice the interval at which settings are read.
const TWO_READS: Duration = Duration::from_secs(120);

async fn an_emptied_table_of_access_keys_opens_no_app(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("secret").await;
    node.eventually_serves("secret").await;
    node.app.add_key("0123456789abcdef", 0, true).await;
    eventually("the key", async || (node.value().await == "401").then_some(())).await;
    node.database.run(&[r#"DELETE FROM "AccessKey""#]).await;
    eventually("the missing key to be reported", async || {
        assert_ne!(node.value().await, "secret");
        let health = node.get("/health").await;
        health.text.contains("access keys are missing").then_some(())
    })
    .await;
    // Several reads, also after all releases were read again.
    stays_closed(&node).await;
    // The backup has keys, and none of this app: that shows when the table has been filled.
    let other = r#"INSERT INTO "AccessKey" ("AppId","Secret","Mode","IsEnabled")
        VALUES ('other','0123456789abcdef',0,true)"#;
    node.database.run(&[other]).await;
    stays_closed(&node).await;
    node.eventually_serves("secret").await;
    becomes(&node.http, "/health", 200).await;
    node.end().await;
}

/// For longer than several reads of the keys.
async fn stays_closed(node: &Node) {
    for _ in 0..50 {
        assert_ne!(node.value().await, "secret");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn emptied_tables_of_releases_take_no_value_away(kind: Kind) {
    let Some(node) = Node::start(kind, &[("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1")]).await
    else {
        return;
    };
    node.app.publish("one").await;
    node.eventually_serves("one").await;
    let tables = ["Release", "ReleaseMessage"];
    for table in tables {
        let keep = format!(r#"CREATE TABLE "Kept{table}" AS SELECT * FROM "{table}""#);
        node.database.run(&[&keep, &format!(r#"DELETE FROM "{table}""#)]).await;
    }
    eventually("the missing rows to be reported", async || {
        assert_eq!(node.value().await, "one");
        node.get("/health").await.text.contains("are missing from Release").then_some(())
    })
    .await;
    // Several rounds of what compares memory with the database.
    for _ in 0..50 {
        assert_eq!(node.value().await, "one");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for table in tables {
        let fill = format!(r#"INSERT INTO "{table}" SELECT * FROM "Kept{table}""#);
        node.database.run(&[&fill]).await;
    }
    eventually("the rows to be complete", async || {
        assert_eq!(node.value().await, "one");
        (node.get("/health").await.status == 200).then_some(())
    })
    .await;
    node.app.publish("two").await;
    node.eventually_serves("two").await;
    node.end().await;
}

/// Without the rows, a database of Apollo has an open admin port.
async fn an_emptied_table_of_settings_admits_nobody(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", &fresh.database.url)
        .flag("--compat-defaults", "adopted");
    let server = Server::start_with(options);
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    let is_closed = async || assert_eq!(admin.get("/apps").await.status, 401);
    is_closed().await;
    fresh.database.run(&[r#"DELETE FROM "ServerConfig""#]).await;
    let start = Instant::now();
    let reason = "the table ServerConfig of the config database is empty";
    while !config.get("/health").await.text.contains(reason) {
        is_closed().await;
        assert!(start.elapsed() < TWO_READS, "waited in vain for: {reason}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    is_closed().await;
    drop(server);
    fresh.remove().await;
}

on_each_kind!(an_emptied_table_of_access_keys_opens_no_app);
on_each_kind!(emptied_tables_of_releases_take_no_value_away);
on_each_engine!(an_emptied_table_of_settings_admits_nobody);
