//! REL-04: the database becomes unreachable, comes back, or is slow. Nodes serve what they have in
//! memory and recover by themselves.

use std::time::Duration;

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server};
use crate::support::stopwatch::{Limit, Stopwatch};

/// Time limit of each answer from memory on a machine that is busy with other tests; `quick_reads`
/// compares the times with those of a node with its database.
const LONGEST: Duration = Duration::from_millis(1_000);
/// Time limit of half of them. One that waits for an unreachable database takes two seconds.
const USUAL: Duration = Duration::from_millis(250);
/// Attempts to read quickly, of which one has to succeed: other tests may delay some reads, and
/// what waits for the database is slow in each of them.
const ATTEMPTS: usize = 5;
/// What cannot be done without the database is refused within three seconds: half of one until a
/// ping is sent, and two for its answer; half a second more while a connection is being opened. A
/// request without a limit of its own would wait for a connection for twenty seconds, or for ever.
pub(super) const AT_ONCE: Limit =
    Limit { usual: Duration::from_secs(5), most: Duration::from_secs(20) };
/// Path of a namespace that is not in memory.
const UNKNOWN: &str = "/configs/demo/default/never-asked-for";
/// Time limit of a recovery on a machine that is busy with other tests; otherwise about a second.
const RECOVERED: Duration = Duration::from_secs(20);

/// A node whose database is behind a gate, with one published app.
struct Behind {
    gate: Gate,
    server: Server,
    app: App,
    http: Http,
    fresh: Fresh,
}

impl Behind {
    async fn start(engine: Engine) -> Option<Self> {
        Self::start_with(engine, Options::new()).await
    }

    async fn start_with(engine: Engine, options: Options) -> Option<Self> {
        let fresh = Fresh::on(engine).await?;
        let gate = Gate::before(&fresh.database.url).await;
        let options = options
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", &gate.url)
            // Longer than an outage here may take.
            .variable("CASTALIA_LONG_POLLING_TIMEOUT", "90")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        let server = Server::start_with(options);
        let app = App::create(&Http::new(&server.admin), "demo").await;
        app.publish("1").await;
        let http = Http::new(&server.config);
        Some(Self { gate, server, app, http, fresh })
    }

    async fn value(&self) -> String {
        let config = self.http.get("/configs/demo/default/application").await.ok().json();
        config["configurations"]["k"].as_str().unwrap().to_owned()
    }

    /// Reads from memory so often, with a pause after each read; all reads have to be quick.
    async fn reads_quickly(&self, reads: usize, pause: Duration) {
        let mut attempts = Vec::new();
        while attempts.len() < ATTEMPTS {
            let mut times = Vec::new();
            for _ in 0..reads {
                times.push(self.time_of_read().await);
                tokio::time::sleep(pause).await;
            }
            times.sort_unstable();
            if times[reads / 2] < USUAL && times[reads - 1] < LONGEST {
                return;
            }
            attempts.push(times);
        }
        panic!("{attempts:?}");
    }

    async fn time_of_read(&self) -> Duration {
        let start = Stopwatch::start();
        assert_eq!(self.value().await, "1");
        start.elapsed()
    }

    async fn refuses_a_load_at_once(&self) {
        let load = async || assert_eq!(self.status(UNKNOWN).await, 503);
        AT_ONCE.time("a load", load).await;
    }

    async fn status(&self, path: &str) -> u16 {
        self.http.get(path).await.status
    }

    async fn becomes_healthy(&self) {
        eventually("the recovery to be noticed", async || {
            (self.status("/health").await == 200).then_some(())
        })
        .await;
    }

    async fn end(self) {
        drop(self.server);
        self.gate.open();
        self.fresh.remove().await;
    }
}

/// A start waits for a database that answers some seconds later, as when both start together.
async fn a_start_waits_for_its_database(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let gate = Gate::before(&fresh.database.url).await;
    let options =
        Options::new().flag("--roles", "config,meta,admin").flag("--config-db", &gate.url);
    gate.shut();
    // Longer than a pool waits for a connection.
    let opens = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        gate.open();
    };
    let starts = tokio::task::spawn_blocking(move || Server::start_with(options));
    let (server, ()) = tokio::join!(starts, opens);
    let server = server.unwrap();
    let http = Http::new(&server.config);
    eventually("the node to be healthy", async || {
        (http.get("/health").await.status == 200).then_some(())
    })
    .await;
    drop(server);
    fresh.remove().await;
}

/// Without its database a node answers from memory, holds its polls, and refuses immediately what
/// it cannot do; afterwards it recovers by itself.
async fn a_database_goes_away_and_comes_back(engine: Engine) {
    let Some(node) = Behind::start(engine).await else { return };
    let id = position(&node.http, "demo", "application").await;
    assert_eq!(node.value().await, "1");
    let mut waiting = Waiting::start(&node.http, &poll::path("demo", &[("application", id)])).await;

    node.gate.shut();
    eventually("the loss to be noticed", async || {
        (node.status("/health").await == 503).then_some(())
    })
    .await;
    assert_eq!(node.status("/health/ready").await, 200);
    node.reads_quickly(50, Duration::ZERO).await;
    node.refuses_a_load_at_once().await;
    let publish = async || {
        let refused = node.app.try_publish("default", "application").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "5"), "{refused:?}");
    };
    AT_ONCE.time("a publish", publish).await;
    // Longer than any pool waits for a connection.
    assert!(waiting.is_held_for(Duration::from_secs(3)).await);

    node.gate.open();
    let start = Stopwatch::start();
    eventually("a publish", async || {
        let published = node.app.try_publish("default", "application").await;
        (published.status == 200).then_some(())
    })
    .await;
    assert!(newest(&waiting.soon().await.ok()) > id);
    assert!(start.elapsed() < RECOVERED, "{:?}", start.elapsed());
    node.becomes_healthy().await;
    let is_asked = async || (node.status(UNKNOWN).await == 404).then_some(());
    eventually("the database to be asked again", is_asked).await;
    let histories = node.fresh.database.rows(r#"SELECT "Id" FROM "ReleaseHistory""#).await;
    assert_eq!(histories.len(), 2, "the refused publish left nothing");
    node.end().await;
}

/// What is published while a node has no connection to the database is announced once it is back,
/// and a client that another node notified receives nothing older.
async fn what_happened_meanwhile_is_told(engine: Engine) {
    let Some(node) = Behind::start(engine).await else { return };
    let id = position(&node.http, "demo", "application").await;
    node.value().await;
    let waiting = Waiting::start(&node.http, &poll::path("demo", &[("application", id)])).await;
    node.gate.shut();
    eventually("the loss to be noticed", async || {
        (node.status("/health").await == 503).then_some(())
    })
    .await;
    let place = ["demo", "default", "application"];
    let next = serde_json::json!({ "k": "2" });
    let told = node.fresh.database.release(place, "20260101000000-0000000000000002", &next).await;
    let details =
        format!("%7B%22details%22%3A%7B%22demo%2Bdefault%2Bapplication%22%3A{told}%7D%7D");
    let path = format!("/configs/demo/default/application?messages={details}");
    assert_eq!(node.status(&path).await, 503);
    assert_eq!(node.value().await, "1");
    node.gate.open();
    let start = Stopwatch::start();
    let (answer, _) = waiting.end().await;
    assert!(start.elapsed() < RECOVERED, "{:?}", start.elapsed());
    assert_eq!((answer.status, newest(&answer)), (200, told));
    assert_eq!(node.value().await, "2");
    assert_eq!(node.http.get(&path).await.ok().json()["configurations"]["k"], "2");
    node.end().await;
}

/// A slow database makes publishes slow, and nothing else.
async fn a_slow_database_slows_no_reader(engine: Engine) {
    let Some(node) = Behind::start(engine).await else { return };
    let id = position(&node.http, "demo", "application").await;
    assert_eq!(node.value().await, "1");
    let mut waiting = Waiting::start(&node.http, &poll::path("demo", &[("application", id)])).await;
    node.gate.slow_down(Duration::from_secs(5));
    node.reads_quickly(20, Duration::from_millis(100)).await;
    node.refuses_a_load_at_once().await;
    assert!(waiting.is_held_for(Duration::from_millis(100)).await);
    node.gate.open();
    node.becomes_healthy().await;
    node.app.publish("2").await;
    let (answer, _) = waiting.end().await;
    assert!(newest(&answer.ok()) > id);
    assert_eq!(node.value().await, "2");
    node.end().await;
}

/// Concurrent publishes of one namespace: each is kept with its history, and clients end with the
/// newest.
async fn publishes_at_once_are_all_kept(engine: Engine) {
    let Some(node) = Behind::start(engine).await else { return };
    let publishes = (0..8).map(|_| {
        let app = node.app.clone();
        tokio::spawn(async move {
            loop {
                let answer = app.try_publish("default", "application").await;
                // On a busy machine one may wait too long for the others.
                if answer.status != 503 {
                    return answer.ok().json()["id"].as_i64().unwrap();
                }
            }
        })
    });
    let mut ids = Vec::new();
    for publish in publishes.collect::<Vec<_>>() {
        ids.push(publish.await.unwrap());
    }
    ids.sort_unstable();
    let sql =
        r#"SELECT "ReleaseId","PreviousReleaseId" FROM "ReleaseHistory" ORDER BY "ReleaseId""#;
    let histories = node.fresh.database.rows(sql).await;
    let released: Vec<i64> =
        histories.iter().map(|row| row["ReleaseId"].as_i64().unwrap()).collect();
    assert_eq!(released[1..], ids);
    for row in &histories {
        let previous = row["PreviousReleaseId"].as_i64().unwrap();
        assert!(previous < row["ReleaseId"].as_i64().unwrap(), "{histories:?}");
    }
    let sql = r#"SELECT "ReleaseKey" FROM "Release" ORDER BY "Id" DESC LIMIT 1"#;
    let newest = node.fresh.database.rows(sql).await[0]["ReleaseKey"].clone();
    eventually("the newest release", async || {
        let config = node.http.get("/configs/demo/default/application").await.ok().json();
        (config["releaseKey"] == newest).then_some(())
    })
    .await;
    node.end().await;
}

/// A reconciliation that failed during an outage is repeated soon after it: `/health` must not
/// report the outage until the next one is due.
async fn a_recovery_is_reported_before_the_next_reconciliation(engine: Engine) {
    // So long that a recovery on a busy machine ends before the next one.
    const INTERVAL: Duration = Duration::from_secs(30);
    let interval = INTERVAL.as_secs().to_string();
    let options = Options::new().variable("CASTALIA_FEED_RECONCILIATION_INTERVAL", &interval);
    let Some(node) = Behind::start_with(engine, options).await else { return };
    node.gate.shut();
    let path = "/health";
    eventually("a failed reconciliation", async || {
        node.http.get(path).await.text.contains("comparing releases").then_some(())
    })
    .await;
    node.gate.open();
    let start = Stopwatch::start();
    eventually("the recovery", async || (node.status(path).await == 200).then_some(())).await;
    assert!(start.elapsed() < INTERVAL * 6 / 10, "{:?}", start.elapsed());
    node.end().await;
}

/// S104: the next scan may be an hour away.
async fn names_that_are_not_in_memory_are_answered_soon_after_a_scan_failed(engine: Engine) {
    let options = Options::new().variable("CASTALIA_APOLLO_MESSAGE_SCAN_INTERVAL", "3600000");
    let Some(node) = Behind::start_with(engine, options).await else { return };
    let database = &node.fresh.database;
    let secret = r#"SELECT "Value" FROM "CastaliaInstallation" WHERE "Name" = 'nudge.secret'"#;
    let secret = database.rows(secret).await[0]["Value"].as_str().unwrap().to_owned();
    let peer = node.http.clone().with("Authorization", &format!("Castalia {secret}"));
    database.run(&[r#"ALTER TABLE "ReleaseMessage" RENAME TO "Hidden""#]).await;
    // As another node does after a publish.
    assert_eq!(peer.try_post("/castalia/nudge").await.unwrap().status, 200);
    eventually("a failed scan", async || {
        let health = node.http.get("/health").await.text;
        health.contains("reading release messages has failed").then_some(())
    })
    .await;
    assert_eq!(node.status(UNKNOWN).await, 503);
    database.run(&[r#"ALTER TABLE "Hidden" RENAME TO "ReleaseMessage""#]).await;
    eventually("an answer", async || (node.status(UNKNOWN).await == 404).then_some(())).await;
    node.becomes_healthy().await;
    node.end().await;
}

/// One test for each engine.
macro_rules! on_each_engine {
    ($($name:ident),*) => { $(
        mod $name {
            use super::*;

            // The gate needs a thread while the test blocks on its server.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mysql() {
                super::$name(Engine::MySql).await;
            }

            // The gate needs a thread while the test blocks on its server.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Engine::Postgres).await;
            }
        }
    )* };
}

pub(super) use on_each_engine;

on_each_engine!(
    a_start_waits_for_its_database,
    a_database_goes_away_and_comes_back,
    a_recovery_is_reported_before_the_next_reconciliation,
    names_that_are_not_in_memory_are_answered_soon_after_a_scan_failed,
    what_happened_meanwhile_is_told,
    a_slow_database_slows_no_reader,
    publishes_at_once_are_all_kept
);
