//! REL-10: many concurrent publishes of many namespaces. A client may skip releases in between; it
//! never returns to an older one, and ends with the last one.

use std::time::{Duration, Instant};

use super::feed_node::{Kind, Node, on_each_kind};
use crate::support::http::Http;
use crate::support::poll;

const NAMESPACES: usize = 3;
const PUBLISHES: u64 = 30;
/// Two seconds by the rule, and more for a machine that is busy with other tests. Who misses the
/// last release waits for the end of a poll, a minute.
const SOON: Duration = Duration::from_secs(30);

/// Polls and reads like a client until it has the last value; returns when it had it.
async fn follow(http: Http, namespace: String) -> Instant {
    let (mut known, mut seen) = (-1, 0);
    loop {
        let answer = http.get(&poll::path("demo", &[(&namespace, known)])).await;
        if answer.status == 304 {
            continue;
        }
        let notified = poll::newest(&answer.ok());
        assert!(notified > known, "{namespace}: {notified} was notified after {known}");
        known = notified;
        let config = http.get(&format!("/configs/demo/default/{namespace}")).await.ok().json();
        let value: u64 = config["configurations"]["k"].as_str().unwrap().parse().unwrap();
        assert!(value >= seen, "{namespace}: {value} was served after {seen}");
        seen = value;
        if seen == PUBLISHES {
            return Instant::now();
        }
    }
}

async fn a_storm_of_publishes_loses_no_last_release(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    let names: Vec<_> = (0..NAMESPACES).map(|at| format!("storm-{at}")).collect();
    for name in &names {
        node.app.add_namespace(name, false).await;
        node.app.release("default", name, &[("k", "0")]).await;
    }
    // Two clients of each namespace: they share the cache of the node, and poll at different
    // moments.
    let start_client = |name: &String| tokio::spawn(follow(node.http.clone(), name.clone()));
    let clients: Vec<_> = names.iter().chain(&names).map(start_client).collect();
    let publish = |name: &String| {
        let (app, name) = (node.app.clone(), name.clone());
        tokio::spawn(async move {
            for number in 1..=PUBLISHES {
                app.release("default", &name, &[("k", &number.to_string())]).await;
            }
        })
    };
    let publishers: Vec<_> = names.iter().map(publish).collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let end = Instant::now();
    for client in clients {
        let reached = tokio::time::timeout(SOON, client).await;
        let reached = reached.expect("each client has the last release").unwrap();
        assert!(reached < end + SOON, "{:?} after the storm", reached - end);
    }
    node.end().await;
}

on_each_kind!(a_storm_of_publishes_loses_no_last_release);
