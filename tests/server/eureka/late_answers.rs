//! Batches and answers that are late: what happened meanwhile is not undone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::decisions::is_up;
use super::hostile_peers::node;
use super::other_server::{OtherServer, Reply, Request};
use super::peers::has;
use super::{client, has_started, hosting, instance, metric, register, registration};
use crate::support::eventually::eventually;
use crate::support::server::Server;

const PATH: &str = "/eureka/apps/DEMO/k";
/// Header with the number of a batch.
const NUMBER: &str = "x-castalia-batch";

/// The description of a change, as a peer answers it.
fn described(change: &Value, dirty: i64) -> Value {
    let (app, id) = (change["appName"].as_str().unwrap(), change["id"].as_str().unwrap());
    instance(app, id, dirty)["instance"].clone()
}

fn outcomes(request: &Request, outcome: impl Fn(&Value) -> Value) -> Reply {
    let outcomes: Vec<_> = request.changes().iter().map(outcome).collect();
    Reply::json(&json!({ "responseList": outcomes }))
}

/// A node that was suspended receives all batches of its peer at once, also those that the peer
/// gave up and sent again.
#[tokio::test]
async fn a_batch_that_was_given_up_is_not_carried_out_after_a_later_one() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let send = async |number: Option<&str>, change: Value| {
        let sender = number.map_or(eureka.clone(), |number| eureka.clone().with(NUMBER, number));
        let body = json!({ "replicationList": [change] });
        sender.post("/eureka/peerreplication/batch/", body).await.status
    };
    let status = |status: &str| json!({"appName": "DEMO", "id": "k", "action": "StatusUpdate", "status": status});
    assert_eq!(send(Some("a-1"), registration("DEMO", "k", 5)).await, 200);
    assert_eq!(send(Some("a-3"), status("UP")).await, 200);
    for given_up in ["a-2", "a-3"] {
        assert_eq!(send(Some(given_up), status("OUT_OF_SERVICE")).await, 503, "{given_up}");
        assert_eq!(eureka.get(PATH).await.ok().json()["instance"]["status"], "UP");
    }
    for (number, value) in [(Some("b-1"), "DOWN"), (Some("a-4"), "STARTING"), (None, "UP")] {
        assert_eq!(send(number, status(value)).await, 200, "{number:?}");
        assert_eq!(eureka.get(PATH).await.ok().json()["instance"]["status"], value);
    }
}

/// Each attempt to send has a number of its own.
#[tokio::test]
async fn batches_that_are_sent_again_have_greater_numbers() {
    let peer = OtherServer::start(|_| Reply::status(503)).await;
    let other = OtherServer::start(Reply::accepted).await;
    let server = node(&[peer.listed(), other.listed()]);
    assert_eq!(register(&client(&server), "DEMO", "k", 5).await.status, 204);
    let numbers = |peer: &OtherServer| {
        let numbers = peer.requests().into_iter().filter_map(|request| {
            let head = request.head.clone();
            let number =
                head.lines().find_map(|line| line.strip_prefix(NUMBER)?.strip_prefix(": "));
            let (sender, number) = number?.split_once('-')?;
            Some((sender.to_owned(), number.parse::<u64>().unwrap()))
        });
        numbers.collect::<Vec<_>>()
    };
    eventually("three batches", async || (numbers(&peer).len() >= 3).then_some(())).await;
    eventually("a batch at the other", async || (!numbers(&other).is_empty()).then_some(())).await;
    let sent = numbers(&peer);
    assert!(sent.windows(2).all(|two| two[0].0 == two[1].0 && two[0].1 < two[1].1), "{sent:?}");
    assert_ne!(numbers(&other)[0].0, sent[0].0, "each peer is sent other batches");
}

/// The instance leaves, with what an operator decided, and comes back while the peer answers to its
/// former registration.
#[tokio::test]
async fn a_late_answer_does_not_concern_an_instance_that_came_back() {
    let (allow, is_allowed) = watch::channel(false);
    let peer = OtherServer::start(move |request: &Request| {
        let is_first = |change: &Value| {
            change["action"] == "Register"
                && change["id"] == "k"
                && change["instanceInfo"]["lastDirtyTimestamp"] == "5"
        };
        if !request.changes().iter().any(is_first) {
            return Reply::accepted(request);
        }
        let answer = outcomes(request, |change| match is_first(change) {
            true => {
                let mut remembered = described(change, 5);
                remembered["status"] = json!("OUT_OF_SERVICE");
                remembered["overriddenStatus"] = json!("OUT_OF_SERVICE");
                json!({"statusCode": 409, "responseEntity": remembered})
            }
            false => json!({"statusCode": 200}),
        });
        Reply::Later(is_allowed.clone(), Box::new(answer))
    })
    .await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    has_started(&eureka).await;
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    let sent = |dirty: &str| {
        let changes = peer.changes().into_iter();
        let sent = changes.filter(|change| change["instanceInfo"]["lastDirtyTimestamp"] == *dirty);
        sent.count()
    };
    eventually("the registration", async || (sent("5") > 0).then_some(())).await;
    assert_eq!(eureka.delete(PATH).await.status, 200);
    assert_eq!(register(&eureka, "DEMO", "k", 6).await.status, 204);
    allow.send(true).unwrap();
    // It is sent after the answer has been used.
    eventually("the second registration", async || (sent("6") > 0).then_some(())).await;
    assert!(has(&eureka, PATH, is_up).await.is_some());
}

/// A peer that reports a newer description of this node's service to each heartbeat is outbid once
/// in the interval of the heartbeats, and not in a loop.
#[tokio::test]
async fn a_peer_that_always_has_a_newer_description_causes_no_loop() {
    let is_own = |change: &Value| change["appName"] == "APOLLO-CONFIGSERVICE";
    let newer = move |change: &Value| {
        let sent: Option<i64> =
            change["lastDirtyTimestamp"].to_string().trim_matches('"').parse().ok();
        match sent.filter(|_| is_own(change) && change["action"] == "Heartbeat") {
            Some(sent) => {
                json!({"statusCode": 409, "responseEntity": described(change, sent + 10_000)})
            }
            None => json!({"statusCode": 200}),
        }
    };
    let peer = OtherServer::start(move |request: &Request| outcomes(request, newer)).await;
    let options = hosting()
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .variable("CASTALIA_EUREKA_SERVICE_URL", &peer.listed());
    let _server = Server::start_with(options);
    let registrations = || {
        let changes = peer.changes().into_iter();
        changes.filter(|change| is_own(change) && change["action"] == "Register").count()
    };
    eventually("the first one", async || (registrations() >= 2).then_some(())).await;
    let (first, began) = (registrations(), Instant::now());
    eventually("six more", async || (registrations() >= first + 6).then_some(())).await;
    assert!(began.elapsed() > Duration::from_secs(3), "{:?}", began.elapsed());
}

/// A peer that needs too long for many changes at once is sent fewer, and receives all.
#[tokio::test]
async fn a_peer_that_is_too_slow_for_a_batch_is_sent_smaller_ones() {
    let (_never, is_allowed) = watch::channel(false);
    let registered = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&registered);
    let peer = OtherServer::start(move |request: &Request| {
        let changes = request.changes();
        if changes.len() > 10 {
            return Reply::Later(is_allowed.clone(), Box::new(Reply::status(200)));
        }
        let ids = changes.iter().map(|change| change["id"].to_string());
        seen.lock().unwrap().extend(ids);
        Reply::accepted(request)
    })
    .await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    has_started(&eureka).await;
    let changes: Vec<_> = (0..40).map(|id| registration("DEMO", &format!("k{id}"), 5)).collect();
    for change in &changes {
        let id = change["id"].as_str().unwrap();
        assert_eq!(register(&eureka, "DEMO", id, 5).await.status, 204);
    }
    let missing = || {
        let registered = registered.lock().unwrap();
        changes.iter().filter(|change| !registered.contains(&change["id"].to_string())).count()
    };
    eventually("all registrations", async || (missing() == 0).then_some(())).await;
}

/// The own heartbeats of a node follow their interval, however many instances leave.
#[tokio::test]
async fn the_departure_of_others_causes_no_own_heartbeat() {
    let peer = OtherServer::start(Reply::accepted).await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    has_started(&eureka).await;
    let renewals = "castalia_eureka_renewals_total";
    let before = metric(&server, renewals).await;
    for _ in 0..20 {
        assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
        assert_eq!(eureka.delete(PATH).await.status, 200);
    }
    let caused = metric(&server, renewals).await - before;
    assert!(caused <= 6.0, "{caused} heartbeats of the services of this node");
}
