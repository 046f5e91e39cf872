//! A node is killed or terminated late in its start: after it was announced to others, before the
//! start is complete. The next start, on the same data directory and ports, and the other nodes
//! work as if that had not happened.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::feed_node::value_of;
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::server::{Options, Server, command};

/// Delay of each answer of the database, so that the rest of a start takes seconds.
const SLOW: Duration = Duration::from_millis(80);
/// Most starts until one is seen before it is complete.
const TRIES: usize = 5;

struct Starting {
    child: Child,
    log: std::path::PathBuf,
}

impl Starting {
    /// Starts it through a slow gate and waits until it is announced; `None` if its start is
    /// complete then, because this machine is busy.
    async fn announced(
        data_dir: &std::path::Path,
        gate: &Gate,
        fresh: &Fresh,
        others: &BTreeSet<String>,
    ) -> Option<Self> {
        let log = data_dir.join("start.log");
        let file = std::fs::File::create(&log).unwrap();
        let child = command(&["serve", "--log-format", "json", "--sample-app", "off"])
            .args(["--roles", "config,meta,admin", "--advertise", "http://127.0.0.1"])
            .args(["--config-db", &gate.url, "--config-port", "0", "--admin-port", "0"])
            .args(["--data-dir".as_ref(), data_dir.as_os_str()])
            .stdout(file.try_clone().unwrap())
            .stderr(Stdio::from(file))
            .spawn()
            .unwrap();
        eventually("the node to be announced", async || {
            (!services(fresh).await.is_subset(others)).then_some(())
        })
        .await;
        let starting = Self { child, log };
        if starting.log().contains(r#""listening""#) {
            assert!(starting.end("-TERM", gate).await.success());
            return None;
        }
        Some(starting)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The database answers quickly again during the end, because a departure has a time limit.
    async fn end(mut self, signal: &str, gate: &Gate) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        gate.open();
        tokio::task::spawn_blocking(move || self.child.wait()).await.unwrap().unwrap()
    }
}

/// Addresses of the announced services.
async fn services(fresh: &Fresh) -> BTreeSet<String> {
    let rows = fresh.database.rows(r#"SELECT "Uri" FROM "ServiceRegistry""#).await;
    rows.iter().map(|row| row["Uri"].as_str().unwrap().to_owned()).collect()
}

async fn an_interrupted_start_leaves_nothing_that_hurts(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let options = |url: &str| {
        Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", url)
            .flag("--advertise", "http://127.0.0.1")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
    };
    let other = Server::start_with(options(&fresh.database.url));
    let app = App::create(&Http::new(&other.admin), "demo").await;
    let directory = tempfile::tempdir().unwrap();
    let gate = Gate::before(&fresh.database.url).await;
    for (round, signal) in ["-TERM", "-KILL", "-TERM"].into_iter().enumerate() {
        // The row of the killed node is among them until it lapses, at a time of its own.
        let others = services(&fresh).await;
        let starting = {
            let mut tries = 0;
            loop {
                gate.slow_down(SLOW);
                let announced = Starting::announced(directory.path(), &gate, &fresh, &others).await;
                if let Some(starting) = announced {
                    break starting;
                }
                tries += 1;
                assert!(tries < TRIES, "too late");
            }
        };
        let status = starting.end(signal, &gate).await;
        if signal == "-TERM" {
            assert!(status.success(), "{status}");
            let left = &services(&fresh).await - &others;
            assert!(left.is_empty(), "a terminated node is announced: {left:?}");
        }
        let value = round.to_string();
        app.publish(&value).await;
        let next = Server::start_in(directory.path(), options(&fresh.database.url));
        for server in [&other, &next] {
            let http = Http::new(&server.config);
            eventually("the publish", async || {
                let config = http.get("/configs/demo/default/application").await;
                (value_of(&config) == value).then_some(())
            })
            .await;
            is_well(&http).await;
        }
        App::existing(&Http::new(&next.admin), "demo").publish("next").await;
    }
    drop(other);
    fresh.remove().await;
}

// The gate needs a thread while the test blocks on its servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_start_leaves_nothing_that_hurts_on_mysql() {
    an_interrupted_start_leaves_nothing_that_hurts(Engine::MySql).await;
}

// The gate needs a thread while the test blocks on its servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_start_leaves_nothing_that_hurts_on_postgres() {
    an_interrupted_start_leaves_nothing_that_hurts(Engine::Postgres).await;
}
