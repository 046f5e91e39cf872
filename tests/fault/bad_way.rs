//! REL-08: the way between a client and the server is bad: data is late, connections are cut or
//! reset, requests arrive twice. The client has each release soon, never goes back to an older one,
//! and asks no more often than usual.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use castalia_core::{Client, Settings};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};
use crate::support::stopwatch::Stopwatch;
use crate::support::way::Way;

const PUBLISHES: u64 = 6;
/// The rule: 99 of 100 releases arrive within ten seconds; as many more for a machine that is busy
/// with other tests. A client that waited for the time-out of a request would need a minute.
const SOON: Duration = Duration::from_secs(20);
/// A poll and a load for each release, and those that are repeated after failures.
const REQUESTS_PER_PUBLISH: usize = 12;

#[expect(clippy::print_stderr, reason = "figures for whoever runs it with --nocapture")]
fn print(times: &[Duration]) {
    eprintln!("publish to client on a bad way: {times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_on_a_bad_way_has_each_release_soon() {
    let server = Server::start_with(
        Options::new()
            .flag("--roles", "config,meta,admin")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
            .variable("CASTALIA_LONG_POLLING_TIMEOUT", "4"),
    );
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("0").await;
    let way = Way::to(&server.config).await;
    let cache = tempfile::tempdir().unwrap();
    let settings = Settings::new()
        .set("app.id", "demo")
        .set("apollo.config-service", &way.url)
        .set("apollo.cache-dir", cache.path().to_str().unwrap());
    let client = Client::new(settings).unwrap();
    let config = client.config("application").await.unwrap();
    assert_eq!(config.get_or("k", -1), 0);
    let mut changes = config.changes();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recorder = tokio::spawn({
        let seen = Arc::clone(&seen);
        async move {
            while let Some(event) = changes.next().await {
                let value = event.change("k").and_then(|change| change.new_value.clone());
                seen.lock().unwrap().push(value.unwrap().parse::<u64>().unwrap());
            }
        }
    });

    way.worsen();
    let begun = Instant::now();
    let mut times = Vec::new();
    for value in 1..=PUBLISHES {
        app.publish(&value.to_string()).await;
        let published = Stopwatch::start();
        eventually(&format!("release {value} at the client"), async || {
            (config.get_or("k", 0) == value).then_some(())
        })
        .await;
        times.push(published.elapsed());
    }
    print(&times);
    let late = times.iter().filter(|time| **time > SOON).count();
    assert!(late <= 1, "{times:?}");
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60 + 1).unwrap();
    let requests = way.requests().len();
    let most = 60 * minutes + REQUESTS_PER_PUBLISH * usize::try_from(PUBLISHES).unwrap();
    assert!(requests < most, "{requests} requests in {:?}", begun.elapsed());
    client.close().await;
    recorder.abort();
    let seen = seen.lock().unwrap();
    assert!(seen.is_sorted(), "went back: {seen:?}");
}
