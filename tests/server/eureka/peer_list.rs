//! Peers that operators add and remove while the node runs.

use serde_json::json;

use super::other_server::{OtherServer, Reply};
use super::{client, hosting, register};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;

/// Case 64: without a restart, a server that a row of ServerConfig adds receives the changes, and
/// one that it no longer names receives none, even if it holds a batch at this moment.
#[tokio::test]
async fn a_changed_row_changes_the_peers() {
    let old = OtherServer::start(|_| Reply::Silence).await;
    let new = OtherServer::start(Reply::accepted).await;
    let options = hosting().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let (eureka, admin) = (client(&server), Http::new(&server.admin));
    let list = async |urls: &str| {
        let row = json!({
            "key": "eureka.service.url", "cluster": "default", "value": urls,
            "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
        });
        admin.post("/server/config", row).await.ok();
    };
    assert_eq!(register(&eureka, "DEMO", "k", 1).await.status, 204);
    list(&old.listed()).await;
    let renew = async || {
        assert_eq!(eureka.put("/eureka/apps/DEMO/k", json!({})).await.status, 200);
    };
    eventually("a batch at the added server", async || {
        renew().await;
        (old.held() > 0).then_some(())
    })
    .await;
    list(&new.listed()).await;
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
