//! Peers that operators add and remove while the node runs.

use serde_json::{Value, json};

use super::other_server::{OtherServer, Reply, Request};
use super::{client, hosting, register};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;

/// Writes the row of ServerConfig.
async fn list(admin: &Http, urls: &str) {
    let row = json!({
        "key": "eureka.service.url", "cluster": "default", "value": urls,
        "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
    });
    admin.post("/server/config", row).await.ok();
}

/// A server that gets another password receives what was decided before this node has it as well,
/// whether it refuses the former one or does not answer, and receives it once.
#[tokio::test]
async fn a_changed_password_loses_no_change() {
    let refusing = OtherServer::start(|request| expecting_new(request, Reply::status(401))).await;
    let silent = OtherServer::start(|request| expecting_new(request, Reply::Silence)).await;
    tokio::join!(change_password(&refusing), change_password(&silent));
}

/// `eu:new`, in lower case as the head is.
const NEW: &str = "zxu6bmv3";

fn expecting_new(request: &Request, otherwise: Reply) -> Reply {
    if request.head.contains(NEW) { Reply::accepted(request) } else { otherwise }
}

async fn change_password(other: &OtherServer) {
    let options = hosting().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let (eureka, admin) = (client(&server), Http::new(&server.admin));
    list(&admin, &other.listed()).await;
    eventually("the server in the list", async || {
        assert_eq!(register(&eureka, "DEMO", "k", 1).await.status, 204);
        (other.asked("peerreplication") > 0).then_some(())
    })
    .await;
    let path = "/eureka/apps/DEMO/k/status?value=OUT_OF_SERVICE";
    assert_eq!(eureka.put(path, json!({})).await.status, 200);
    list(&admin, &other.listed().replace(":pw@", ":new@")).await;
    let accepted = || {
        let requests = other.requests().into_iter().filter(|request| request.head.contains(NEW));
        let is_status = |change: &Value| change["action"] == "StatusUpdate";
        requests.flat_map(|request| request.changes()).filter(is_status).count()
    };
    eventually("the status", async || (accepted() > 0).then_some(())).await;
    assert_eq!(register(&eureka, "DEMO", "last", 1).await.status, 204);
    let is_last = |change: &Value| change["id"] == "last";
    eventually("the last change", async || other.changes().iter().any(is_last).then_some(())).await;
    assert_eq!(accepted(), 1);
}

/// Case 64: without a restart, a server that a row of ServerConfig adds receives the changes, and
/// one that it no longer names receives none, even if it holds a batch at this moment.
#[tokio::test]
async fn a_changed_row_changes_the_peers() {
    let old = OtherServer::start(|_| Reply::Silence).await;
    let new = OtherServer::start(Reply::accepted).await;
    let options = hosting().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let (eureka, admin) = (client(&server), Http::new(&server.admin));
    assert_eq!(register(&eureka, "DEMO", "k", 1).await.status, 204);
    list(&admin, &old.listed()).await;
    let renew = async || {
        assert_eq!(eureka.put("/eureka/apps/DEMO/k", json!({})).await.status, 200);
    };
    eventually("a batch at the added server", async || {
        renew().await;
        (old.held() > 0).then_some(())
    })
    .await;
    list(&admin, &new.listed()).await;
    eventually("a heartbeat at the next server", async || {
        renew().await;
        new.changes().iter().any(|change| change["id"] == "k").then_some(())
    })
    .await;
    eventually("the end of the batch at the removed server", async || {
        (old.held() == 0).then_some(())
    })
    .await;
    let asked = old.requests().len();
    assert_eq!(register(&eureka, "DEMO", "last", 1).await.status, 204);
    eventually("the last change", async || {
        new.changes().iter().any(|change| change["id"] == "last").then_some(())
    })
    .await;
    assert_eq!(old.requests().len(), asked, "the removed server was asked again");
    assert!(!old.changes().iter().any(|change| change["id"] == "last"));
}
