//! The end of a node that registered with servers of others: none of them lists it afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;

use super::other_server::{OtherServer, Reply, Request};
use super::registering::guest_of;
use super::{client, hosting_beside, register};
use crate::support::eventually::eventually;
use crate::support::server::Server;

/// At its end a node waits 0.5 s or 2 s for others. If this test answers later, the node gives up
/// and says so, and the end is tried again.
const ENDS: usize = 5;

fn has_given_up(lines: &[String]) -> bool {
    let texts = ["is still not answered", "cannot deregister", "did not receive the last changes"];
    lines.iter().any(|line| texts.iter().any(|text| line.contains(text)))
}

/// Each of these servers is told once of the end of a node, which has ended.
async fn are_told_once(servers: &[&OtherServer]) {
    let is_told = |server: &&OtherServer| server.asked("DELETE") > 0;
    eventually("the deregistrations", async || servers.iter().all(is_told).then_some(())).await;
    // Another one may still be unread.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for server in servers {
        assert_eq!(server.asked("DELETE"), 1, "{:?}", server.requests());
    }
}

/// A server that knows no service, and answers a registration so.
async fn answering(registration: fn() -> Reply) -> OtherServer {
    OtherServer::start(move |request| match request.line.split(' ').next() {
        Some("POST") => registration(),
        Some("DELETE") => Reply::status(200),
        _ => Reply::status(404),
    })
    .await
}

/// A slow server may carry out a registration after the node has left.
#[tokio::test]
async fn a_registration_that_is_late_is_taken_back() {
    for _ in 0..ENDS {
        if is_taken_back().await.is_some() {
            return;
        }
    }
    panic!("the node did not wait for an answer");
}

/// `None` if the node gave up.
async fn is_taken_back() -> Option<()> {
    let (allow, allowed) = watch::channel(false);
    let has_lost = Arc::new(AtomicBool::new(false));
    let lost = Arc::clone(&has_lost);
    let host = OtherServer::start(move |request| {
        let is_lost = lost.load(Ordering::SeqCst);
        match request.line.split(' ').next() {
            Some("POST") if is_lost => Reply::Later(allowed.clone(), Box::new(Reply::status(204))),
            Some("POST") => Reply::status(204),
            Some("PUT") if is_lost => Reply::status(404),
            Some("PUT" | "DELETE") => Reply::status(200),
            _ => Reply::status(404),
        }
    })
    .await;
    let mut server = Server::start_with(guest_of("config,meta", &host.listed()));
    eventually("a heartbeat", async || (host.asked("PUT") > 1).then_some(())).await;
    let registered = host.asked("POST");
    has_lost.store(true, Ordering::SeqCst);
    eventually("a late registration", async || (host.asked("POST") > registered).then_some(()))
        .await;
    let ended = tokio::task::spawn_blocking(move || server.printed_until_exit());
    eventually("a deregistration", async || (host.asked("DELETE") > 0).then_some(())).await;
    allow.send_replace(true);
    if has_given_up(&ended.await.unwrap()) {
        return None;
    }
    assert!(host.asked("DELETE") > 1);
    let last = host.requests().into_iter().rfind(|one| !one.line.starts_with("GET"));
    assert!(last.unwrap().line.starts_with("DELETE"));
    Some(())
}

/// A server may carry out a registration although its answer is lost.
#[tokio::test]
async fn a_registration_without_an_answer_is_taken_back() {
    let host = answering(|| Reply::Reset).await;
    let mut server = Server::start_with(guest_of("config,meta", &host.listed()));
    eventually("a registration", async || (host.asked("POST") > 0).then_some(())).await;
    tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    are_told_once(&[&host]).await;
}

/// What a server refused it does not list: nothing is to be taken back.
#[tokio::test]
async fn a_refused_registration_is_not_taken_back() {
    let host = answering(|| Reply::status(403)).await;
    let mut server = Server::start_with(guest_of("config,meta", &host.listed()));
    eventually("a registration", async || (host.asked("POST") > 1).then_some(())).await;
    tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    assert_eq!(host.asked("DELETE"), 0);
}

/// A server in self-preservation lists a node for longer than its lease: at its end the node leaves
/// also where it has long been replaced by the next server.
#[tokio::test]
async fn a_server_that_was_left_long_ago_is_told_of_the_end() {
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let answer = |request: &Request| match request.line.split(' ').next() {
        Some("POST") => Reply::status(204),
        Some("PUT" | "DELETE") => Reply::status(200),
        _ => Reply::status(404),
    };
    let first = OtherServer::start(move |request| match away.load(Ordering::SeqCst) {
        true if !request.line.starts_with("DELETE") => Reply::status(503),
        _ => answer(request),
    })
    .await;
    let second = OtherServer::start(answer).await;
    let servers = [first.listed(), second.listed()].join(",");
    let options = guest_of("config,meta", &servers).flag("--eureka-instance-lease-duration", "3");
    let mut server = Server::start_with(options);
    eventually("a heartbeat", async || (first.asked("PUT") > 0).then_some(())).await;
    is_away.store(true, Ordering::SeqCst);
    // One in each second.
    eventually("the end of a lease", async || (second.asked("PUT") > 5).then_some(())).await;
    tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    are_told_once(&[&first, &second]).await;
}

/// What may appear at a server after the end is reported.
#[tokio::test]
async fn a_registration_that_is_not_answered_until_the_end_is_reported() {
    let host = answering(|| Reply::Silence).await;
    let mut server = Server::start_with(guest_of("config,meta", &host.listed()));
    eventually("a registration", async || (host.asked("POST") > 0).then_some(())).await;
    let lines = tokio::task::spawn_blocking(move || server.printed_until_exit()).await.unwrap();
    let reports = lines.iter().filter(|line| line.contains("is still not answered"));
    assert_eq!(reports.count(), 1, "{lines:?}");
}

/// A registration that fails after the node has left is not tried with the next server.
#[tokio::test]
async fn a_node_that_leaves_registers_nowhere_else() {
    let (allow, allowed) = watch::channel(false);
    let first = OtherServer::start(move |request| match request.line.split(' ').next() {
        Some("POST") => Reply::Later(allowed.clone(), Box::new(Reply::status(503))),
        Some("DELETE") => Reply::status(200),
        _ => Reply::status(404),
    })
    .await;
    let second = answering(|| Reply::status(204)).await;
    let servers = [first.listed(), second.listed()].join(",");
    let mut server = Server::start_with(guest_of("config,meta", &servers));
    eventually("a registration", async || (first.asked("POST") > 0).then_some(())).await;
    let ended = tokio::task::spawn_blocking(move || server.terminate());
    eventually("a deregistration", async || (first.asked("DELETE") > 0).then_some(())).await;
    allow.send_replace(true);
    ended.await.unwrap();
    assert_eq!(second.asked("POST"), 0);
}

/// Changes that a node received just before its end are sent, also by one that has nothing to
/// deregister.
#[tokio::test]
async fn the_last_changes_are_sent_before_the_end() {
    for _ in 0..ENDS {
        if last_changes_are_sent().await.is_some() {
            return;
        }
    }
    panic!("the node did not wait for its peer");
}

/// `None` if the node gave up.
async fn last_changes_are_sent() -> Option<()> {
    let (allow, allowed) = watch::channel(false);
    let peer = OtherServer::start(move |request| match request.line.starts_with("POST") {
        true => Reply::Later(allowed.clone(), Box::new(Reply::accepted(request))),
        false => Reply::json(&json!({"applications": {"application": []}})),
    })
    .await;
    let bridge = hosting_beside("database");
    let bridge = bridge.variable("CASTALIA_EUREKA_SERVICE_URL", &peer.listed());
    let mut server = Server::start_with(bridge);
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "first", 5).await.status, 204);
    eventually("the first change", async || (peer.asked("POST") > 0).then_some(())).await;
    assert_eq!(register(&eureka, "DEMO", "last", 5).await.status, 204);
    let ended = tokio::task::spawn_blocking(move || server.printed_until_exit());
    eventually("the end", async || {
        let time = Duration::from_secs(10);
        let ready = eureka.try_send(Method::GET, "/health/ready", None, time).await;
        ready.is_none_or(|ready| ready.status != 200).then_some(())
    })
    .await;
    allow.send_replace(true);
    if has_given_up(&ended.await.unwrap()) {
        return None;
    }
    assert!(peer.changes().iter().any(|change| change["id"] == "last"));
    Some(())
}
