//! What a node that starts learns of statuses that operators removed.

use std::time::Duration;

use serde_json::json;

use super::decisions::{is_out, is_up};
use super::hostile_peers::node;
use super::other_server::{OtherServer, Reply};
use super::peers::{has, member};
use super::{client, free_port, hosting, register, replicate};
use crate::support::eventually::eventually;
use crate::support::server::Server;
use crate::support::stopwatch::Stopwatch;

/// A node that starts learns from the list of a peer what operators removed, and nothing else: a
/// third node may have a status that both missed.
#[tokio::test]
async fn a_node_that_starts_learns_what_was_removed() {
    let first = Server::start_with(hosting());
    let at_first = client(&first);
    for id in ["removed", "never-set"] {
        assert_eq!(register(&at_first, "DEMO", id, 5).await.status, 204);
    }
    let status = "/eureka/apps/DEMO/removed/status";
    let out = at_first.put(&format!("{status}?value=OUT_OF_SERVICE"), json!({})).await;
    assert_eq!(out.status, 200);
    assert_eq!(at_first.delete(&format!("{status}?value=UP")).await.status, 200);
    let second = Server::start_with(member(free_port(), &super::registering::url(&first)));
    let at_second = client(&second);
    eventually("the copy", async || has(&at_second, "/eureka/apps/DEMO/never-set", is_up).await)
        .await;
    let reported = ["removed", "never-set"].map(|id| {
        json!({
            "appName": "DEMO", "id": id, "action": "Heartbeat", "lastDirtyTimestamp": 5,
            "status": "OUT_OF_SERVICE", "overriddenStatus": "OUT_OF_SERVICE",
        })
    });
    for node in [&at_first, &at_second] {
        for outcome in replicate(node, &reported).await {
            assert_eq!(outcome["statusCode"], 200);
        }
        assert!(has(node, "/eureka/apps/DEMO/removed", is_up).await.is_some());
        assert!(has(node, "/eureka/apps/DEMO/never-set", is_out).await.is_some());
    }
}

/// A mad peer states millions of removals, or names that no instance can have.
#[tokio::test]
async fn what_a_peer_states_of_removals_delays_no_start() {
    let many = || b"[\"A\",\"0000001\"]\n".repeat(1_800_000);
    let long = || [br#"["A/..","#.as_slice(), &b"x".repeat(16 << 20), b"\"]"].concat();
    for (removed, remembered) in [(many(), 1), (long(), 0)] {
        let peer = OtherServer::start(move |request| {
            let body = match request.line.contains("removed-overrides") {
                true => removed.clone(),
                false => json!({"applications": {"application": []}}).to_string().into_bytes(),
            };
            let head = "x-castalia-node: other\r\ncontent-type: application/json\r\n";
            Reply::Answer(200, head.to_owned(), body)
        })
        .await;
        let begun = Stopwatch::start();
        let server = node(&[peer.listed()]);
        let eureka = client(&server);
        eventually("the list", async || {
            (eureka.get("/eureka/apps").await.status == 200).then_some(())
        })
        .await;
        // Ten seconds of a copy, with a margin for a machine that is busy with other tests.
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
        assert_eq!(peer.asked("removed-overrides"), 1);
        let known = eureka.get("/eureka/castalia/removed-overrides").await.ok();
        assert_eq!(known.text.lines().count(), remembered);
        assert_eq!(known.header("content-type"), "application/x-ndjson");
    }
}
