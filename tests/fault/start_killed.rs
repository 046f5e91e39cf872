//! A node is killed while it creates the tables of its databases. MySQL commits each table by
//! itself: whatever exists then, the next start completes it, with the first rows, and serves.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::database::on_each_engine;
use super::feed_node::Kind;
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::server::{Options, PASSWORD, Server, command};
use crate::support::session;
use crate::support::stopwatch::Stopwatch;

const APOLLO_CONFIG: &str = include_str!("../../server/store/tests/store/apollo_2_4_config.sql");
const APOLLO_PORTAL: &str = include_str!("../../server/store/tests/store/apollo_2_4_portal.sql");
/// Moments of a start at which it is killed.
const MOMENTS: u32 = 8;
/// More starts, which are killed when the first table is seen, if this machine was so busy that no
/// moment was between two tables.
const MORE: u32 = 10;
/// Delay of each answer of a database server, so that most of a start is its work on the schema.
const SLOW: Duration = Duration::from_millis(10);

/// What the databases contain before the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The tables of Apollo, without rows.
    Apollo,
}

/// Two databases on which nothing was started yet, config and portal.
struct New {
    kind: Kind,
    directory: tempfile::TempDir,
    servers: Option<([Fresh; 2], [Gate; 2])>,
}

impl New {
    async fn create(kind: Kind, before: Before) -> Option<Self> {
        let engine = match kind {
            Kind::Sqlite => None,
            Kind::MySql => Some(Engine::MySql),
            Kind::Postgres => Some(Engine::Postgres),
        };
        let mut servers = None;
        if let Some(engine) = engine {
            let fresh = [Fresh::on(engine).await?, Fresh::on(engine).await?];
            if before == Before::Apollo {
                for (fresh, sql) in fresh.iter().zip([APOLLO_CONFIG, APOLLO_PORTAL]) {
                    let statements: Vec<&str> = sql.split(";\n").map(str::trim).collect();
                    fresh.database.run(&statements[..statements.len() - 1]).await;
                }
            }
            let [config, portal] = &fresh;
            let gates = [
                Gate::before(&config.database.url).await,
                Gate::before(&portal.database.url).await,
            ];
            servers = Some((fresh, gates));
        }
        Some(Self { kind, directory: tempfile::tempdir().unwrap(), servers })
    }

    fn data_dir(&self) -> &Path {
        self.directory.path()
    }

    fn databases(&self) -> [Database; 2] {
        match &self.servers {
            Some((fresh, _)) => fresh.each_ref().map(|fresh| fresh.database.clone()),
            None => ["config.db", "portal.db"].map(|name| Database::file(self.data_dir(), name)),
        }
    }

    /// The flags for the databases behind their gates.
    fn flags(&self) -> Vec<(&'static str, &str)> {
        let Some((_, gates)) = &self.servers else { return Vec::new() };
        ["--config-db", "--portal-db"]
            .into_iter()
            .zip(gates.iter().map(|gate| &*gate.url))
            .collect()
    }

    fn slow_down(&self, time: Duration) {
        self.servers.iter().flat_map(|(_, gates)| gates).for_each(|gate| gate.slow_down(time));
    }

    fn open(&self) {
        self.servers.iter().flat_map(|(_, gates)| gates).for_each(Gate::open);
    }

    fn start(&self) -> Server {
        let options =
            Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        let with = |options: Options, (name, url): (&str, &str)| options.flag(name, url);
        Server::start_in(self.data_dir(), self.flags().into_iter().fold(options, with))
    }

    /// Starts a node and kills it at a moment.
    async fn start_and_kill(&self, moment: impl Future<Output = ()>) {
        let mut starting = command(&["serve", "--sample-app", "off"]);
        for port in ["--config-port", "--admin-port", "--portal-port"] {
            starting.args([port, "0"]);
        }
        for (name, url) in self.flags() {
            starting.args([name, url]);
        }
        starting.args(["--data-dir".as_ref(), self.data_dir().as_os_str()]);
        starting.env("CASTALIA_ADMIN_PASSWORD", PASSWORD);
        let mut child = starting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        moment.await;
        assert!(child.try_wait().unwrap().is_none(), "the start failed by itself");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The tables that exist.
    async fn tables(&self) -> usize {
        let sql = match self.kind {
            Kind::Sqlite => return 0,
            Kind::MySql => {
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
            Kind::Postgres => {
                "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'"
            }
        };
        let [config, portal] = self.databases();
        config.rows(sql).await.len() + portal.rows(sql).await.len()
    }

    /// The moment at which there are more tables than before.
    async fn grows(&self, before: usize) {
        eventually("a first table", async || (self.tables().await > before).then_some(())).await;
    }

    /// Columns, indexes, recorded steps and the keys of the first rows of both databases.
    async fn content(&self) -> Vec<Vec<Value>> {
        let schema: &[&str] = match self.kind {
            Kind::Sqlite => {
                &[r#"SELECT coalesce("sql", "name") AS "Name" FROM "sqlite_master" ORDER BY 1"#]
            }
            Kind::MySql => &[
                "SELECT CONCAT(table_name, '.', column_name, ' ', column_type) AS name FROM information_schema.columns \
                 WHERE table_schema = DATABASE() ORDER BY 1",
                "SELECT CONCAT(table_name, '.', index_name, ' ', column_name) AS name FROM information_schema.statistics \
                 WHERE table_schema = DATABASE() ORDER BY 1",
            ],
            Kind::Postgres => &[
                "SELECT (table_name || '.' || column_name || ' ' || data_type)::text AS name \
                 FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1",
                "SELECT indexdef AS name FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
            ],
        };
        let rows = [
            r#"SELECT "Key" AS "Name" FROM "ServerConfig" ORDER BY 1"#,
            r#"SELECT "Version", "Name" FROM "CastaliaSchema" ORDER BY 1"#,
        ];
        let mut content = Vec::new();
        for database in self.databases() {
            for sql in schema.iter().chain(&rows) {
                content.push(database.rows(sql).await);
            }
        }
        content
    }

    async fn remove(self) {
        self.open();
        for fresh in self.servers.into_iter().flat_map(|(fresh, _)| fresh) {
            fresh.remove().await;
        }
    }
}

/// Users sign in, and clients receive what is published.
async fn serves(server: &Server, before: Before) {
    if before == Before::Nothing {
        session::root(server).await.get("/openapi/v1/apps").await.ok();
    }
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    for base in [&server.config, &server.admin, &server.portal] {
        let http = Http::new(base);
        eventually("the port to be healthy", async || {
            (http.get("/health").await.status == 200).then_some(())
        })
        .await;
    }
}

async fn a_killed_start_is_completed_by_the_next(kind: Kind, before: Before) {
    let Some(whole) = New::create(kind, before).await else { return };
    whole.slow_down(SLOW);
    let time = Stopwatch::start();
    let server = whole.start();
    let duration = time.elapsed();
    let (expected, tables) = (whole.content().await, whole.tables().await);
    drop(server);
    whole.remove().await;

    let mut partial = 0;
    for moment in 1..=MOMENTS + MORE {
        if moment > MOMENTS && (kind == Kind::Sqlite || partial > 0) {
            break;
        }
        let new = New::create(kind, before).await.unwrap();
        let empty = new.tables().await;
        new.slow_down(SLOW);
        if moment > MOMENTS {
            new.start_and_kill(new.grows(empty)).await;
        } else {
            let after = duration * moment / (MOMENTS + 1);
            new.start_and_kill(tokio::time::sleep(after)).await;
        }
        new.open();
        let left = new.tables().await;
        partial += u32::from(left > empty && left < tables);
        let server = new.start();
        assert_eq!(new.content().await, expected, "killed with {left} tables of {tables}");
        serves(&server, before).await;
        drop(server);
        new.remove().await;
    }
    // The other two commit the tables of a database together.
    assert!(kind == Kind::Sqlite || partial > 0, "never killed between two tables");
}

async fn a_killed_creation_is_completed_by_the_next_start(engine: Engine) {
    let kind = match engine {
        Engine::MySql => Kind::MySql,
        Engine::Postgres => Kind::Postgres,
    };
    a_killed_start_is_completed_by_the_next(kind, Before::Nothing).await;
}

#[tokio::test]
async fn a_killed_creation_of_files_is_completed_by_the_next_start() {
    a_killed_start_is_completed_by_the_next(Kind::Sqlite, Before::Nothing).await;
}

// The gates need a thread while the test blocks on its server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_adoption_of_apollos_databases_is_completed_by_the_next_start() {
    a_killed_start_is_completed_by_the_next(Kind::MySql, Before::Apollo).await;
}

on_each_engine!(a_killed_creation_is_completed_by_the_next_start);
