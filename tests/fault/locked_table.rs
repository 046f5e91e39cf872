//! Another session holds a lock on single tables: whatever needs them is refused, and `/health`
//! names them as long as the lock lasts, also if nobody asks for anything meanwhile. A lock on
//! single rows is no fault of the node.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use serde_json::json;

use super::database::on_each_engine;
use super::feed_node::{Kind, Node};
use super::locked_portal::create_app;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;

const NAMESPACE: &str = "/apps/demo/clusters/default/namespaces/application";
const LOGGED: &str = "requests that need a table are refused until it can be accessed";
const RECOVERED: &str = "a table can be accessed again";

/// What another session may still do with a locked table.
#[derive(Clone, Copy)]
pub(super) enum Others {
    Nothing,
    Read,
}

/// A session that holds locks on tables.
pub(super) struct Locked(DatabaseTransaction, Engine);

impl Locked {
    pub(super) async fn of(
        database: &Database,
        engine: Engine,
        tables: &[&str],
        others: Others,
    ) -> Self {
        let (mode, of_postgres) = match others {
            Others::Nothing => ("WRITE", "ACCESS EXCLUSIVE"),
            Others::Read => ("READ", "EXCLUSIVE"),
        };
        let each = |table: &&str| match engine {
            Engine::MySql => format!("`{table}` {mode}"),
            Engine::Postgres => format!(r#""{table}""#),
        };
        let tables = tables.iter().map(each).collect::<Vec<_>>().join(", ");
        let lock = match engine {
            Engine::MySql => format!("LOCK TABLES {tables}"),
            Engine::Postgres => format!("LOCK TABLE {tables} IN {of_postgres} MODE"),
        };
        let session = database.begin(&[]).await;
        session.execute_unprepared(&lock).await.unwrap();
        Self(session, engine)
    }

    pub(super) async fn end(self) {
        if let Engine::MySql = self.1 {
            self.0.execute_unprepared("UNLOCK TABLES").await.unwrap();
        }
        self.0.rollback().await.unwrap();
    }
}

pub(super) fn kind(engine: Engine) -> Kind {
    match engine {
        Engine::MySql => Kind::MySql,
        Engine::Postgres => Kind::Postgres,
    }
}

fn is_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{answer:?}");
}

/// `/health` is 503 with each of these texts.
pub(super) async fn reports(http: &Http, texts: &[String]) {
    eventually(&format!("/health to report {texts:?}"), async || {
        let health = http.get("/health").await;
        let is_reported = texts.iter().all(|text| health.text.contains(text));
        (health.status == 503 && is_reported).then_some(())
    })
    .await;
}

pub(super) async fn recovers(http: &Http) {
    eventually("/health to report the recovery", async || {
        (http.get("/health").await.status == 200).then_some(())
    })
    .await;
}

async fn tables_that_cannot_be_read_are_reported(engine: Engine) {
    let Some(mut node) = Node::start(kind(engine), &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let tables = ["App", "Item", "Release"];
    let locked = Locked::of(&node.database, engine, &tables, Others::Nothing).await;
    let paths = [
        "/apps/demo".to_owned(),
        format!("{NAMESPACE}/items"),
        format!("{NAMESPACE}/releases/all?page=0&size=5"),
    ];
    let answers = futures_util::future::join_all(paths.iter().map(|path| admin.get(path))).await;
    answers.iter().for_each(is_refused);
    let texts = tables.map(|table| {
        format!("the table {table} cannot be read: another session holds a lock on it")
    });
    for http in [&admin, &node.http] {
        reports(http, &texts).await;
        assert_eq!(http.get("/health/ready").await.status, 200, "clients are served from memory");
    }
    assert_eq!(node.value().await, "1");
    locked.end().await;
    // Without a request that needs the tables.
    recovers(&node.http).await;
    for path in &paths {
        admin.get(path).await.ok();
    }
    let lines = node.server.printed_until_exit();
    for text in [LOGGED, RECOVERED] {
        for table in tables {
            let of_table = |line: &&String| line.contains(text) && line.contains(table);
            assert!(lines.iter().any(|line| of_table(&line)), "{text} {table}: {lines:?}");
        }
    }
    node.end().await;
}

async fn a_table_that_cannot_be_changed_is_reported(engine: Engine) {
    let Some(node) = Node::start(kind(engine), &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    node.app.publish("1").await;
    let locked = Locked::of(&node.database, engine, &["Commit"], Others::Read).await;
    let item = json!({
        "key": "other", "value": "1", "comment": "", "lineNum": 2,
        "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
    });
    is_refused(&admin.post(&format!("{NAMESPACE}/items"), item.clone()).await);
    let text = "the table Commit cannot be changed: another session holds a lock on it";
    reports(&node.http, &[text.to_owned()]).await;
    admin.get(&format!("{NAMESPACE}/commit?page=0&size=5")).await.ok();
    locked.end().await;
    recovers(&node.http).await;
    admin.post(&format!("{NAMESPACE}/items"), item).await.ok();
    node.end().await;
}

/// Nothing in the database shows how long a row remains locked, and one client may lock it.
async fn a_locked_row_is_no_fault(engine: Engine) {
    let Some(node) = Node::start(kind(engine), &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    node.app.publish("1").await;
    let rows = [
        r#"UPDATE "Namespace" SET "NamespaceName" = "NamespaceName""#,
        r#"UPDATE "Item" SET "LineNum" = 9"#,
    ];
    let locked = node.database.begin(&rows).await;
    let items = admin.get(&format!("{NAMESPACE}/items")).await.ok().json();
    let path = format!("{NAMESPACE}/items/{}", items[0]["id"]);
    // The check of the first refusal ends during the second request.
    for value in ["2", "3"] {
        let item = json!({ "key": "k", "value": value, "dataChangeLastModifiedBy": "apollo" });
        is_refused(&admin.put(&path, item).await);
        is_well(&node.http).await;
    }
    locked.rollback().await.unwrap();
    node.end().await;
}

async fn locked_tables_of_the_portal_are_reported(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let server = Server::start_with(Options::new().flag("--portal-db", &fresh.database.url));
    let (portal, open_api) = (session::root(&server).await, server.open_api());
    create_app(&open_api).await;
    let environment = Http::new(&server.config);
    let role_users = "/openapi/v1/apps/demo/envs/DEV/namespaces/application/role-users";
    let tables = [("Users", "/user"), ("UserRole", role_users), ("CastaliaSession", "/user")];
    for (table, path) in tables {
        portal.get(path).await.ok();
        let locked = Locked::of(&fresh.database, engine, &[table], Others::Nothing).await;
        is_refused(&portal.get(path).await);
        reports(&portal, &[format!("the table {table} cannot be read")]).await;
        is_well(&environment).await;
        locked.end().await;
        recovers(&portal).await;
    }
    drop(server);
    fresh.remove().await;
}

/// The same for a privilege that the account lacks on one table.
#[tokio::test]
async fn a_table_that_the_account_may_not_read_is_reported() {
    let Some(node) = Node::start(Kind::Postgres, &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    node.database.run(&[r#"REVOKE SELECT ON "Item" FROM castalia"#]).await;
    is_refused(&admin.get(&format!("{NAMESPACE}/items")).await);
    reports(&node.http, &["the table Item cannot be read".into(), "privileges".into()]).await;
    node.database.run(&[r#"GRANT SELECT ON "Item" TO castalia"#]).await;
    recovers(&node.http).await;
    node.end().await;
}

on_each_engine!(
    tables_that_cannot_be_read_are_reported,
    a_table_that_cannot_be_changed_is_reported,
    a_locked_row_is_no_fault,
    locked_tables_of_the_portal_are_reported
);
