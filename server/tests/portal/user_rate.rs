//! SEC-22: the rate of a user's requests, over all sessions of the user.

use std::time::Duration;

use serde_json::Value;
use tokio::task::yield_now;

use super::audit::Log;
use super::world::{PASSWORD, World};

const READ: &str = "/openapi/v1/user";
/// Reads of one call, each of which is a request.
const PARTS: usize = 200;
/// Requests that a user may send at once.
const AT_ONCE: usize = 1_000;
/// Requests that began the sessions, of which the clock may not have made up for all.
const BEFORE: usize = 2;

/// Stops the clock of the portal, so that it makes up for no request, however slow this machine is.
/// A paused clock advances while nothing runs, so that something always has to.
fn stop_clock() {
    tokio::time::pause();
    tokio::spawn(async {
        loop {
            yield_now().await;
        }
    });
}

#[tokio::test]
async fn the_sessions_of_a_user_share_a_rate() {
    let world = World::adopted().await;
    let (first, second) = (world.user("u1").await, world.user("u1").await);
    let other = world.user("u2").await;
    let mut log = Log::of(&world).await;
    stop_clock();
    let mut admitted = 0;
    let reads = format!("/openapi/v1/reads?paths={}", ["user"; PARTS].join("%0A"));
    while admitted + PARTS < AT_ONCE {
        let answer = first.get(&reads).await;
        let lines = answer.body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert_eq!(lines.filter(|line| line["status"] == 200).count(), PARTS, "{answer:?}");
        admitted += PARTS;
    }
    let refused = loop {
        let answer = second.get(READ).await;
        if answer.status != 200 {
            break answer;
        }
        admitted += 1;
        assert!(admitted <= AT_ONCE, "no request is refused");
    };
    assert!(admitted >= AT_ONCE - BEFORE, "{admitted}");
    refused.fails(429, "Too Many Requests");
    assert_eq!(refused.header("retry-after"), "5");
    first.get(READ).await.fails(429, "Too Many Requests");
    assert!(log.take().await.is_empty(), "a refusal leaves no record");

    other.get(READ).await.ok();
    assert_eq!(world.nobody().get("/health/live").await.status, 200);
    assert_eq!(first.get("/").await.status, 200, "a page shows why nothing can be read");
    world.nobody().sign_in("u1", PASSWORD).await.leads_to("/");
    tokio::time::advance(Duration::from_secs(1)).await;
    first.get(READ).await.ok();
}
