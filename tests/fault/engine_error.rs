//! Errors of the database that are neither an outage nor the fault of a statement: its files or its
//! memory fail, a table is missing, or something unexpected. Whatever they refuse, `/health`
//! reports.

use super::database::on_each_engine;
use super::feed_node::{Kind, Node, on_each_kind};
use super::locked_table::{kind, recovers, reports};
use crate::support::database::Engine;
use crate::support::http::Http;

/// Statements after which inserts into a table fail with this error, and no longer.
fn failing(engine: Engine, table: &str, code: &str) -> (Vec<String>, String) {
    match engine {
        Engine::MySql => (
            vec![format!(
                "CREATE TRIGGER failing BEFORE INSERT ON \"{table}\" FOR EACH ROW \
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'broken'"
            )],
            "DROP TRIGGER failing".to_owned(),
        ),
        Engine::Postgres => (
            vec![
                format!(
                    "CREATE OR REPLACE FUNCTION failing() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = '{code}'; END $$"
                ),
                format!(
                    r#"CREATE TRIGGER failing BEFORE INSERT ON "{table}"
                       FOR EACH ROW EXECUTE FUNCTION failing()"#
                ),
            ],
            format!(r#"DROP TRIGGER failing ON "{table}""#),
        ),
    }
}

async fn break_table(node: &Node, engine: Engine, table: &str, code: &str) -> String {
    let (statements, end) = failing(engine, table, code);
    for statement in statements {
        node.database.run(&[&statement]).await;
    }
    end
}

async fn remains_unhealthy(http: &Http) {
    for _ in 0..6 {
        let health = http.get("/health").await;
        assert_eq!(health.status, 503, "{health:?}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
}

async fn errors_of_files_and_memory_are_reported(engine: Engine) {
    let Some(node) = Node::start(kind(engine), &[]).await else { return };
    node.app.publish("1").await;
    let (storage, memory) = match engine {
        Engine::MySql => (&["1030", "1034", "1194", "1026", "3", "1195", "126"][..], "1041"),
        Engine::Postgres => (&["58030", "XX001", "XX002"][..], "53200"),
    };
    let tables = ["Release", "ReleaseHistory", "Audit", "ReleaseMessage"];
    let storage = storage.iter().zip(tables.iter().cycle()).map(|(code, table)| (*code, *table));
    for (code, table) in storage.chain([(memory, "Release")]) {
        let end = break_table(&node, engine, table, code).await;
        let refused = node.app.try_publish("default", "application").await;
        assert_eq!(refused.status, 503, "{code} of {table}: {refused:?}");
        let health = node.get("/health").await;
        assert_eq!(health.status, 503, "{code} of {table}: {health:?}");
        remains_unhealthy(&node.http).await;
        assert_eq!(node.get("/health/ready").await.status, 200, "clients are served from memory");
        node.database.run(&[&end]).await;
        recovers(&node.http).await;
        node.app.try_publish("default", "application").await.ok();
    }
    node.eventually_serves("1").await;
    node.end().await;
}

/// By a node that nobody asks to change anything.
async fn an_unexpected_error_is_reported(engine: Engine) {
    let Some(node) = Node::start(kind(engine), &[]).await else { return };
    node.app.publish("1").await;
    for table in ["Release", "Item"] {
        let code = match engine {
            Engine::MySql => "1815",
            Engine::Postgres => "XX000",
        };
        let end = break_table(&node, engine, table, code).await;
        reports(&node.http, &["publishes cannot be stored".into()]).await;
        node.database.run(&[&end]).await;
        recovers(&node.http).await;
    }
    node.app.publish("2").await;
    node.end().await;
}

async fn a_missing_table_is_reported(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    for table in ["Item", "Release", "ReleaseHistory", "Audit", "NamespaceLock"] {
        node.database.run(&[&format!(r#"ALTER TABLE "{table}" RENAME TO "Away""#)]).await;
        let refused = node.app.try_publish("default", "application").await;
        assert!(refused.status >= 500, "{table}: {refused:?}");
        reports(&node.http, &[format!("the table {table} cannot be"), "not exist".into()]).await;
        remains_unhealthy(&node.http).await;
        node.database.run(&[&format!(r#"ALTER TABLE "Away" RENAME TO "{table}""#)]).await;
        recovers(&node.http).await;
        node.app.try_publish("default", "application").await.ok();
    }
    node.end().await;
}

/// By a node that nobody asks to change anything.
async fn a_missing_table_is_found(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("1").await;
    for (number, table) in ["ReleaseHistory", "Commit"].into_iter().enumerate() {
        node.database.run(&[&format!(r#"ALTER TABLE "{table}" RENAME TO "Away{number}""#)]).await;
        reports(&node.http, &[format!("the table {table} cannot be"), "not exist".into()]).await;
    }
    node.end().await;
}

on_each_engine!(errors_of_files_and_memory_are_reported, an_unexpected_error_is_reported);
on_each_kind!(a_missing_table_is_reported, a_missing_table_is_found);
