//! The database behind a server, read and written beside it: what the tables hold, and rows as a
//! node of another make leaves them.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database as SeaOrm, DatabaseBackend, DatabaseConnection,
    DatabaseTransaction, Statement, TransactionTrait as _,
};
use serde_json::Value;

use super::eventually::eventually;
use super::rows::object;

/// Longest wait for a lock of SQLite. A server has it while the disk stores its change, which takes
/// seconds on a busy machine.
const BUSY: Duration = Duration::from_secs(60);
/// PostgreSQL removes no database that somebody is connected to, unless told to end the sessions
/// first.
const FORCE: &str = " WITH (FORCE)";

/// One database by its URL; connects anew for each call, so that tests with a runtime of their own
/// can share it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) url: String,
}

impl Database {
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// A file in a data directory.
    pub(crate) fn file(data_dir: &Path, name: &str) -> Self {
        Self { url: format!("sqlite://{}", data_dir.join(name).display()) }
    }

    async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options.map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(BUSY));
        SeaOrm::connect(options).await.unwrap()
    }

    /// Rows of a query, as JSON objects. Names are quoted as in standard SQL.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Value> {
        let db = self.connect().await;
        let rows = db.query_all_raw(self.statement(&db, sql)).await.unwrap();
        let objects = rows.iter().map(object).collect();
        db.close().await.unwrap();
        objects
    }

    /// Runs statements, one after the other.
    pub(crate) async fn run(&self, statements: &[&str]) {
        let db = self.connect().await;
        for sql in statements {
            db.execute_raw(self.statement(&db, sql)).await.unwrap();
        }
        db.close().await.unwrap();
    }

    /// Runs statements in a transaction that the caller ends.
    pub(crate) async fn begin(&self, statements: &[&str]) -> DatabaseTransaction {
        let db = self.connect().await;
        let transaction = db.begin().await.unwrap();
        for sql in statements {
            transaction.execute_raw(self.statement(&db, sql)).await.unwrap();
        }
        transaction
    }

    /// A release as another node commits it: the rows, and nobody is told. Returns the id of the
    /// message.
    pub(crate) async fn release(&self, place: [&str; 3], key: &str, configurations: &Value) -> i64 {
        let [app_id, cluster, namespace] = place;
        let release = format!(
            r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations")
               VALUES ('{key}','{app_id}','{cluster}','{namespace}','{configurations}')"#
        );
        let message = format!("{app_id}+{cluster}+{namespace}");
        let told = format!(r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('{message}')"#);
        self.run(&[&release, &told]).await;
        self.newest(&message).await
    }

    /// The newest release message of a watch key.
    pub(crate) async fn newest(&self, key: &str) -> i64 {
        let sql = format!(
            r#"SELECT MAX("Id") AS "Newest" FROM "ReleaseMessage" WHERE "Message" = '{key}'"#
        );
        self.rows(&sql).await[0]["Newest"].as_i64().unwrap_or(-1)
    }

    fn statement(&self, db: &DatabaseConnection, sql: &str) -> Statement {
        match db.get_database_backend() {
            DatabaseBackend::MySql => {
                Statement::from_string(DatabaseBackend::MySql, backticks(sql))
            }
            backend => Statement::from_string(backend, sql),
        }
    }
}

/// The same statement with names quoted as MySQL does it; texts stay as they are.
fn backticks(sql: &str) -> String {
    let mut is_text = false;
    let quote = |character| {
        is_text ^= character == '\'';
        if character == '"' && !is_text { '`' } else { character }
    };
    sql.chars().map(quote).collect()
}

/// A new, empty database on a server, removed in the end.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) database: Database,
    server: String,
    removal: String,
}

/// MariaDB and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    MySql,
    Postgres,
}

/// The addresses of the servers, started on first use; `None` when the run is restricted to SQLite.
static SERVERS: LazyLock<Option<[String; 2]>> = LazyLock::new(|| {
    if super::variable("CASTALIA_TEST_DATABASES").is_some_and(|names| names == "sqlite") {
        return None;
    }
    script(&["up"]);
    Some([script(&["url", "mysql"]), script(&["url", "postgres"])])
});

fn script(arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("databases.sh");
    let output = Command::new(&path).args(arguments).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {complaint}", path.display());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Fresh {
    /// On the server that `CASTALIA_TEST_ON` names, `mysql` or `postgres`; `None` where it is not
    /// set.
    pub(crate) async fn asked_for() -> Option<Self> {
        let engine = match super::variable("CASTALIA_TEST_ON")?.as_str() {
            "mysql" => Engine::MySql,
            "postgres" => Engine::Postgres,
            other => panic!("CASTALIA_TEST_ON is {other}, neither mysql nor postgres"),
        };
        let fresh = Self::on(engine).await;
        Some(fresh.expect("CASTALIA_TEST_ON needs a run that is not restricted to SQLite"))
    }

    /// `None` where the run is restricted to SQLite.
    pub(crate) async fn on(engine: Engine) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let [mysql, postgres] = SERVERS.as_ref()?;
        let server = if engine == Engine::MySql { mysql } else { postgres };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("suite_{}_{count}", std::process::id());
        let (address, _) = server.rsplit_once('/').unwrap();
        let force = if engine == Engine::Postgres { FORCE } else { "" };
        let create = format!("CREATE DATABASE {name}");
        Database::at(server).run(&[&create]).await;
        Some(Self {
            database: Database::at(&format!("{address}/{name}")),
            server: server.clone(),
            removal: format!("DROP DATABASE IF EXISTS {name}{force}"),
        })
    }

    /// Runs a statement beside it, on the same server.
    pub(crate) async fn run_beside(&self, statement: &str) {
        Database::at(&self.server).run(&[statement]).await;
    }

    /// Removes it; the servers on it must have ended. PostgreSQL may still have to end the sessions
    /// of another account, which this one may not do.
    pub(crate) async fn remove(self) {
        let server = Database::at(&self.server);
        let db = server.connect().await;
        eventually("the sessions on the database to end", async || {
            db.execute_unprepared(&self.removal).await.ok()
        })
        .await;
        db.close().await.unwrap();
    }
}
