//! Services that ask to be left alone with `Retry-After`: that concerns only themselves.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault, Server};
use castalia_core::{Source, StartPolicy};
use tokio::time::{Instant, timeout};

use super::support::{Fixture, NAMESPACE, eventually};

/// Which of two services is tried first is random.
const SEEDS: u64 = 10;

fn busy(seconds: &str) -> Fault {
    Fault::header(503, "Retry-After", seconds)
}

/// A sibling that is busy for two minutes with each request of an endpoint, listed beside the
/// server.
fn busy_sibling(fixture: &Fixture, endpoint: Endpoint) -> Server {
    let sibling = fixture.sibling("http://busy");
    fixture.server.set_services(&["http://busy", "http://s1"]);
    sibling.fail_always(endpoint, Some(busy("120")));
    sibling
}

#[tokio::test(start_paused = true)]
async fn a_load_from_another_service_does_not_wait_for_a_busy_one() {
    for seed in 0..SEEDS {
        let fixture = Fixture::new();
        let busy = busy_sibling(&fixture, Endpoint::Config);
        fixture.server.fail_next(Endpoint::Config, Fault::status(500));
        let start = Instant::now();
        let client = fixture.client_with(fixture.quiet_settings().random_seed(seed));
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!(config.source(), Source::Remote, "{seed}");
        assert!(start.elapsed() < Duration::from_secs(5), "{seed}: {:?}", start.elapsed());
        assert!(busy.requests_of(Endpoint::Config).len() <= 1, "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_does_not_wait_for_a_service_that_is_busy() {
    for seed in 0..SEEDS {
        let fixture = Fixture::new();
        let busy = busy_sibling(&fixture, Endpoint::Config);
        for _ in 0..2 {
            fixture.server.fail_next(Endpoint::Config, Fault::status(500));
        }
        let start = Instant::now();
        let client = fixture.client_with(fixture.quiet_settings().random_seed(seed));
        let config = client.config(NAMESPACE).await.unwrap();
        eventually("a load", || config.source() == Source::Remote).await;
        assert!(start.elapsed() < Duration::from_secs(10), "{seed}: {:?}", start.elapsed());
        assert_eq!(busy.requests_of(Endpoint::Config).len(), 1, "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn loads_wait_if_every_service_is_busy() {
    let fixture = Fixture::new();
    let second = fixture.sibling("http://s2");
    fixture.server.set_services(&["http://s1", "http://s2"]);
    fixture.server.fail_next(Endpoint::Config, busy("100"));
    second.fail_next(Endpoint::Config, busy("50"));
    let client = fixture.client_with(fixture.quiet_settings());
    let start = Instant::now();
    let config = client.config(NAMESPACE).await.unwrap();
    eventually("a load", || config.source() == Source::Remote).await;
    assert!((49..55).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), 1, "it is still busy");
}

#[tokio::test(start_paused = true)]
async fn an_announcement_ends_the_wait_for_a_busy_service() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let loads = fixture.server.requests_of(Endpoint::Config).len();
    fixture.server.fail_next(Endpoint::Config, busy("120"));
    fixture.publish(&[("a", "2")]);
    fixture.server.arrived(Endpoint::Config, loads + 1).await;
    fixture.server.holds(1).await;
    fixture.publish(&[("a", "3")]);
    let published = Instant::now();
    eventually("the value", || config.get_or("a", 0) == 3).await;
    assert!(published.elapsed() < Duration::from_secs(3), "{:?}", published.elapsed());

    // The answer shows that the service is no longer busy: a later failure is retried as usual.
    fixture.server.holds(1).await;
    for _ in 0..2 {
        fixture.server.fail_next(Endpoint::Config, Fault::status(500));
    }
    fixture.publish(&[("a", "4")]);
    let published = Instant::now();
    eventually("the value", || config.get_or("a", 0) == 4).await;
    assert!(published.elapsed() < Duration::from_secs(10), "{:?}", published.elapsed());
}

/// Callers wait for the first load as long as for one that is slow.
#[tokio::test(start_paused = true)]
async fn a_start_waits_for_a_service_that_will_be_free_before_its_timeout() {
    let fixture = Fixture::new();
    fixture.server.fail_next(Endpoint::Config, busy("12"));
    let settings = fixture.quiet_settings().start_policy(StartPolicy::RequireAll);
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote);
}

#[tokio::test(start_paused = true)]
async fn a_poll_of_another_service_does_not_wait_for_a_busy_one() {
    for seed in 0..SEEDS {
        let fixture = Fixture::new();
        let busy = busy_sibling(&fixture, Endpoint::Poll);
        let client = fixture.client_with(fixture.settings().random_seed(seed));
        let _config = client.config(NAMESPACE).await.unwrap();
        let held = timeout(Duration::from_secs(5), fixture.server.holds(1)).await;
        assert!(held.is_ok(), "{seed}");
        assert!(busy.requests_of(Endpoint::Poll).len() <= 1, "{seed}");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn polls_wait_if_every_service_is_busy() {
    let fixture = Fixture::new();
    let second = fixture.sibling("http://s2");
    fixture.server.set_services(&["http://s1", "http://s2"]);
    fixture.server.fail_always(Endpoint::Poll, Some(busy("100")));
    second.fail_always(Endpoint::Poll, Some(busy("50")));
    let (_client, _config) = fixture.open().await;
    let polls = second.arrived(Endpoint::Poll, 2).await;
    let gap = (polls[1].at - polls[0].at).as_secs_f64();
    assert!((50.0..54.0).contains(&gap), "{gap}");
}
