//! REL-04: reads are as fast without the database as with it.
//!
//! Absolute times are not meaningful on a machine that is busy with other tests. So each read of a
//! node without its database is paired with a read of a node with it, and their 99th percentiles
//! are compared.

use std::time::{Duration, Instant};

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::poll::position;
use crate::support::server::{Options, Server};

/// The increase of the 99th percentile that is allowed during an outage; the total limit is 20 ms.
const ADDED: Duration = Duration::from_millis(10);
/// Rounds; the best one is used, because other work on the machine only makes reads slower.
const ROUNDS: usize = 5;
/// Reads of a round, on each node.
const READS: usize = 100;
/// Concurrent callers whose requests need the database.
const CALLERS: usize = 4;

/// Reads from both nodes in turn; returns the 99th percentiles of the times.
async fn percentiles(with: &Http, without: &Http) -> (Duration, Duration) {
    let mut times = [Vec::new(), Vec::new()];
    for read in 0..READS {
        // Alternate which node is first.
        for node in [read % 2, (read + 1) % 2] {
            let begun = Instant::now();
            let answer = [with, without][node].get("/configs/demo/default/application").await.ok();
            times[node].push(begun.elapsed());
            assert_eq!(answer.json()["configurations"]["k"], "1");
        }
    }
    let [with, without] = times.map(|mut times| {
        times.sort_unstable();
        times[READS - READS / 100 - 1]
    });
    (with, without)
}

/// Without its database, whatever the fault, a node answers from memory as fast as one with it.
async fn reads_are_as_quick_without_the_database(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let gate = Gate::before(&fresh.database.url).await;
    let start = |url: &str| {
        let options = Options::new().flag("--roles", "config,meta,admin").flag("--config-db", url);
        Server::start_with(
            options.variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false"),
        )
    };
    let servers = [start(&fresh.database.url), start(&gate.url)];
    let [with, without] = [0, 1].map(|node| Http::new(&servers[node].config));
    App::create(&Http::new(&servers[0].admin), "demo").await.publish("1").await;
    for node in [&with, &without] {
        position(node, "demo", "application").await;
        node.get("/configs/demo/default/application").await.ok();
    }
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let admin = Http::new(&servers[1].admin);
            tokio::spawn(async move {
                loop {
                    admin.get("/apps/demo").await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            })
        })
        .collect();
    let outages: [(&str, &dyn Fn()); 3] = [
        ("unreachable", &|| gate.shut()),
        ("frozen", &|| gate.freeze()),
        ("slow", &|| gate.slow_down(Duration::from_secs(5))),
    ];
    for (name, begin) in outages {
        begin();
        let health = async |status| (without.get("/health").await.status == status).then_some(());
        eventually("the outage to be noticed", async || health(503).await).await;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let (with, without) = percentiles(&with, &without).await;
            rounds.push((without.saturating_sub(with), without, with));
        }
        rounds.sort_unstable();
        assert!(rounds[0].0 < ADDED, "{name}: (added, without, with) {rounds:?}");
        gate.open();
        eventually("the recovery", async || health(200).await).await;
    }
    callers.iter().for_each(tokio::task::JoinHandle::abort);
    drop(servers);
    fresh.remove().await;
}

// The gate needs a thread while the test blocks on its servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_as_quick_without_mysql() {
    reads_are_as_quick_without_the_database(Engine::MySql).await;
}

// The gate needs a thread while the test blocks on its servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_as_quick_without_postgres() {
    reads_are_as_quick_without_the_database(Engine::Postgres).await;
}
