//! REL-04: the database refuses writes, as after a failover to a replica that was not promoted.
//! Clients are served, changes are refused with a reason, and the node recovers when writes work
//! again.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::database::AT_ONCE;
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};
use crate::support::variable;

fn options(url: &str) -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", url)
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// REL-04: reads continue, changes are refused as unavailable and leave nothing behind, health
/// reports it, and the node recovers by itself.
async fn a_database_that_takes_no_writes_refuses_changes_only(
    server: Server,
    database: &Database,
    set_read_only: impl AsyncFn(bool),
) {
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    let app = App::create(&admin, "demo").await;
    app.publish("1").await;
    let path = "/configs/demo/default/application";
    eventually("the release", async || (config.get(path).await.status == 200).then_some(())).await;
    for expected in 1..=2 {
        set_read_only(true).await;
        eventually("the refusal of a change", async || {
            let refused = app.try_publish("default", "application").await;
            let is_refused = refused.status == 503 && refused.header("retry-after") == "5";
            assert!(!is_refused || refused.text.contains("The database"), "{refused:?}");
            is_refused.then_some(())
        })
        .await;
        let publish = async || {
            let refused = app.try_publish("default", "application").await;
            assert_eq!(refused.status, 503, "{refused:?}");
        };
        AT_ONCE.time("a publish", publish).await;
        eventually("health to say so", async || {
            let health = config.get("/health").await;
            (health.status == 503 && health.text.contains("cannot be stored")).then_some(())
        })
        .await;
        assert_eq!(config.get("/health/ready").await.status, 200);
        assert_eq!(config.get(path).await.ok().json()["configurations"]["k"], "1");
        admin.get("/apps/demo").await.ok();
        let releases = database.rows(r#"SELECT "Id" FROM "Release""#).await;
        assert_eq!(releases.len(), expected, "a refused publish left something");
        set_read_only(false).await;
        eventually("a publish", async || {
            let published = app.try_publish("default", "application").await;
            (published.status == 200).then_some(())
        })
        .await;
        eventually("health to be well again", async || {
            (config.get("/health").await.status == 200).then_some(())
        })
        .await;
    }
}

/// New sessions are read-only or writable, and existing ones end.
#[tokio::test]
async fn a_postgres_that_takes_no_writes_refuses_changes_only() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    let server = Server::start_with(options(&fresh.database.url));
    let set_read_only = async |is_read_only| {
        let name = fresh.database.url.rsplit_once('/').unwrap().1.to_owned();
        let setting = format!("default_transaction_read_only = {is_read_only}");
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        );
        fresh.run_beside(&format!("ALTER DATABASE {name} SET {setting}")).await;
        fresh.run_beside(&end).await;
    };
    let database = &fresh.database;
    a_database_that_takes_no_writes_refuses_changes_only(server, database, set_read_only).await;
    fresh.remove().await;
}

/// A MariaDB of its own, because a variable such as `read_only` applies to the whole server.
pub(super) struct Private {
    directory: tempfile::TempDir,
    port: u16,
}

impl Private {
    pub(super) fn start() -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let server = Self { directory: tempfile::tempdir().unwrap(), port };
        server.script(&["up", "mysql"]);
        server
    }

    fn script(&self, arguments: &[&str]) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("databases.sh");
        let status = Command::new(path)
            .args(arguments)
            .env("CASTALIA_TEST_DIR", self.directory.path().join("databases"))
            .env("CASTALIA_TEST_MYSQL_PORT", self.port.to_string())
            .status();
        assert!(status.unwrap().success(), "databases.sh {arguments:?}");
    }

    /// Its database for an account; only `castalia` may write while it is read-only.
    pub(super) fn url(&self, account: &str) -> String {
        format!("mysql://{account}:castalia@127.0.0.1:{}/castalia", self.port)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.script(&["down"]);
    }
}

/// `read_only`, as on a replica: each write is refused with error 1290, on open connections too.
#[tokio::test]
async fn a_mysql_that_takes_no_writes_refuses_changes_only() {
    if variable("CASTALIA_TEST_DATABASES").is_some_and(|names| names == "sqlite") {
        return;
    }
    let private = Private::start();
    let database = Database::at(&private.url("castalia"));
    drop(Server::start_with(options(&database.url)));
    let server = Server::start_with(options(&private.url("castalia_rows")));
    let set_read_only = async |is_read_only| {
        database.run(&[&format!("SET GLOBAL read_only = {is_read_only}")]).await;
    };
    a_database_that_takes_no_writes_refuses_changes_only(server, &database, set_read_only).await;
}
