//! Values that follow a namespace never remain on an old release, at whichever moment a new one
//! arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use castalia_core::Config;
use castalia_core::testing::Server;

use super::support::{APP, Fixture, NAMESPACE, PATIENCE};

async fn follows(is_newest: impl Fn() -> bool) -> bool {
    let follows = async {
        while !is_newest() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, follows).await.is_ok()
}

/// Applies a release and returns once readers see it, from inside a function that the client calls.
fn land(server: &Arc<Server>, config: &Config, n: &str) {
    let (server, config, n) = (server.clone(), config.clone(), n.to_owned());
    let landing = async move {
        server.publish(APP, NAMESPACE, &[("n", &n)]);
        config.refresh().await.unwrap();
    };
    let landed = tokio::spawn(landing);
    let start = Instant::now();
    while !landed.is_finished() {
        assert!(start.elapsed() < PATIENCE, "the release does not land");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_release_that_lands_during_the_first_parse_is_seen() {
    let fixture = Fixture::empty();
    fixture.publish(&[("n", "0")]);
    let (client, config) = fixture.open_quietly().await;
    let server = Arc::new(fixture.server);
    let (landing, first) = (config.clone(), AtomicBool::new(true));
    let watch = config
        .watch_with(move |snapshot| {
            let n = snapshot.get_or("n", -1);
            if first.swap(false, Ordering::SeqCst) {
                land(&server, &landing, "1");
            }
            Ok(n)
        })
        .unwrap();
    assert!(follows(|| *watch.get() == 1).await, "the watch remains on the old release");
    client.close().await;
}

/// A release that arrives at any moment while a watch is created.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watch_sees_a_release_that_lands_at_a_random_moment() {
    const ROUNDS: usize = 400;
    let fixture = Fixture::empty();
    fixture.publish(&[("n", "0")]);
    let (client, config) = fixture.open_quietly().await;
    let server = Arc::new(fixture.server);
    let mut stale = Vec::new();
    for round in 1..=ROUNDS {
        let (server, landing) = (server.clone(), config.clone());
        let spins = fastrand::u32(0..4000);
        let landed = tokio::spawn(async move {
            (0..spins).for_each(|_| std::hint::spin_loop());
            server.publish(APP, NAMESPACE, &[("n", &round.to_string())]);
            landing.refresh().await.unwrap();
        });
        let spins = fastrand::u32(0..20_000);
        let watch = config.watch_with(move |snapshot| {
            let n = snapshot.get_or("n", 0);
            (0..spins).for_each(|_| std::hint::spin_loop());
            Ok(n)
        });
        let watch = watch.unwrap();
        landed.await.unwrap();
        if !follows(|| *watch.get() == round).await {
            stale.push(round);
        }
        assert!(stale.len() < 3, "rounds {stale:?} remain on the old release");
    }
    assert!(stale.is_empty(), "rounds {stale:?} of {ROUNDS} remain on the old release");
    client.close().await;
}

#[tokio::test]
async fn a_follower_returns_the_newest_content_and_none_twice() {
    let fixture = Fixture::empty();
    fixture.publish(&[("n", "0")]);
    let (client, config) = fixture.open_quietly().await;
    let mut follower = config.follow();
    assert_eq!(follower.snapshot().get("n"), Some("0"));
    for n in ["1", "2", "3"] {
        fixture.publish(&[("n", n)]);
        config.refresh().await.unwrap();
    }
    assert_eq!(follower.next().await.unwrap().get("n"), Some("3"));
    config.refresh().await.unwrap();
    let again = tokio::time::timeout(Duration::from_millis(50), follower.next()).await;
    assert!(again.is_err(), "nothing is newer");
    client.close().await;
    assert!(follower.next().await.is_none());
}

/// A document that cannot be parsed changes no value, but it is the newest snapshot.
#[tokio::test]
async fn a_document_that_cannot_be_read_is_followed_as_well() {
    let fixture = Fixture::empty();
    let publish = |text: &str| fixture.server.publish(APP, "doc.yaml", &[("content", text)]);
    publish("a: 1");
    let client = fixture.client_with(fixture.quiet_settings());
    let config = client.config("doc.yaml").await.unwrap();
    let watch = config.watch_with(|now| Ok(now.content().map(str::to_owned))).unwrap();
    publish("a: [");
    let _ = config.refresh().await;
    assert!(
        follows(|| watch.get().as_deref() == Some("a: [")).await,
        "the watch remains on the old text"
    );
    client.close().await;
}
