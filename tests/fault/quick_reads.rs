//! REL-04: reads are as fast without the database as with it.
//!
//! Absolute times are not meaningful on a machine that is busy with other tests. So each read of a
//! node without its database is paired with a read of a node with it, and the times are compared.
//! Other tests delay reads of either node; an attempt that they disturb is repeated.

use std::time::Duration;

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::poll::position;
use crate::support::server::{Options, Server};
use crate::support::stopwatch::Stopwatch;

/// The increase of the 99th percentile that is allowed during an outage; the total limit is 20 ms.
const ADDED: Duration = Duration::from_millis(10);
/// No read takes as long, unless one of the node with its database does.
const STALL: Duration = Duration::from_millis(250);
/// Attempts, of which one has to succeed. What waits for the database is slow in each of them.
const ATTEMPTS: usize = 10;
/// Rounds of an attempt. Their median is compared, because other work can fill one of them.
const ROUNDS: usize = 5;
/// Reads of a round, on each node.
const READS: usize = 100;
/// Concurrent callers whose requests need the database.
const CALLERS: usize = 4;

/// What the reads of one node took in an attempt.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// The median of the 99th percentiles of the rounds.
    p99: Duration,
    /// Of all rounds.
    longest: Duration,
}

impl Times {
    fn of(mut rounds: Vec<Vec<Duration>>) -> Self {
        rounds.iter_mut().for_each(|times| times.sort_unstable());
        let mut percentiles: Vec<_> =
            rounds.iter().map(|times| times[times.len() - times.len() / 100 - 1]).collect();
        percentiles.sort_unstable();
        let longest = rounds.into_iter().flatten().max().unwrap();
        Self { p99: percentiles[percentiles.len() / 2], longest }
    }
}

/// Reads of a node with its database and of one without it.
#[derive(Debug)]
struct Attempt {
    with: Times,
    without: Times,
}

impl Attempt {
    /// Reads from both nodes in turn.
    async fn make(with: &Http, without: &Http) -> Self {
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            let mut times = [Vec::new(), Vec::new()];
            for read in 0..READS {
                // Alternate which node is first.
                for node in [read % 2, (read + 1) % 2] {
                    let begun = Stopwatch::start();
                    let http = [with, without][node];
                    let answer = http.get("/configs/demo/default/application").await.ok();
                    times[node].push(begun.elapsed());
                    assert_eq!(answer.json()["configurations"]["k"], "1");
                }
            }
            let [with, without] = times;
            rounds[0].push(with);
            rounds[1].push(without);
        }
        let [with, without] = rounds.map(Times::of);
        Self { with, without }
    }

    /// On a machine on which reads with the database are slow, as much again is allowed without it.
    fn is_as_quick(&self) -> bool {
        let Self { with, without } = self;
        let added = without.p99.saturating_sub(with.p99);
        added < ADDED.max(with.p99) && (without.longest < STALL || with.longest >= STALL)
    }
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
        let mut attempts: Vec<Attempt> = Vec::new();
        let is_done = |attempts: &[Attempt]| attempts.last().is_some_and(Attempt::is_as_quick);
        while attempts.len() < ATTEMPTS && !is_done(&attempts) {
            attempts.push(Attempt::make(&with, &without).await);
        }
        assert!(is_done(&attempts), "{name}: {attempts:?}");
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

/// Checks the tests above.
#[test]
fn reads_that_stall_or_are_slow_are_found_out() {
    const USUAL: Duration = Duration::from_millis(2);
    // The last of the reads of each round take as long.
    let rounds = |slow: usize, time: Duration| {
        let mut times = vec![USUAL; READS];
        times[READS - slow..].fill(time);
        Times::of(vec![times; ROUNDS])
    };
    let quick = rounds(0, USUAL);
    let is_as_quick = |with, without| Attempt { with, without }.is_as_quick();
    assert!(is_as_quick(quick, quick));
    let stalled = rounds(1, STALL);
    assert!(!is_as_quick(quick, stalled), "one read in a hundred stalls");
    assert!(is_as_quick(stalled, stalled), "the machine stalls");
    assert!(!is_as_quick(quick, rounds(2, USUAL + ADDED)), "two reads in a hundred are slow");
    assert!(is_as_quick(quick, rounds(1, STALL / 2)), "the specified limit is a percentile");
    let mut one_round = vec![vec![USUAL; READS]; ROUNDS];
    one_round[0].fill(STALL / 2);
    assert!(is_as_quick(quick, Times::of(one_round)), "other work fills one round");
}
