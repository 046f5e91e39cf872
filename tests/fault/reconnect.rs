//! REL-09 at small scale: all clients lose their server at the same moment and it returns with a
//! newer release. All are current soon; they come back spread, and the server needs little more
//! memory for them than before.

use std::time::{Duration, Instant};

use castalia_core::{Client, Config, Settings};
use futures_util::future::join_all;

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::memory::{peak_kib, resident_kib};
use crate::support::parked;
use crate::support::server::{Options, Server};
use crate::support::stopwatch::Stopwatch;
use crate::support::way::Way;

/// The rule states 10,000.
const CLIENTS: usize = 200;
/// Time without a server: a client tries after 1, 3, 7 and 15 s, give or take a fifth.
const OUTAGE: Duration = Duration::from_secs(4);
/// Above any backoff of a client that failed during the outage.
const PATIENCE: Duration = Duration::from_secs(50);
/// Fifteen seconds by the rule, and ten more for a machine that is busy with other tests. As the
/// backoff of a client doubles, an outage that the machine prolongs may delay it once more.
const CURRENT: Duration = Duration::from_secs(25);

async fn all_have(clients: &[(Client, Config)], value: u64) {
    for (number, (client, config)) in clients.iter().enumerate() {
        let has = async || (config.get_or("k", 0) == value).then_some(());
        let what = format!("{value} at client {number} of {CLIENTS}");
        let arrived = tokio::time::timeout(PATIENCE, eventually(&what, has)).await;
        assert!(arrived.is_ok(), "no {what} within {PATIENCE:?}: {:#?}", client.metrics());
    }
}

async fn all_are_parked(http: &Http) {
    eventually("a poll of each client", async || {
        (parked::count(http).await? >= CLIENTS as u64).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_return_together_are_current_soon() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let mut server = Server::start_in(directory.path(), options.clone());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    // The restarted server has another port.
    let way = Way::to(&server.config).await;
    let clients = join_all((0..CLIENTS).map(async |_| {
        let settings = Settings::new()
            .set("app.id", "demo")
            .set("apollo.config-service", &way.url)
            .set("apollo.cache.file.enable", "false");
        let client = Client::new(settings).unwrap();
        let config = client.config("application").await.unwrap();
        (client, config)
    }))
    .await;
    all_have(&clients, 1).await;
    all_are_parked(&Http::new(&server.config)).await;
    let steady = resident_kib(&server);

    let lost = Instant::now();
    way.lead_nowhere();
    server.kill();
    tokio::time::sleep(OUTAGE).await;
    let before = way.requests().len();
    let start = || Server::start_in(directory.path(), options.clone());
    let server = tokio::task::block_in_place(start);
    way.lead_to(&server.config);
    let (returned, watch, outage) = (Instant::now(), Stopwatch::start(), lost.elapsed());
    App::existing(&Http::new(&server.admin), "demo").publish("2").await;
    all_have(&clients, 2).await;
    let late = watch.elapsed();
    assert!(late < CURRENT + outage, "{late:?} after an outage of {outage:?}");
    all_are_parked(&Http::new(&server.config)).await;

    let mut requests = way.requests().split_off(before);
    requests.retain(|at| *at > returned);
    // A poll that is answered, a load, a poll that waits; and one that failed in the meantime.
    assert!(requests.len() <= 5 * CLIENTS, "{} requests", requests.len());
    let of_first_second = requests.iter().filter(|at| **at < returned + Duration::from_secs(1));
    assert!(of_first_second.count() < 3 * CLIENTS / 2, "clients return at the same moment");
    let peak = peak_kib(&server);
    assert!(peak < steady + steady / 2, "{peak} KiB, {steady} KiB before");
    join_all(clients.iter().map(|(client, _)| client.close())).await;
}
