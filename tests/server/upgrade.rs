//! REL-19: an older version of the server and this one on the same databases, side by side, forth
//! and back. `CASTALIA_TEST_OLDER` is the older program, which `tests/older.sh` builds; without it,
//! nothing runs here. An older version ignores the tables that it does not know, so that it starts
//! on the schema of a newer one.

mod load;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use castalia_core::{Client, Settings};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::block_in_place;

use self::load::Load;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::health::ports_are_ready;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server, binary};
use crate::support::session;
use crate::support::variable;

/// Ports below those that the system assigns to outgoing connections, one of which may have the
/// port of a node that is down.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
const PORT_FLAGS: [&str; 3] = ["--config-port", "--admin-port", "--portal-port"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Older,
    Newer,
}

use Version::{Newer, Older};

/// The node that is replaced, and its version then. At first both are older.
const CHANGES: [(usize, Version); 4] = [(1, Newer), (0, Newer), (1, Older), (0, Older)];

/// The programs of both versions.
struct Programs {
    older: PathBuf,
    newer: PathBuf,
}

impl Programs {
    /// `None` if there is no older one.
    fn find() -> Option<Self> {
        let Some(older) = variable("CASTALIA_TEST_OLDER").map(PathBuf::from) else {
            eprintln!("skipped: CASTALIA_TEST_OLDER is not set; run tests/older.sh");
            return None;
        };
        assert!(older.is_file(), "CASTALIA_TEST_OLDER: there is no {}", older.display());
        Some(Self { older, newer: binary() })
    }

    fn of(&self, version: Version) -> &Path {
        match version {
            Older => &self.older,
            Newer => &self.newer,
        }
    }
}

/// A node that keeps its directory and addresses, whatever its version is.
struct Node {
    options: Options,
    directory: TempDir,
    server: Option<Server>,
}

impl Node {
    fn new(databases: &[(&str, &Fresh)]) -> Self {
        let mut options = Options::new().flag("--advertise", "http://127.0.0.1");
        for (flag, fresh) in databases {
            options = options.flag(flag, &fresh.database.url);
        }
        for flag in PORT_FLAGS {
            options = options.flag(flag, &free_port());
        }
        Self { options, directory: tempfile::tempdir().unwrap(), server: None }
    }

    /// Ends the node and starts it again with this program.
    fn run(&mut self, program: &Path) {
        let options = self.options.clone().program(program);
        // Callers continue meanwhile.
        block_in_place(|| {
            if let Some(mut server) = self.server.take() {
                assert!(server.terminate().success());
            }
            self.server = Some(Server::start_in(self.directory.path(), options));
        });
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn client(&self) -> Http {
        Http::new(&self.server().config)
    }
}

fn free_port() -> String {
    loop {
        let port = fastrand::u16(PORTS);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port.to_string();
        }
    }
}

fn path(app: &str) -> String {
    format!("/configs/{app}/default/application")
}

/// A user signs in at a healthy node, creates an app and publishes, and a poll and a read at each
/// node receive that. Returns the app.
async fn works(nodes: &[Node], at: usize, app: &str) -> Demo {
    let server = nodes[at].server();
    ports_are_ready(server).await;
    let demo = Demo::create_in(session::root(server).await, "DEV", app).await;
    demo.set("k", "0").await;
    demo.publish().await;
    for (number, node) in nodes.iter().enumerate() {
        let client = node.client();
        let id = position(&client, app, "application").await;
        let poll = Waiting::start(&client, &poll::path(app, &[("application", id)])).await;
        let value = (number + 1).to_string();
        demo.set("k", &value).await;
        demo.publish().await;
        assert!(newest(&poll.soon().await.ok()) > id, "{app}");
        let served = client.get(&path(app)).await.ok().json();
        assert_eq!(served["configurations"], json!({ "k": value }), "{app}");
    }
    demo
}

/// Each node serves what was published for these apps before.
async fn all_are_served(nodes: &[Node], apps: &[String]) {
    let last = nodes.len().to_string();
    for node in nodes {
        for app in apps {
            let what = format!("the last release of {app} at {}", node.server().config);
            eventually(&what, async || {
                let answer = node.client().get(&path(app)).await;
                let is_served =
                    answer.status == 200 && answer.json()["configurations"]["k"] == *last;
                is_served.then_some(())
            })
            .await;
        }
    }
}

/// The steps of the schema that a database has.
async fn steps(database: &Database) -> usize {
    database.rows(r#"SELECT "Version" FROM "CastaliaSchema""#).await.len()
}

async fn versions_work_side_by_side(engine: Engine) {
    let Some(programs) = Programs::find() else { return };
    let (Some(config), Some(portal)) = (Fresh::on(engine).await, Fresh::on(engine).await) else {
        return;
    };
    let databases = [("--config-db", &config), ("--portal-db", &portal)];
    let mut nodes = [Node::new(&databases), Node::new(&databases)];
    nodes[0].run(programs.of(Older));
    works(&nodes[..1], 0, "first").await;
    let before = steps(&portal.database).await;
    nodes[1].run(programs.of(Older));
    let load = Load::start(&nodes).await;
    let mut apps = Vec::new();
    for (step, (node, version)) in CHANGES.into_iter().enumerate() {
        nodes[node].run(programs.of(version));
        for at in 0..nodes.len() {
            let app = format!("app-{step}-{at}");
            works(&nodes, at, &app).await;
            apps.push(app);
        }
        all_are_served(&nodes, &apps).await;
        load.goes_on().await;
    }
    load.end(&config.database, &nodes).await;
    let after = steps(&portal.database).await;
    assert!(after >= before, "{after} steps of the schema, {before} before");
    eprintln!("{engine:?}: {before} steps of the portal's schema before, {after} after");
    drop(nodes);
    config.remove().await;
    portal.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_work_side_by_side_on_mysql() {
    versions_work_side_by_side(Engine::MySql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_work_side_by_side_on_postgres() {
    versions_work_side_by_side(Engine::Postgres).await;
}

/// A file has one node, so that one version replaces the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_replace_each_other_on_files() {
    let Some(programs) = Programs::find() else { return };
    let mut nodes = [Node::new(&[])];
    nodes[0].run(programs.of(Older));
    // Its session is that of the older version.
    let demo = works(&nodes, 0, "app-0").await;
    let settings = Settings::new()
        .set("app.id", "app-0")
        .set("apollo.meta", &nodes[0].server().config)
        .set("apollo.cache.file.enable", "false");
    let client = Client::new(settings).unwrap();
    let config = client.config("application").await.unwrap();
    let mut apps = vec!["app-0".to_owned()];
    for (step, version) in [(1, Newer), (2, Older), (3, Newer)] {
        nodes[0].run(programs.of(version));
        let app = format!("app-{step}");
        works(&nodes, 0, &app).await;
        apps.push(app);
        all_are_served(&nodes, &apps).await;
        let value = format!("of step {step}");
        demo.set("step", &value).await;
        demo.publish().await;
        let received = async || (config.get_or("step", String::new()) == value).then_some(());
        eventually(&format!("{value} at the client"), received).await;
    }
    client.close().await;
}
