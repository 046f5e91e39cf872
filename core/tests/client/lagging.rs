//! Servers behind one address, some of which are behind the one that announced a release.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault};
use tokio::time::{Instant, sleep};

use super::support::{Fixture, eventually};

const OLD: &str = "20260101120000-68a9a1b2c3000001";
const HELD: &str = "20260101120100-68a9a1b2c3000002";
const NEW: &str = "20260101120200-68a9a1b2c3000003";

/// Answers each load with this release from now on.
fn serve(fixture: &Fixture, key: &str, a: u32) {
    let body = format!(r#"{{"releaseKey":"{key}","configurations":{{"a":"{a}"}}}}"#);
    fixture.server.fail_always(Endpoint::Config, Some(Fault::body(200, &body)));
}

/// Waits until the first poll has announced the release that is loaded already. Returns the number
/// of loads.
async fn first_announcement(fixture: &Fixture) -> usize {
    fixture.server.arrived(Endpoint::Poll, 2).await;
    fixture.server.arrived(Endpoint::Config, 2).await.len()
}

/// B63
#[tokio::test(start_paused = true)]
async fn an_older_release_does_not_end_the_wait_for_the_announced_one() {
    let fixture = Fixture::new();
    serve(&fixture, HELD, 2);
    let (_client, config) = fixture.open().await;
    first_announcement(&fixture).await;
    serve(&fixture, OLD, 1);
    fixture.publish(&[("a", "3")]);
    let published = Instant::now();
    eventually("the older release", || config.get_or("a", 0) == 1).await;
    serve(&fixture, HELD, 2);
    eventually("the release before it", || config.get_or("a", 0) == 2).await;
    serve(&fixture, NEW, 3);
    eventually("the announced release", || config.get_or("a", 0) == 3).await;
    assert!(published.elapsed() <= Duration::from_secs(10), "{:?}", published.elapsed());
}

/// B63: a rollback looks like a server that is behind. It is applied, and the rechecks end.
#[tokio::test(start_paused = true)]
async fn a_rollback_is_applied_and_rechecked_three_times() {
    let fixture = Fixture::new();
    serve(&fixture, HELD, 2);
    let (_client, config) = fixture.open().await;
    let loads = first_announcement(&fixture).await;
    serve(&fixture, OLD, 1);
    fixture.publish(&[]);
    eventually("the release before it", || config.get_or("a", 0) == 1).await;
    sleep(Duration::from_secs(100)).await;
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), loads + 4);
    assert_eq!(config.get_or("a", 0), 1);
}
