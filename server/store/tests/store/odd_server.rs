//! A MariaDB server whose defaults differ from those that most have: it commits nothing by itself,
//! its rows have the old format with short keys, its binary log has statements or rows, a commit
//! begins another transaction or ends the session, and few statements may be prepared.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use castalia_store::{Origin, Part, Store, StoreError, message};
use sea_orm::{ConnectionTrait, Database as SeaOrm, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::database::{Database, apply, patient};

/// Different statements, more than a connection keeps prepared unless told otherwise.
const DIFFERENT: i64 = 120;
/// A limit that a URL states.
const STATED: i64 = 20;
/// Limit of those that it keeps.
const KEPT: i64 = 60;

struct OddServer {
    child: Child,
    url: String,
    _directory: TempDir,
}

impl OddServer {
    /// `tests/databases.sh up`, which a database of the usual server calls, installs the program.
    async fn start() -> (Self, DatabaseConnection) {
        let directory = tempfile::tempdir().unwrap();
        let data = format!("--datadir={}", directory.path().display());
        let install = ["--no-defaults", &data, "--user=root", "--skip-test-db"];
        // A server that starts elsewhere deletes the temporary tables in a common directory.
        let own = ("TMPDIR", directory.path());
        let installed =
            Command::new("mariadb-install-db").args(install).env(own.0, own.1).output().unwrap();
        assert!(installed.status.success(), "{installed:?}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let socket = format!("--socket={}", directory.path().join("sock").display());
        let port_option = format!("--port={port}");
        let child = Command::new("mariadbd")
            .args(["--no-defaults", &data, "--user=root", &socket, &port_option])
            .args(["--bind-address=127.0.0.1", "--skip-grant-tables", "--server-id=1"])
            .args(["--autocommit=0", "--innodb-default-row-format=compact"])
            .args(["--log-bin", "--binlog-format=MIXED"])
            .env(own.0, own.1)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("mysql://root@127.0.0.1:{port}/odd");
        let server = Self { child, url, _directory: directory };
        let begun = Instant::now();
        let root = loop {
            match SeaOrm::connect(format!("mysql://root@127.0.0.1:{port}/mysql")).await {
                Ok(root) => break root,
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(120), "{error}"),
            }
            sleep(Duration::from_millis(50)).await;
        };
        root.execute_unprepared("CREATE DATABASE odd CHARACTER SET utf8mb4").await.unwrap();
        (server, root)
    }
}

impl Drop for OddServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_odd_defaults_is_used_or_refused() {
    let Some(_) = Database::mysql().await else { return };
    let (server, root) = OddServer::start().await;
    created(&server, &root, Part::Portal).await.close().await.unwrap();
    let store = created(&server, &root, Part::Config).await;
    writes_and_reads(&store).await;
    store.close().await.unwrap();
    root.execute_unprepared("SET GLOBAL binlog_format = 'STATEMENT'").await.unwrap();
    let refused = Store::connect(&server.url, patient("--config-db")).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("--config-db") && error.contains("binlog_format"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_ends_its_transaction_and_not_the_session() {
    let Some(_) = Database::mysql().await else { return };
    let (server, root) = OddServer::start().await;
    for completion in ["CHAIN", "RELEASE"] {
        set(&root, &format!("completion_type = '{completion}'")).await;
        let store = created(&server, &root, Part::Config).await;
        writes_and_reads(&store).await;
        store.close().await.unwrap();
        root.execute_unprepared("DROP DATABASE odd_config").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_statements_are_prepared_and_too_many_are_an_outage() {
    let Some(_) = Database::mysql().await else { return };
    let (server, root) = OddServer::start().await;
    let store = created(&server, &root, Part::Config).await;
    let kept = kept(&store).await;
    assert!((STATED + 1..=KEPT).contains(&kept), "{kept}");
    set(&root, "max_prepared_stmt_count = 0").await;
    let new = mysql("SELECT 'new' AS N");
    let refused = store.read().query_one_raw(new.clone()).await.map_err(StoreError::from);
    assert!(refused.as_ref().is_err_and(StoreError::is_connection_lost), "{refused:?}");
    set(&root, "max_prepared_stmt_count = DEFAULT").await;
    assert!(store.read().query_one_raw(new).await.unwrap().is_some());
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_statements_are_prepared_as_the_url_states() {
    let Some(_) = Database::mysql().await else { return };
    let (server, root) = OddServer::start().await;
    created(&server, &root, Part::Config).await.close().await.unwrap();
    let url = server.url.replace("/odd", "/odd_config");
    for stated in [STATED, DIFFERENT] {
        let url = format!("{url}?statement-cache-capacity={stated}");
        let store = Store::connect(&url, patient("--config-db")).await.unwrap();
        let kept = kept(&store).await;
        assert!(kept <= stated && (stated < DIFFERENT || kept > KEPT), "{kept} of {stated}");
        store.close().await.unwrap();
    }
}

/// Number of statements that a connection keeps prepared after many.
async fn kept(store: &Store) -> i64 {
    let kept: Result<i64, StoreError> = store
        .write((), |tx, ()| {
            Box::pin(async move {
                for number in 0..DIFFERENT {
                    tx.query_one_raw(mysql(&format!("SELECT {number} AS N"))).await?;
                }
                prepared(tx).await
            })
        })
        .await;
    kept.unwrap()
}

/// A store on a new database with the tables of a part.
async fn created(server: &OddServer, root: &DatabaseConnection, part: Part) -> Store {
    let name = format!("odd_{part:?}").to_lowercase();
    let create = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4");
    root.execute_unprepared(&create).await.unwrap();
    let url = server.url.replace("/odd", &format!("/{name}"));
    let store = Store::connect(&url, patient("--config-db")).await.unwrap();
    assert_eq!(apply(&store, part).await.unwrap(), Origin::Fresh);
    store
}

/// A session that commits nothing by itself would go on to read what it read first.
async fn writes_and_reads(store: &Store) {
    for round in 1..=5 {
        store.write((), |tx, ()| Box::pin(message::insert(tx, "a+b+c"))).await.unwrap();
        let read = message::after(store.read(), 0, 10).await.unwrap();
        assert_eq!(read.count, round);
    }
}

/// Sets a variable of all later sessions.
async fn set(root: &DatabaseConnection, assignment: &str) {
    root.execute_unprepared(&format!("SET GLOBAL {assignment}")).await.unwrap();
}

/// Number of statements that this session keeps prepared.
async fn prepared(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let mut open = 0;
    for (counter, sign) in [("Com_stmt_prepare", 1), ("Com_stmt_close", -1)] {
        let sql = format!("SHOW SESSION STATUS LIKE '{counter}'");
        let row = db.query_one_raw(mysql(&sql)).await?;
        let count: String = row.unwrap().try_get("", "Value")?;
        open += sign * count.parse::<i64>().unwrap();
    }
    Ok(open)
}

fn mysql(sql: &str) -> Statement {
    Statement::from_string(DbBackend::MySql, sql)
}
