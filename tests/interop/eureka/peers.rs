//! A server of Spring as a peer: each mirrors the other.

use serde_json::{Value, json};

use super::spring::{Spring, Stack};
use super::{address, calls, found, free_port, has_hash, hosting, instance};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Case 65.
#[tokio::test]
async fn a_server_of_spring_boot_2_is_a_peer() {
    mirror(Stack::Boot2).await;
}

/// Case 66.
#[tokio::test]
async fn a_server_of_spring_boot_4_is_a_peer() {
    mirror(Stack::Boot4).await;
}

async fn mirror(stack: Stack) {
    let [our_port, admin_port, port] = [0; 3].map(|_| free_port());
    let our_url = address(&format!("http://127.0.0.1:{our_port}"), "pw");
    let servers = format!("{our_url},http://127.0.0.1:{port}/eureka/");
    let mut spring = Spring::launch(stack, port, &our_url).ready();
    // Restarted on the same ports, it has the same services.
    let options = hosting()
        .flag("--config-port", &our_port.to_string())
        .flag("--admin-port", &admin_port.to_string())
        .variable("CASTALIA_EUREKA_SERVICE_URL", &servers);
    let mut ours = Server::start_with(options.clone());
    let (ours_calls, spring_calls) = (calls(&ours), spring.calls());
    let has_own = async || has_hash(&spring_calls, "UP_2_").await;
    eventually("our services at the peer", has_own).await;
    for (name, receiver, other) in
        [("ours", &ours_calls, &spring_calls), ("theirs", &spring_calls, &ours_calls)]
    {
        let path = format!("/eureka/apps/DEMO/{name}");
        changes_arrive(name, &path, receiver, other).await;
        a_loss_is_healed(name, &path, receiver, other).await;
        what_a_peer_sends_stays(name, receiver, other).await;
    }
    // Later ones may be about the node that is killed next.
    assert_eq!(spring.complaints(), Vec::<String>::new());
    a_copy_is_complete(&spring_calls, &mut ours, options).await;
    // Its services leave the peer with it.
    assert!(ours.terminate().success());
    let is_left = async || has_hash(&spring_calls, "DOWN_1_OUT_OF_SERVICE_1_").await;
    eventually("our departure at the peer", is_left).await;
}

/// Cases 54 and 56.
async fn changes_arrive(name: &str, path: &str, receiver: &Http, other: &Http) {
    let sent = receiver.post("/eureka/apps/DEMO", instance("DEMO", name, 5, 8080)).await;
    assert_eq!(sent.status, 204, "{sent:?}");
    let at_other = async |what: &str, is_expected: fn(&Value) -> bool| {
        let what = format!("{what}, from {name}");
        eventually(&what, async || found(other, path).await.filter(is_expected).map(drop)).await;
    };
    at_other("the registration", |one| one["status"] == "UP").await;
    let status = format!("{path}/status?value=OUT_OF_SERVICE");
    assert_eq!(receiver.put(&status, json!({})).await.status, 200);
    at_other("the override", |one| {
        one["overriddenStatus"] == "OUT_OF_SERVICE" && one["status"] == "OUT_OF_SERVICE"
    })
    .await;
    renew(receiver, path).await;
    assert_eq!(receiver.delete(&format!("{path}/status?value=UP")).await.status, 200);
    at_other("the end of the override", |one| {
        one["overriddenStatus"] == "UNKNOWN" && one["status"] == "UP"
    })
    .await;
    assert_eq!(receiver.put(&format!("{path}/metadata?a=1"), json!({})).await.status, 200);
    at_other("the metadata", |one| one["metadata"]["a"] == "1").await;
}

/// Cases 57 and 58: a heartbeat restores what the peer lost, and brings what it has newer.
async fn a_loss_is_healed(name: &str, path: &str, receiver: &Http, other: &Http) {
    let replicated = other.clone().with("x-netflix-discovery-replication", "true");
    assert_eq!(replicated.delete(path).await.status, 200);
    renew(receiver, path).await;
    eventually("the instance that the peer lost", async || found(other, path).await).await;
    let newer = replicated.post("/eureka/apps/DEMO", instance("DEMO", name, 9, 9999)).await;
    assert_eq!(newer.status, 204);
    renew(receiver, path).await;
    let is_newer = |one: &Value| one["port"]["$"] == 9999;
    eventually("the newer description", async || found(receiver, path).await.filter(is_newer))
        .await;
}

/// Cases 54 and 59: the departure arrives, and what is marked as replicated does not; it was sent
/// before.
async fn what_a_peer_sends_stays(name: &str, receiver: &Http, other: &Http) {
    let replicated = receiver.clone().with("x-netflix-discovery-replication", "true");
    let marked = format!("marked-{name}");
    let sent = replicated.post("/eureka/apps/DEMO", instance("DEMO", &marked, 5, 8080)).await;
    assert_eq!(sent.status, 204);
    let path = format!("/eureka/apps/DEMO/{name}");
    assert_eq!(receiver.delete(&path).await.status, 200);
    let is_gone = async || found(other, &path).await.is_none().then_some(());
    eventually("the departure", is_gone).await;
    let marked = format!("/eureka/apps/DEMO/{marked}");
    assert!(found(other, &marked).await.is_none(), "{marked} was sent on");
    assert_eq!(replicated.delete(&marked).await.status, 200);
}

/// A node that starts has what its peer has, whatever its status is.
async fn a_copy_is_complete(peer: &Http, ours: &mut Server, options: Options) {
    ours.kill();
    let sent = peer.post("/eureka/apps/KEPT", instance("KEPT", "out", 5, 8080)).await;
    assert_eq!(sent.status, 204);
    let status = peer.put("/eureka/apps/KEPT/out/status?value=OUT_OF_SERVICE", json!({})).await;
    assert_eq!(status.status, 200);
    let mut down = instance("KEPT", "down", 5, 8080);
    down["instance"]["status"] = json!("DOWN");
    assert_eq!(peer.post("/eureka/apps/KEPT", down).await.status, 204);
    *ours = Server::start_with(options);
    let copied = calls(ours);
    let is_complete = async || has_hash(&copied, "DOWN_1_OUT_OF_SERVICE_1_UP_2_").await;
    eventually("the copy", is_complete).await;
    let out = found(&copied, "/eureka/apps/KEPT/out").await.unwrap();
    assert_eq!(out["overriddenStatus"], "OUT_OF_SERVICE");
}

/// Sends a heartbeat as the instance does.
async fn renew(eureka: &Http, path: &str) {
    let dirty = found(eureka, path).await.unwrap()["lastDirtyTimestamp"].clone();
    let query = format!("{path}?status=UP&lastDirtyTimestamp={}", dirty.as_str().unwrap());
    assert_eq!(eureka.put(&query, json!({})).await.status, 200);
}
