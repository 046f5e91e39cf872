//! Decisions of operators that one of two nodes missed: both come to one status, or the log says
//! what to do, and that helps.

use serde_json::{Value, json};

use super::decisions::{is_out, is_up};
use super::hostile_peers::node;
use super::other_server::{OtherServer, Reply};
use super::peers::has;
use super::{client, hosting, instance, register, replicate};
use crate::support::eventually::eventually;
use crate::support::server::Server;

const PATH: &str = "/eureka/apps/DEMO/k";
const STATUS: &str = "/eureka/apps/DEMO/k/status";
const OUT: &str = "/eureka/apps/DEMO/k/status?value=OUT_OF_SERVICE";

/// The registration of the instance `k`, which is out of service at the peer that sends it.
fn out_at_a_peer(dirty: i64) -> Value {
    let mut info = instance("DEMO", "k", dirty)["instance"].take();
    info["status"] = json!("OUT_OF_SERVICE");
    info["overriddenStatus"] = json!("OUT_OF_SERVICE");
    json!({"appName": "DEMO", "id": "k", "action": "Register", "instanceInfo": info})
}

/// The names of the changes that a peer received of `k`, without registrations and heartbeats.
fn decisions(peer: &OtherServer) -> Vec<String> {
    let changes = peer.changes().into_iter().filter(|change| change["id"] == "k");
    let names = changes.map(|change| change["action"].as_str().unwrap().to_owned());
    names.filter(|name| name != "Register" && name != "Heartbeat").collect()
}

/// How often a peer received the registration of `k`.
fn registrations(peer: &OtherServer) -> usize {
    let changes = peer.changes().into_iter();
    changes.filter(|change| change["id"] == "k" && change["action"] == "Register").count()
}

async fn accepting() -> OtherServer {
    OtherServer::start(|request| match request.line.starts_with("POST") {
        true => Reply::accepted(request),
        false => Reply::json(&json!({"applications": {"application": []}})),
    })
    .await
}

/// A peer that missed a removal keeps what was removed: the operator learns of it once, and what
/// the line advises ends it.
#[tokio::test]
async fn a_contradiction_is_reported_once() {
    let mut server = Server::start_with(hosting());
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    let status = "/eureka/apps/DEMO/k/status";
    assert_eq!(eureka.put(&format!("{status}?value=OUT_OF_SERVICE"), json!({})).await.status, 200);
    assert_eq!(eureka.delete(&format!("{status}?value=UP")).await.status, 200);
    let heartbeat = |dirty| {
        json!({
            "appName": "DEMO", "id": "k", "action": "Heartbeat", "lastDirtyTimestamp": dirty,
            "status": "OUT_OF_SERVICE", "overriddenStatus": "OUT_OF_SERVICE",
        })
    };
    for (dirty, answer) in [(5, 200), (9, 404), (5, 200)] {
        assert_eq!(replicate(&eureka, &[heartbeat(dirty)]).await[0]["statusCode"], answer);
        assert!(has(&eureka, "/eureka/apps/DEMO/k", is_up).await.is_some());
    }
    let lines = server.printed_until_exit();
    let advice = lines.iter().filter(|line| line.contains("remove it again"));
    assert_eq!(advice.count(), 1, "{lines:?}");
}

/// The lease ended after the removal, and a peer sends the instance with what was removed.
#[tokio::test]
async fn what_was_removed_leaves_no_status_behind() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let mut short = instance("DEMO", "k", 5);
    short["instance"]["leaseInfo"] = json!({"renewalIntervalInSecs": 1, "durationInSecs": 20});
    assert_eq!(eureka.post("/eureka/apps/DEMO", short).await.status, 204);
    assert_eq!(eureka.put(OUT, json!({})).await.status, 200);
    assert_eq!(eureka.delete(&format!("{STATUS}?value=UP")).await.status, 200);
    eventually("the end of the lease", async || {
        (eureka.get(PATH).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(replicate(&eureka, &[out_at_a_peer(6)]).await[0]["statusCode"], 200);
    assert!(has(&eureka, PATH, is_up).await.is_some());
}

/// A status that was set while this node did not have the instance is newer than an earlier
/// removal.
#[tokio::test]
async fn a_status_of_an_absent_instance_takes_effect_when_it_comes() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    assert_eq!(eureka.put(OUT, json!({})).await.status, 200);
    assert_eq!(eureka.delete(PATH).await.status, 200);
    let set = json!({
        "appName": "DEMO", "id": "k", "action": "StatusUpdate", "status": "OUT_OF_SERVICE",
    });
    assert_eq!(replicate(&eureka, &[set]).await[0]["statusCode"], 404);
    assert_eq!(replicate(&eureka, &[out_at_a_peer(6)]).await[0]["statusCode"], 200);
    assert!(has(&eureka, PATH, is_out).await.is_some());
}

/// A status ends with a departure, and after an end of the lease it can still be removed,
/// everywhere.
#[tokio::test]
async fn peers_learn_that_the_status_of_an_instance_ended() {
    let peer = accepting().await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    let mut short = instance("DEMO", "k", 5);
    short["instance"]["leaseInfo"] = json!({"renewalIntervalInSecs": 1, "durationInSecs": 20});
    assert_eq!(eureka.post("/eureka/apps/DEMO", short.clone()).await.status, 204);
    assert_eq!(eureka.put(OUT, json!({})).await.status, 200);
    eventually("the status", async || (decisions(&peer).len() == 1).then_some(())).await;
    assert_eq!(eureka.delete(PATH).await.status, 200);
    eventually("the departure", async || (decisions(&peer).len() == 2).then_some(())).await;
    assert_eq!(eureka.post("/eureka/apps/DEMO", short.clone()).await.status, 204);
    assert_eq!(eureka.put(OUT, json!({})).await.status, 200);
    eventually("the end of the lease", async || {
        (eureka.get(PATH).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(eureka.delete(STATUS).await.status, 200);
    assert_eq!(eureka.delete(STATUS).await.status, 404);
    eventually("the removal", async || (decisions(&peer).len() == 4).then_some(())).await;
    let expected = ["StatusUpdate", "Cancel", "StatusUpdate", "DeleteStatusOverride"];
    assert_eq!(decisions(&peer), expected);
}

/// The instance renews at the node that knows of the removal; the peer answers with what it keeps.
#[tokio::test]
async fn a_contradiction_that_a_peer_answers_is_reported() {
    let peer = OtherServer::start(|request| {
        if !request.line.starts_with("POST") {
            return Reply::json(&json!({"applications": {"application": []}}));
        }
        let outcomes = request.changes().into_iter().map(|change| match &change["action"] {
            action if change["id"] == "k" && action == "Register" => {
                json!({"statusCode": 409, "responseEntity": out_at_a_peer(5)["instanceInfo"]})
            }
            action if change["id"] == "k" && action == "Heartbeat" => json!({"statusCode": 404}),
            _ => json!({"statusCode": 200}),
        });
        Reply::json(&json!({"responseList": outcomes.collect::<Vec<_>>()}))
    })
    .await;
    let mut server = node(&[peer.listed()]);
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    // It was not there when this was decided.
    eventually("the status", async || has(&eureka, PATH, is_out).await).await;
    assert_eq!(eureka.delete(&format!("{STATUS}?value=UP")).await.status, 200);
    // The peer asks for the registration again, and answers it with what it keeps.
    let before = registrations(&peer);
    assert_eq!(eureka.put(PATH, json!({})).await.status, 200);
    eventually("the registration", async || (registrations(&peer) > before).then_some(())).await;
    assert!(has(&eureka, PATH, is_up).await.is_some());
    let lines = server.printed_until_exit();
    let reports = lines.iter().filter(|line| line.contains("removed here; set or remove it again"));
    assert_eq!(reports.count(), 1, "{lines:?}");
}

/// The status that a peer sends under a newer timestamp replaces the one that was set here.
#[tokio::test]
async fn a_status_that_is_replaced_by_that_of_a_peer_is_reported() {
    let mut server = Server::start_with(hosting());
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    assert_eq!(eureka.put(OUT, json!({})).await.status, 200);
    let heartbeat = json!({
        "appName": "DEMO", "id": "k", "action": "Heartbeat", "lastDirtyTimestamp": 9,
        "status": "DOWN", "overriddenStatus": "DOWN",
    });
    assert_eq!(replicate(&eureka, &[heartbeat]).await[0]["statusCode"], 404);
    let lines = server.printed_until_exit();
    let reports = lines.iter().filter(|line| line.contains("keeps another status than was set"));
    assert_eq!(reports.count(), 1, "{lines:?}");
}
