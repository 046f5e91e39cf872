//! Nodes that mirror each other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{client, free_port, has_started, hosting, instance, register};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// A short lease, which outlasts a stall of this machine.
const SHORT: Duration = Duration::from_secs(15);

/// Two nodes, each with the addresses of both. The ports are chosen before the start, because each
/// has to know that of the other.
fn pair() -> [Server; 2] {
    let ports = [0, 1].map(|_| free_port());
    let urls = listed(ports);
    ports.map(|port| Server::start_with(member(port, &urls)))
}

/// Addresses of two nodes, as both list them.
pub(super) fn listed([a, b]: [u16; 2]) -> String {
    format!("http://eu:pw@127.0.0.1:{a}/eureka/,http://eu:pw@localhost:{b}/eureka")
}

/// A node on this port with these addresses in its list.
pub(super) fn member(port: u16, urls: &str) -> Options {
    let options = hosting().flag("--config-port", &port.to_string());
    options.variable("CASTALIA_EUREKA_SERVICE_URL", urls)
}

/// An instance, if it is at a node and as expected.
pub(super) async fn has(
    eureka: &Http,
    path: &str,
    expected: impl Fn(&Value) -> bool,
) -> Option<()> {
    let answer = eureka.get(path).await;
    (answer.status == 200 && expected(&answer.json()["instance"])).then_some(())
}

/// Cases 54, 56, 57, 59 and 64: what one node is told, the other knows; what a peer sends is not
/// sent on.
#[tokio::test]
async fn changes_reach_the_other_node_and_go_no_further() {
    let [first, second] = pair();
    let (first, second) = (client(&first), client(&second));
    let path = "/eureka/apps/DEMO/k";
    eventually("both nodes in the list of the first", || async {
        let list = first.get("/eureka/apps").await;
        (list.status == 200 && list.json()["applications"]["apps__hashcode"] == "UP_4_")
            .then_some(())
    })
    .await;
    assert_eq!(register(&first, "DEMO", "k", 5).await.status, 204);
    eventually("the registration", || has(&second, path, |one| one["status"] == "UP")).await;
    assert_eq!(
        second.put(&format!("{path}/status?value=OUT_OF_SERVICE"), json!({})).await.status,
        200
    );
    let is_out = |one: &Value| one["overriddenStatus"] == "OUT_OF_SERVICE";
    eventually("the override", || has(&first, path, is_out)).await;
    assert_eq!(second.put(&format!("{path}/metadata?a=1"), json!({})).await.status, 200);
    eventually("the metadata", || has(&first, path, |one| one["metadata"]["a"] == "1")).await;
    let replicated = second.clone().with("x-netflix-discovery-replication", "true");
    assert_eq!(replicated.delete(path).await.status, 200);
    assert_eq!(first.get(path).await.status, 200);
    assert_eq!(first.put(path, json!({})).await.status, 200);
    eventually("the instance after a heartbeat", || has(&second, path, |_| true)).await;
    let replicated = first.clone().with("x-netflix-discovery-replication", "true");
    let other = replicated.post("/eureka/apps/DEMO", instance("DEMO", "other", 1)).await;
    assert_eq!(other.status, 204);
    assert_eq!(first.delete(path).await.status, 200);
    eventually("the departure", || async { (second.get(path).await.status == 404).then_some(()) })
        .await;
    assert_eq!(second.get("/eureka/apps/DEMO/other").await.status, 404);
}

/// Case 58: a peer with a newer description is believed.
#[tokio::test]
async fn a_newer_description_of_a_peer_is_adopted() {
    let [first, second] = pair();
    let (first, second) = (client(&first), client(&second));
    assert_eq!(register(&first, "DEMO", "k", 5).await.status, 204);
    let path = "/eureka/apps/DEMO/k";
    eventually("the registration", || has(&second, path, |_| true)).await;
    let mut newer = instance("DEMO", "k", 9);
    newer["instance"]["port"]["$"] = json!(9999);
    let replicated = second.clone().with("x-netflix-discovery-replication", "true");
    assert_eq!(replicated.post("/eureka/apps/DEMO", newer).await.status, 204);
    assert_eq!(first.put(path, json!({})).await.status, 200);
    eventually("the newer description", || has(&first, path, |one| one["port"]["$"] == 9999)).await;
}

fn lease(duration: Duration) -> Value {
    json!({"renewalIntervalInSecs": 2, "durationInSecs": duration.as_secs()})
}

/// Case 55: heartbeats at one node keep an instance alive at both, for longer than its lease.
#[tokio::test]
async fn heartbeats_at_one_node_reach_the_other() {
    let servers = pair();
    let nodes = servers.each_ref().map(client);
    let path = "/eureka/apps/DEMO/k";
    let mut short = instance("DEMO", "k", 5);
    short["instance"]["leaseInfo"] = lease(SHORT);
    assert_eq!(nodes[0].post("/eureka/apps/DEMO", short).await.status, 204);
    eventually("the registration", || has(&nodes[1], path, |_| true)).await;
    let mut begin = Instant::now();
    let mut last = begin;
    while begin.elapsed() < 2 * SHORT {
        assert_eq!(nodes[0].put(path, json!({})).await.status, 200);
        let listed = [nodes[0].get(path).await.status, nodes[1].get(path).await.status];
        // A machine that stalls sends no heartbeats, and the lease ends rightly.
        if last.elapsed() > SHORT / 2 {
            begin = Instant::now();
            eventually("the instance after a stall", || has(&nodes[1], path, |_| true)).await;
        } else {
            assert_eq!(listed, [200, 200], "{:?} after the start", begin.elapsed());
        }
        last = Instant::now();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Case 60: a node whose copy of an instance ends, because nobody sends it the heartbeats, does not
/// end it elsewhere.
#[tokio::test]
async fn the_end_of_a_lease_is_not_replicated() {
    let ports = [free_port(), free_port()];
    let first = Server::start_with(member(ports[0], &listed(ports)));
    // It sends nothing to the first.
    let own = format!("http://eu:pw@127.0.0.1:{}/eureka/", ports[1]);
    let second = Server::start_with(member(ports[1], &own));
    let (first, second) = (client(&first), client(&second));
    // It copies the list of the second when it starts.
    has_started(&first).await;
    let path = "/eureka/apps/DEMO/k";
    let mut short = instance("DEMO", "k", 5);
    short["instance"]["leaseInfo"] = lease(SHORT);
    assert_eq!(first.post("/eureka/apps/DEMO", short).await.status, 204);
    eventually("the registration", || has(&second, path, |_| true)).await;
    // At the second its lease is long, as if heartbeats arrived there.
    let replicated = second.clone().with("x-netflix-discovery-replication", "true");
    let longer = replicated.post("/eureka/apps/DEMO", instance("DEMO", "k", 6)).await;
    assert_eq!(longer.status, 204);
    eventually("the end of the lease at the first", async || {
        (first.get(path).await.status == 404).then_some(())
    })
    .await;
    // What the first sends afterwards arrives after what it sent before.
    assert_eq!(register(&first, "DEMO", "later", 1).await.status, 204);
    eventually("a later change", || has(&second, "/eureka/apps/DEMO/later", |_| true)).await;
    assert_eq!(second.get(path).await.status, 200);
}

/// Case 50.
#[tokio::test]
async fn the_items_of_a_batch_are_handled_in_their_order() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let item = |action: &str| json!({"appName": "DEMO", "id": "k", "lastDirtyTimestamp": 5, "action": action});
    let mut items: Vec<_> = [
        "Register",
        "Heartbeat",
        "StatusUpdate",
        "Heartbeat",
        "DeleteStatusOverride",
        "Cancel",
        "Cancel",
        "Explode",
    ]
    .map(item)
    .into();
    items[0]["instanceInfo"] = instance("DEMO", "k", 5)["instance"].clone();
    items[2]["status"] = json!("OUT_OF_SERVICE");
    items[4]["status"] = json!("UP");
    items.push(json!({"appName": "DEMO", "id": "third", "action": "Heartbeat"}));
    let body = json!({"replicationList": items});
    let answer = eureka.post("/eureka/peerreplication/batch", body).await.ok().json();
    let statuses: Vec<_> =
        answer["responseList"].as_array().unwrap().iter().map(|one| &one["statusCode"]).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 404, 400, 404]);
}
