//! Case 99 at its full size: a registry of 10,000 instances, whose heartbeats arrive within 30
//! seconds while 100 readers fetch the whole list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{client, hosting, register, registration, replicate};
use crate::support::http::Http;
use crate::support::server::Server;

const INSTANCES: usize = 10_000;
/// Instances of an app, and changes of a batch.
const APP: usize = 1_000;
const PERIOD: Duration = Duration::from_secs(30);
/// Each reads at this interval, as clients of Spring do.
const READERS: u32 = 100;
const READ: Duration = Duration::from_secs(30);
/// Longest time of 99 of 100 heartbeats.
const LATENCY: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an optimised server and a quiet machine: CASTALIA_TEST_BINARY=$PWD/target/release/castalia cargo test -p castalia-tests --test suite ten_thousand -- --ignored --nocapture"]
async fn heartbeats_of_a_full_registry_are_answered_at_once() {
    let server = Server::start_with(
        hosting()
            // Two are those of this node.
            .flag("--eureka-max-instances", &(INSTANCES + 2).to_string())
            .flag("--eureka-instance-lease-renewal-interval", "300")
            .flag("--eureka-instance-lease-duration", "900"),
    );
    let eureka = client(&server);
    for app in 0..INSTANCES / APP {
        let changes = (0..APP).map(|number| registration(&name(app), &format!("i{number}"), 1));
        let outcomes = replicate(&eureka, &changes.collect::<Vec<Value>>()).await;
        assert!(outcomes.iter().all(|outcome| outcome["statusCode"] == 200));
    }
    assert_eq!(register(&eureka, "MORE", "more", 1).await.status, 429);

    let is_over = Arc::new(AtomicBool::new(false));
    let lists = Arc::new(AtomicUsize::new(0));
    let readers = (0..READERS).map(|reader| {
        let (eureka, is_over, lists) = (eureka.clone(), Arc::clone(&is_over), Arc::clone(&lists));
        tokio::spawn(async move {
            tokio::time::sleep(READ / READERS * reader).await;
            while !is_over.load(Ordering::Relaxed) {
                read(&eureka).await;
                lists.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(READ).await;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut times = heartbeats(&eureka).await;
    is_over.store(true, Ordering::Relaxed);
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    times.sort_unstable();
    let [half, most] = [50, 99].map(|percent| times[times.len() * percent / 100]);
    let lists = lists.load(Ordering::Relaxed);
    println!("{} heartbeats, p50 {half:?}, p99 {most:?}; {lists} lists", times.len());
    assert!(most < LATENCY && lists > 0);
}

fn name(app: usize) -> String {
    format!("DEMO{app}")
}

/// The whole list as it is sent, compressed.
async fn read(eureka: &Http) {
    let gzip = eureka.clone().with("accept-encoding", "gzip");
    assert_eq!(gzip.get("/eureka/apps").await.status, 200);
}

/// Sends one for each instance, evenly over the period, and returns how long each took.
async fn heartbeats(eureka: &Http) -> Vec<Duration> {
    let mut next = tokio::time::interval(PERIOD / u32::try_from(INSTANCES).unwrap());
    let mut calls = Vec::with_capacity(INSTANCES);
    for number in 0..INSTANCES {
        next.tick().await;
        let (app, id) = (name(number / APP), number % APP);
        let path = format!("/eureka/apps/{app}/i{id}?lastDirtyTimestamp=1");
        let eureka = eureka.clone();
        calls.push(tokio::spawn(async move {
            let began = Instant::now();
            assert_eq!(eureka.put(&path, json!({})).await.status, 200, "{path}");
            began.elapsed()
        }));
    }
    let mut times = Vec::with_capacity(INSTANCES);
    for call in calls {
        times.push(call.await.unwrap());
    }
    times
}
