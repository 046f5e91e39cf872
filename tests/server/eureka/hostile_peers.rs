//! Peers that do not answer as a peer does: clients of this node do not notice it.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::other_server::{OtherServer, Reply, Request};
use super::peers::member;
use super::{client, free_port, has_started, hosting, instance, metric, register};
use crate::support::eventually::eventually;
use crate::support::memory;
use crate::support::server::Server;
use crate::support::way::Way;

/// Instances whose heartbeats are sent in one round.
const INSTANCES: usize = 10;
/// Bytes of an answer that is not one of a peer.
const GARBAGE: usize = 5 * 1024 * 1024;
/// Answers after which each thread of the server has read one.
const WARM: usize = 10;
/// Growth of the memory that repeated answers of this kind must not cause, in KiB.
const GROWTH: u64 = 24 * 1024;

/// A node with these addresses in its list.
pub(super) fn node(addresses: &[String]) -> Server {
    Server::start_with(hosting().variable("CASTALIA_EUREKA_SERVICE_URL", &addresses.join(",")))
}

/// Case 63: while peers hang, fail, reset and send megabytes of garbage, every heartbeat is
/// answered, none waits for a peer, the memory stays bounded, and the log is not flooded.
#[tokio::test]
async fn peers_that_fail_in_every_way_delay_no_heartbeat() {
    let busy = OtherServer::start(|_| Reply::status(503)).await;
    let silent = OtherServer::start(|_| Reply::Silence).await;
    let resetting = OtherServer::start(|_| Reply::Reset).await;
    let garbage = |_: &Request| Reply::Answer(200, String::new(), vec![b'{'; GARBAGE]);
    let garbage = OtherServer::start(garbage).await;
    let closed = OtherServer::start(|_| Reply::status(401)).await;
    let peers = [busy, silent.clone(), resetting, garbage.clone(), closed];
    let mut server = node(&peers.each_ref().map(OtherServer::listed));
    let eureka = client(&server);
    // Lists of peers are read at the start only.
    has_started(&eureka).await;
    for number in 0..INSTANCES {
        assert_eq!(register(&eureka, "DEMO", &format!("i{number}"), 1).await.status, 204);
    }
    let batches = |peer: &OtherServer| peer.asked("POST /eureka/peerreplication/batch/");
    let rounds_beside_a_silent_peer = Cell::new(0);
    let peak = Cell::new(None);
    // A second batch shows that the failure of the first one has been reported.
    let is_done = |rounds: usize| {
        let answering = peers.iter().filter(|peer| peer.url != silent.url);
        rounds >= 3
            && batches(&garbage) >= 2 * WARM
            && answering.map(batches).all(|count| count >= 2)
    };
    eventually("two batches at every peer, and several at one", async || {
        let held = (silent.held(), batches(&silent));
        for number in 0..INSTANCES {
            let path = format!("/eureka/apps/DEMO/i{number}?lastDirtyTimestamp=1");
            assert_eq!(eureka.put(&path, json!({})).await.status, 200, "{path}");
        }
        // All were answered while one and the same batch waited at the silent peer.
        let is_held = held.0 > 0 && held == (silent.held(), batches(&silent));
        let rounds = rounds_beside_a_silent_peer.get() + usize::from(is_held);
        rounds_beside_a_silent_peer.set(rounds);
        if batches(&garbage) >= WARM && peak.get().is_none() {
            peak.set(Some(memory::peak_kib(&server)));
        }
        is_done(rounds).then_some(())
    })
    .await;
    let growth = memory::peak_kib(&server) - peak.get().unwrap();
    assert!(growth < GROWTH, "{growth} KiB more after further answers of {GARBAGE} bytes");
    let began = std::time::Instant::now();
    let lines = server.printed_until_exit();
    let reports = lines.iter().filter(|line| line.contains("cannot send changes to a peer"));
    let reports = reports.count();
    // Each peer is reported once a minute, so that none hides another.
    let expected = 4..=2 * peers.len();
    assert!(expected.contains(&reports), "{reports} lines, the end took {:?}", began.elapsed());
}

/// Cases 63, 85 and 86: what takes many times its length in memory once it is parsed, as the list
/// that a starting node copies, and as the answer to a batch.
#[tokio::test]
async fn lists_and_outcomes_of_zeros_take_little_memory() {
    const MIB: usize = 1024 * 1024;
    const LARGEST: u64 = 160 * 1024;
    let zeros = |length: usize, start: &str, end: &str| {
        let body = format!("{start}{}0{end}", "0,".repeat(length / 2));
        Reply::Answer(200, "content-type: application/json\r\n".to_owned(), body.into_bytes())
    };
    let peer = OtherServer::start(move |request: &Request| match request.changes().is_empty() {
        true => zeros(30 * MIB, r#"{"applications":{"application":[{"instance":["#, "]}]}}"),
        false => zeros(15 * MIB, r#"{"responseList":["#, "]}"),
    })
    .await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    has_started(&eureka).await;
    assert_eq!(register(&eureka, "DEMO", "k", 1).await.status, 204);
    let batches = || peer.asked("POST /eureka/peerreplication/batch/");
    eventually("a batch", async || (batches() > 0).then_some(())).await;
    let sent = batches();
    let heartbeat = "/eureka/apps/DEMO/k?lastDirtyTimestamp=1";
    eventually("the end of its answer", async || {
        assert_eq!(eureka.put(heartbeat, json!({})).await.status, 200);
        (batches() > sent).then_some(())
    })
    .await;
    let peak = memory::peak_kib(&server);
    assert!(peak < LARGEST, "{peak} KiB");
}

/// A peer that does not answer: descriptions of instances that have left again do not wait for it.
#[tokio::test]
async fn instances_that_come_and_go_fill_no_queue() {
    const COMING: usize = 500;
    let silent = OtherServer::start(|_| Reply::Silence).await;
    // Also the number of changes that clients can read.
    let few = hosting().flag("--eureka-max-instances", "20");
    let server = Server::start_with(few.variable("CASTALIA_EUREKA_SERVICE_URL", &silent.listed()));
    let eureka = client(&server);
    has_started(&eureka).await;
    let come_and_go = async |id: String| {
        let mut large = instance("DEMO", &id, 1);
        let entries = (0..15).map(|entry| (format!("k{entry}"), json!("x".repeat(1000))));
        large["instance"]["metadata"] = Value::Object(entries.collect());
        assert_eq!(eureka.post("/eureka/apps/DEMO", large).await.status, 204);
        assert_eq!(eureka.delete(&format!("/eureka/apps/DEMO/{id}")).await.status, 200);
    };
    for number in 0..20 {
        come_and_go(format!("first{number}")).await;
    }
    let before = memory::resident_kib(&server);
    for number in 0..COMING {
        come_and_go(format!("i{number}")).await;
    }
    eventually("changes that wait", async || {
        let waiting = metric(&server, "castalia_eureka_replication_queue").await;
        // One batch is on its way.
        (waiting >= COMING as f64 / 2.0).then_some(())
    })
    .await;
    let growth = memory::resident_kib(&server).saturating_sub(before);
    // All descriptions together are 8 MiB.
    assert!(growth < 4 * 1024, "{growth} KiB");
}

/// Case 62: a node that its list names under several addresses, one of them a proxy, asks itself
/// once at most, and counts each heartbeat once.
#[tokio::test]
async fn a_node_does_not_replicate_to_itself() {
    let other = OtherServer::start(|request| match request.changes().is_empty() {
        true => Reply::json(&json!({"applications": {"application": []}})),
        false => Reply::accepted(request),
    })
    .await;
    let port = free_port();
    let proxy = Way::to(&format!("http://127.0.0.1:{port}")).await;
    let urls = [
        format!("http://eu:pw@127.0.0.1:{port}/eureka/"),
        format!("http://eu:pw@localhost:{port}/eureka/"),
        format!("http://eu:pw@eureka-node.invalid:{port}/eureka/"),
        proxy.url.replace("http://", "http://eu:pw@") + "/eureka/",
        other.listed(),
    ];
    let options = member(port, &urls.join(","))
        .flag("--advertise", "http://eureka-node.invalid")
        // None of its own heartbeats during the test but the first ones.
        .flag("--eureka-instance-lease-renewal-interval", "300")
        .flag("--eureka-instance-lease-duration", "900");
    let server = Server::start_with(options);
    let eureka = client(&server);
    has_started(&eureka).await;
    let has_arrived = async |id: &str| {
        assert_eq!(register(&eureka, "DEMO", id, 1).await.status, 204);
        eventually("a registration at the other", async || {
            other.changes().iter().any(|change| change["id"] == id).then_some(())
        })
        .await;
    };
    has_arrived("k").await;
    eventually("a request through the proxy", async || {
        (!proxy.requests().is_empty()).then_some(())
    })
    .await;
    has_arrived("second").await;
    let before = metric(&server, "castalia_eureka_renewals_total").await;
    let asked = proxy.requests().len();
    assert!(asked <= 2, "{asked} requests through the proxy");
    let path = "/eureka/apps/DEMO/k?lastDirtyTimestamp=1";
    for _ in 0..20 {
        assert_eq!(eureka.put(path, json!({})).await.status, 200);
    }
    has_arrived("third").await;
    assert_eq!(proxy.requests().len(), asked, "asked itself again");
    let renewals = metric(&server, "castalia_eureka_renewals_total").await - before;
    // Those of its own services may be among them. Counted twice, there would be 40.
    assert!((19.5..30.0).contains(&renewals), "{renewals} heartbeats");
}

/// A peer that claims the end of time for a service of this node: the node's own description wins,
/// and the node goes on sending.
#[tokio::test]
async fn an_impossible_time_of_a_peer_does_not_stop_the_replication() {
    let conflicting = |request: &Request| {
        let outcome = |change: &Value| {
            let (app, id) = (change["appName"].as_str().unwrap(), change["id"].as_str().unwrap());
            let newer = instance(app, id, i64::MAX)["instance"].clone();
            match change["action"].as_str() {
                Some("Heartbeat") => json!({"statusCode": 409, "responseEntity": newer}),
                _ => json!({"statusCode": 200}),
            }
        };
        let outcomes: Vec<_> = request.changes().iter().map(outcome).collect();
        Reply::json(&json!({ "responseList": outcomes }))
    };
    let peer = OtherServer::start(conflicting).await;
    let options = hosting()
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .variable("CASTALIA_EUREKA_SERVICE_URL", &peer.listed());
    let server = Server::start_with(options);
    let time = i64::MAX.to_string();
    let registered_anew = |change: &Value| {
        change["appName"] == "APOLLO-CONFIGSERVICE"
            && change["action"] == "Register"
            && change["instanceInfo"]["lastDirtyTimestamp"] == *time
    };
    eventually("the own description with a time that wins", async || {
        peer.changes().iter().any(registered_anew).then_some(())
    })
    .await;
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 1).await.status, 204);
    eventually("a change after the conflict", async || {
        peer.changes().iter().any(|change| change["id"] == "k").then_some(())
    })
    .await;
    assert!(metric(&server, "castalia_task_restarts_total").await < 0.5, "a task panicked");
    let own = eureka.get("/eureka/apps/APOLLO-CONFIGSERVICE").await.ok().json();
    let own = &own["application"]["instance"][0];
    assert_eq!(own["homePageUrl"], format!("{}/", server.config), "{own}");
}

/// A peer accepts bodies up to its limit: what it refuses together reaches it in parts.
#[tokio::test]
async fn a_batch_that_is_too_large_arrives_in_parts() {
    const LIMIT: usize = 3_000;
    let is_open = Arc::new(AtomicBool::new(false));
    let opened = Arc::clone(&is_open);
    let peer = OtherServer::start(move |request| match request.body.len() {
        _ if !opened.load(Ordering::Relaxed) => Reply::status(503),
        ..=LIMIT => Reply::accepted(request),
        _ => Reply::status(413),
    })
    .await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    let ids: Vec<_> = (0..INSTANCES).map(|number| format!("i{number}")).collect();
    for id in &ids {
        assert_eq!(register(&eureka, "DEMO", id, 1).await.status, 204);
    }
    is_open.store(true, Ordering::Relaxed);
    let has_arrived = |id: &String| {
        let requests = peer.requests();
        let mut accepted = requests.iter().filter(|request| request.body.len() <= LIMIT);
        accepted.any(|request| request.changes().iter().any(|change| change["id"] == **id))
    };
    eventually("all in bodies that are accepted", async || {
        ids.iter().all(has_arrived).then_some(())
    })
    .await;
}

/// A peer that cannot be reached costs less and less: a batch is not written anew every 100 ms.
#[tokio::test]
async fn the_pauses_between_attempts_to_reach_a_peer_grow() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&attempts);
    let peer = OtherServer::start(move |request| {
        if request.line.starts_with("POST") {
            noted.lock().unwrap().push(Instant::now());
        }
        Reply::Reset
    })
    .await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    let five = eventually("attempts", async || {
        let attempts = attempts.lock().unwrap();
        (attempts.len() >= 5).then(|| attempts[4] - attempts[0])
    })
    .await;
    assert!(five >= Duration::from_millis(1400), "{five:?}");
}
