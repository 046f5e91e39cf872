//! More concurrent slow reads by people and scripts than there are connections: publishes are
//! accepted, announced and served, and a namespace that was not requested before is loaded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::poll::newest;
use crate::support::stopwatch::Stopwatch;

/// Concurrent callers; a node reads with 12 connections, or 4 for a SQLite file.
const CALLERS: usize = 60;
/// Time limit of the quickest other request, because this machine is busy with other tests. Behind
/// the slow reads, each takes at least four seconds.
const SOON: Duration = Duration::from_secs(2);

async fn slow_reads_delay_neither_announcements_nor_misses(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("0").await;
    node.eventually_serves("0").await;
    for name in ["cold-1", "cold-2", "cold-3"] {
        node.app.add_namespace(name, false).await;
        node.app.release("default", name, &[("k", name)]).await;
    }
    node.app.set("default", "application", &[("k", "1")]).await;
    node.slow_down("Commit").await;

    let is_over = Arc::new(AtomicBool::new(false));
    let admin = Http::new(&node.server.admin);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (admin, is_over) = (admin.clone(), Arc::clone(&is_over));
            let path = format!("{}/commit?page=0&size=10", node.app.path("default", "application"));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    answers.push(admin.get(&path).await);
                }
                answers
            })
        })
        .collect();
    // All read connections are in use, and other requests wait for one.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let (mut announcements, mut misses) = (Vec::new(), Vec::new());
    for name in ["cold-1", "cold-2", "cold-3"] {
        let (waiting, id) = node.poll().await;
        node.app.try_publish("default", "application").await.ok();
        let published = Stopwatch::start();
        assert!(newest(&waiting.soon().await.ok()) > id);
        announcements.push(published.elapsed());
        node.eventually_serves("1").await;
        let begun = Stopwatch::start();
        let miss = node.get(&format!("/configs/demo/default/{name}")).await;
        assert_eq!(value_of(&miss), name);
        misses.push(begun.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for (what, times) in [("announcements", announcements), ("misses", misses)] {
        assert!(times.iter().any(|time| *time < SOON), "{what} took {times:?}");
    }
    is_well(&node.http).await;
    is_over.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for caller in callers {
        answers.extend(caller.await.unwrap());
    }
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 503)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 200), "no read was answered");
    assert!(answers.iter().any(|answer| answer.status == 503), "the reads were not too many");
    node.end().await;
}

on_each_kind!(slow_reads_delay_neither_announcements_nor_misses);
