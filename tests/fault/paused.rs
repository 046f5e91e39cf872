//! A node that is slow inside its transaction, because its connection to the database is: changes
//! by others in the meantime are neither undone nor delayed for long.

use std::time::Duration;

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::line::Line;
use crate::support::server::{Options, Server};

/// Namespaces of the app that is deleted.
const NAMESPACES: usize = 1_600;

/// A node with an adjustable delay to the database, and one without.
struct Nodes {
    gate: Gate,
    slow: Server,
    other: Server,
    fresh: Fresh,
}

impl Nodes {
    async fn on(engine: Engine) -> Option<Self> {
        let fresh = Fresh::on(engine).await?;
        let gate = Gate::before(&fresh.database.url).await;
        let on = |url: &str| {
            Options::new()
                .flag("--roles", "config,meta,admin")
                .flag("--config-db", url)
                .flag("--advertise", "http://127.0.0.1")
                .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
                // It would correct in memory what a scan missed.
                .variable("CASTALIA_FEED_RECONCILIATION_INTERVAL", "86400")
        };
        let other = Server::start_with(on(&fresh.database.url));
        let slow = Server::start_with(on(&gate.url));
        Some(Self { gate, slow, other, fresh })
    }

    async fn end(self) {
        let Self { gate, slow, other, fresh } = self;
        gate.open();
        drop((slow, other));
        fresh.remove().await;
    }
}

/// S4: a slow publish delays edits of the namespace, so that it cannot publish older items
/// after a newer publish was acknowledged.
async fn a_slow_publish_does_not_undo_a_newer_one(engine: Engine) {
    let Some(nodes) = Nodes::on(engine).await else { return };
    let app = App::create(&Http::new(&nodes.other.admin), "demo").await;
    app.publish("0").await;
    let slow = App::existing(&Http::new(&nodes.slow.admin), "demo");
    nodes.gate.slow_down(Duration::from_millis(50));
    for round in 1..=6_u32 {
        let publishing = tokio::spawn({
            let slow = slow.clone();
            async move { slow.try_publish("default", "application").await }
        });
        // At another step of the slow transaction each time.
        tokio::time::sleep(Duration::from_millis(60) * round).await;
        let value = format!("{round}");
        app.publish(&value).await;
        publishing.await.unwrap().ok();
        let path = format!("{}/releases/latest", app.path("default", "application"));
        let latest = Http::new(&nodes.other.admin).get(&path).await.ok().json();
        let content = latest["configurations"].as_str().unwrap();
        assert_eq!(content, format!(r#"{{"k":"{value}"}}"#), "round {round}");
    }
    nodes.end().await;
}

/// The namespaces of the large app that clients of a node receive, by their numbers.
async fn served(node: &Server) -> Vec<usize> {
    let mut line = Line::new(&node.config);
    let mut served = Vec::new();
    for number in 0..NAMESPACES {
        let status = line.get(&format!("/configs/large/default/n{number}"), "").await;
        assert!(matches!(status, Some(200 | 404)), "n{number}: {status:?}");
        if status == Some(200) {
            served.push(number);
        }
    }
    served
}

/// An app with many namespaces is deleted in one step for all observers, is announced for each of
/// its namespaces, and delays no edit of another app.
async fn deleting_a_large_app_hinders_nobody(engine: Engine) {
    let Some(nodes) = Nodes::on(engine).await else { return };
    let http = Http::new(&nodes.other.admin);
    let other = App::create(&http, "other").await;
    App::create(&http, "large").await;
    let rows =
        |row: &dyn Fn(usize) -> String| (0..NAMESPACES).map(row).collect::<Vec<_>>().join(",");
    let namespaces = rows(&|n| format!("('large','default','n{n}')"));
    let releases = rows(&|n| format!("('key{n}','large','default','n{n}','{{}}')"));
    let database = &nodes.fresh.database;
    database
        .run(&[
            &format!(r#"INSERT INTO "Namespace" ("AppId","ClusterName","NamespaceName") VALUES {namespaces}"#),
            &format!(
                r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations") VALUES {releases}"#
            ),
            r#"INSERT INTO "Item" ("NamespaceId","Key","Value") SELECT "Id",'k','v' FROM "Namespace" WHERE "AppId" = 'large'"#,
        ])
        .await;
    // From now on they are in the memory of the node.
    assert_eq!(served(&nodes.other).await.len(), NAMESPACES);

    nodes.gate.slow_down(Duration::from_millis(100));
    let slow = Http::new(&nodes.slow.admin);
    let deletion = tokio::spawn(async move { slow.delete("/apps/large?operator=u").await });
    let mut meanwhile = 0;
    while !deletion.is_finished() {
        // Behind a lock of the deletion it would be refused after 5 s, or end after the deletion.
        other.publish(&format!("{meanwhile}")).await;
        meanwhile += 1;
    }
    assert!(meanwhile > 2, "{meanwhile} publishes of another app during the deletion");
    deletion.await.unwrap().ok();
    nodes.gate.open();

    let left = async |table: &str, condition: &str| {
        let sql = format!(
            r#"SELECT COUNT(*) AS "Left" FROM "{table}" WHERE NOT "IsDeleted" AND {condition}"#
        );
        database.rows(&sql).await[0]["Left"].as_i64().unwrap()
    };
    for table in ["Namespace", "Release", "Cluster", "App", "AppNamespace"] {
        assert_eq!(left(table, r#""AppId" = 'large'"#).await, 0, "{table}");
    }
    let of_large = r#""NamespaceId" IN (SELECT "Id" FROM "Namespace" WHERE "AppId" = 'large')"#;
    assert_eq!(left("Item", of_large).await, 0);
    let sql = r#"SELECT COUNT(DISTINCT "Message") AS "Sent" FROM "ReleaseMessage" WHERE "Message" LIKE 'large+%'"#;
    assert_eq!(database.rows(sql).await[0]["Sent"].as_u64(), Some(NAMESPACES as u64 + 1));
    // An app that is not stored has no namespaces, whatever is in memory. With a new one of this
    // name, clients would receive each namespace whose message the node missed.
    App::create(&http, "large").await.publish("new").await;
    let config = Http::new(&nodes.other.config);
    eventually("the new app at a client", async || {
        (config.get("/configs/large/default/application").await.status == 200).then_some(())
    })
    .await;
    eventually("the deletion of every namespace at a client", async || {
        served(&nodes.other).await.is_empty().then_some(())
    })
    .await;
    nodes.end().await;
}

/// One test for each engine.
macro_rules! on_each_engine {
    ($($name:ident),*) => { $(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn mysql() {
                super::$name(Engine::MySql).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$name(Engine::Postgres).await;
            }
        }
    )* };
}

on_each_engine!(a_slow_publish_does_not_undo_a_newer_one, deleting_a_large_app_hinders_nobody);
