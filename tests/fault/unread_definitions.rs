//! Names and access keys can no longer be read while everything else works: clients receive what
//! the node knows, and `/health` reports that changes of names and keys do not take effect.

use sea_orm::ConnectionTrait as _;

use super::database::on_each_engine;
use super::feed_node::{Kind, Node, on_each_kind};
use super::locked_table::reports;
use crate::support::database::Engine;
use crate::support::eventually::eventually;
use crate::support::health::becomes;

const WARNING: &str = "cannot be read; those last read remain in effect";
const RECOVERY: &str = "can be read again";
const TABLES: [(&str, &str); 2] = [("AppNamespace", "names"), ("AccessKey", "access keys")];

impl Node {
    async fn hide(&self, table: &str) {
        self.database.run(&[&format!(r#"ALTER TABLE "{table}" RENAME TO "Hidden""#)]).await;
    }

    async fn show(&self, table: &str) {
        self.database.run(&[&format!(r#"ALTER TABLE "Hidden" RENAME TO "{table}""#)]).await;
    }
}

/// Each outage is reported by `/health` while it lasts, and logged once.
async fn an_outage_of_names_or_keys_is_reported(kind: Kind) {
    let Some(mut node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    for (table, what) in TABLES {
        becomes(&node.http, "/health", 200).await;
        node.hide(table).await;
        reports(&node.http, &[format!("reading {what} has failed")]).await;
        // Several scans, each of which fails.
        eventually("the duration to be reported", async || {
            let health = node.get("/health").await.text;
            (!health.contains("for 0 s") && !health.contains("for 1 s")).then_some(())
        })
        .await;
        assert_eq!(node.get("/health/ready").await.status, 200, "clients are served: {table}");
        assert_eq!(node.value().await, "1");
        node.show(table).await;
        becomes(&node.http, "/health", 200).await;
    }
    let lines = node.server.printed_until_exit();
    for (_, what) in TABLES {
        for (text, level) in [(WARNING, "WARN"), (RECOVERY, "INFO")] {
            let text = format!("{what} {text}");
            let found: Vec<_> = lines.iter().filter(|line| line.contains(&text)).collect();
            assert_eq!(found.len(), 1, "one line per outage: {found:?}");
            assert!(found[0].contains(level), "{found:?}");
        }
    }
    node.end().await;
}

/// `security.access_key_max_age`: while clients are refused, the node is neither healthy nor ready.
async fn a_node_that_refuses_its_clients_is_not_ready(kind: Kind) {
    let age = [("CASTALIA_SECURITY_ACCESS_KEY_MAX_AGE", "3")];
    let Some(node) = Node::start(kind, &age).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    becomes(&node.http, "/health/ready", 200).await;
    node.hide("AccessKey").await;
    eventually("a client to be refused", async || (node.value().await == "503").then_some(()))
        .await;
    for path in ["/health", "/health/ready"] {
        let health = node.get(path).await;
        assert_eq!(health.status, 503, "{path}: {health:?}");
        assert!(health.text.contains("security.access_key_max_age"), "{path}: {health:?}");
    }
    node.show("AccessKey").await;
    becomes(&node.http, "/health/ready", 200).await;
    node.eventually_serves("1").await;
    becomes(&node.http, "/health", 200).await;
    node.end().await;
}

/// A read that waits for a lock, as on a table that is being altered, is an outage as well. On
/// SQLite a read waits for no other session.
async fn a_lock_on_the_keys_is_reported(engine: Engine) {
    let (kind, lock, unlock) = match engine {
        Engine::MySql => (Kind::MySql, "LOCK TABLES `AccessKey` WRITE", "UNLOCK TABLES"),
        Engine::Postgres => (Kind::Postgres, r#"LOCK TABLE "AccessKey""#, "SELECT 1"),
    };
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    becomes(&node.http, "/health", 200).await;
    let locked = node.database.begin(&[]).await;
    locked.execute_unprepared(lock).await.unwrap();
    eventually("the outage to be reported", async || {
        let health = node.get("/health").await.text;
        health.contains("reading access keys has failed").then_some(())
    })
    .await;
    assert_eq!(node.value().await, "1");
    locked.execute_unprepared(unlock).await.unwrap();
    locked.rollback().await.unwrap();
    becomes(&node.http, "/health", 200).await;
    node.end().await;
}

on_each_kind!(an_outage_of_names_or_keys_is_reported, a_node_that_refuses_its_clients_is_not_ready);
on_each_engine!(a_lock_on_the_keys_is_reported);
