//! What an operator sees of peers that do not accept changes: counters, log lines and the page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::hostile_peers::node;
use super::other_server::{OtherServer, Reply, Request};
use super::{client, hosting_with, instance, metric, register};
use crate::server::certificate::Tls;
use crate::support::eventually::eventually;
use crate::support::server::Server;
use crate::support::session;

/// A peer that throws changes away is counted, and so is what it threw away.
#[tokio::test]
async fn peers_and_lost_changes_are_counted() {
    let failing = OtherServer::start(|_| Reply::status(500)).await;
    let silent = OtherServer::start(|_| Reply::Silence).await;
    let server = node(&[failing.listed(), silent.listed()]);
    assert_eq!(register(&client(&server), "DEMO", "k", 1).await.status, 204);
    let value = async |name: &str| metric(&server, &format!("castalia_eureka_{name}")).await;
    eventually("lost changes", async || (value("dropped_changes_total").await > 2.5).then_some(()))
        .await;
    eventually("two peers", async || ((value("peers").await - 2.0).abs() < 0.5).then_some(()))
        .await;
}

/// Each attempt to reach a peer with an unknown certificate fails, and one line a minute says so
/// with its address. The verifier would add a line without it to each attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_certificate_of_a_peer_does_not_flood_the_log() {
    let tls = Tls::before("http://127.0.0.1:1", "localhost", false).await;
    let mut server = node(&[tls.address.replace("https://", "https://eu:pw@") + "/eureka/"]);
    eventually("several attempts", async || (tls.attempts() > 5).then_some(())).await;
    let lines = server.printed_until_exit();
    let mut about = lines.iter().filter(|line| line.contains("UnknownIssuer"));
    assert!(about.all(|line| line.contains(&tls.address)), "{lines:?}");
}

/// Behind a load balancer each change reaches one node only, which is never the same for long.
#[tokio::test]
async fn an_address_of_several_nodes_is_reported() {
    let answers = Arc::new(AtomicUsize::new(0));
    let reply = |alternates: bool| {
        let answers = Arc::clone(&answers);
        move |request: &Request| {
            let Reply::Answer(status, head, body) = Reply::accepted(request) else {
                unreachable!()
            };
            let number = if alternates { answers.fetch_add(1, Ordering::SeqCst) % 2 } else { 0 };
            Reply::Answer(status, format!("{head}x-castalia-node: node{number}\r\n"), body)
        }
    };
    let balancer = OtherServer::start(reply(true)).await;
    let single = OtherServer::start(reply(false)).await;
    let mut server = node(&[balancer.listed(), single.listed()]);
    let batches = |peer: &OtherServer| peer.asked("POST /eureka/peerreplication");
    for dirty in 1..=4 {
        let before = [&balancer, &single].map(batches);
        assert_eq!(register(&client(&server), "DEMO", "k", dirty).await.status, 204);
        eventually("a batch at both", async || {
            let after = [&balancer, &single].map(batches);
            (after[0] > before[0] && after[1] > before[1]).then_some(())
        })
        .await;
    }
    let lines = server.printed_until_exit();
    let about = lines.iter().filter(|line| line.contains("different nodes answer"));
    let about: Vec<_> = about.collect();
    assert!(about.len() == 1 && about[0].contains(&balancer.url), "{about:?} in {lines:?}");
}

/// An operator learns why the changes for a peer wait, also if its answers begin well.
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_reported() {
    for reply in [|_: &Request| Reply::Cut, |_: &Request| Reply::Slow, |_: &Request| Reply::Endless]
    {
        let is_bad = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&is_bad);
        let peer = OtherServer::start(move |request| match shared.load(Ordering::Relaxed) {
            true => reply(request),
            false => Reply::accepted(request),
        })
        .await;
        let options = hosting_with("eureka", "config,meta,admin,portal");
        let options = options.variable("CASTALIA_EUREKA_SERVICE_URL", &peer.listed());
        let mut server = Server::start_with(options);
        let root = session::root(&server).await;
        is_bad.store(true, Ordering::Relaxed);
        assert_eq!(register(&client(&server), "DEMO", "k", 1).await.status, 204);
        eventually("the problem of the peer", async || {
            let shown = root.get("/openapi/v1/eureka").await.ok().json();
            shown["peers"][0]["problem"].as_str().map(|_| ())
        })
        .await;
        let lines = server.printed_until_exit();
        let about = |line: &String| {
            line.contains("cannot send changes to a peer of Eureka") && line.contains(&peer.url)
        };
        assert!(lines.iter().any(about), "{lines:?}");
    }
}

/// Errors quote what they cannot read: a part of it is enough, in the log as on the page.
#[tokio::test]
async fn what_a_peer_answers_is_quoted_in_part() {
    const LONGEST: usize = 2_000;
    let long = "x".repeat(1024 * 1024);
    let peer = OtherServer::start(move |request: &Request| match request.changes().is_empty() {
        true => Reply::json(&json!({ "applications": {"application": long} })),
        false => Reply::json(&json!({ "responseList": long })),
    })
    .await;
    let options = hosting_with("eureka", "config,meta,admin,portal");
    let options = options.variable("CASTALIA_EUREKA_SERVICE_URL", &peer.listed());
    let mut server = Server::start_with(options);
    let root = session::root(&server).await;
    assert_eq!(register(&client(&server), "DEMO", "k", 1).await.status, 204);
    let problem = eventually("the problem of the peer", async || {
        let shown = root.get("/openapi/v1/eureka").await.ok().json();
        shown["peers"][0]["problem"].as_str().map(str::to_owned)
    })
    .await;
    assert!(problem.len() < LONGEST && problem.contains("xxx"), "{} bytes", problem.len());
    let lines = server.printed_until_exit();
    let longest = lines.iter().map(String::len).max();
    assert!(longest < Some(LONGEST), "{longest:?} bytes");
    for expected in ["cannot copy the list of a peer", "cannot send changes to a peer"] {
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected}");
    }
}

/// Changes for a peer that does not answer are lost once they expire, and those that it refuses one
/// by one are lost at once.
#[tokio::test]
async fn changes_that_are_never_sent_are_counted() {
    let refusing = OtherServer::start(|request| {
        let outcomes = vec![json!({"statusCode": 500}); request.changes().len()];
        Reply::json(&json!({ "responseList": outcomes }))
    })
    .await;
    for url in ["http://127.0.0.1:1/eureka/".to_owned(), refusing.listed()] {
        let server = node(&[url]);
        let dropped = async || metric(&server, "castalia_eureka_dropped_changes_total").await;
        let mut short = instance("DEMO", "k", 1);
        short["instance"]["leaseInfo"] = json!({"renewalIntervalInSecs": 1, "durationInSecs": 5});
        assert_eq!(client(&server).post("/eureka/apps/DEMO", short).await.status, 204);
        eventually("a lost change", async || (dropped().await > 0.5).then_some(())).await;
    }
}
