//! The list of a node that is still copying those of its peers.

use serde_json::json;

use super::hostile_peers::node;
use super::other_server::{OtherServer, Reply, Request};
use super::{client, hosting_with};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;

/// Checks the answers of a node that is copying; returns whether it still is.
async fn is_observed_while_it_starts(eureka: &Http) -> bool {
    let hidden = eureka.get("/eureka/apps").await;
    let delta = eureka.get("/eureka/apps/delta").await;
    let shown = eureka.clone().with("x-castalia-node", "another").get("/eureka/apps").await.ok();
    let reader = eureka.clone().with("x-castalia-node", "reader");
    let part = reader.get("/eureka/apps/APOLLO-CONFIGSERVICE").await;
    let vip = eureka.get("/eureka/vips/apollo-configservice").await;
    if eureka.get("/eureka/apps").await.status != 503 {
        return false;
    }
    for answer in [hidden, delta, part, vip] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, "2"), "{answer:?}");
    }
    assert_eq!(shown.header("retry-after"), "2");
    true
}

/// A node that is copying shows its list to other nodes only, marked as incomplete.
#[tokio::test]
async fn a_node_that_is_starting_says_so() {
    let silent = OtherServer::start(|_| Reply::Silence).await;
    // It gives up after ten seconds, which may be over on a machine that stalls.
    let mut observed = None;
    for _ in 0..5 {
        let server = node(&[silent.listed()]);
        if is_observed_while_it_starts(&client(&server)).await {
            observed = Some(server);
            break;
        }
    }
    let server = observed.expect("a node that is starting");
    let eureka = client(&server);
    assert_eq!(Http::new(&server.config).get("/services/config").await.status, 200);
    eventually("the list", async || (eureka.get("/eureka/apps").await.status == 200).then_some(()))
        .await;
    assert_eq!(eureka.get("/eureka/apps").await.ok().header("retry-after"), "");
    // It copied from nobody, so that a peer should prefer another list.
    let shown = eureka.with("x-castalia-node", "another").get("/eureka/apps").await.ok();
    assert_eq!(shown.header("retry-after"), "2");
    let empty = |_: &Request| Reply::json(&json!({"applications": {"application": []}}));
    let peer = OtherServer::start(empty).await;
    let server = node(&[peer.listed()]);
    let another = client(&server).with("x-castalia-node", "another");
    eventually("a complete list", async || {
        another.get("/eureka/apps").await.ok().header("retry-after").is_empty().then_some(())
    })
    .await;
}

/// Whoever looks for a service that the node does not know yet is not answered that there is none.
#[tokio::test]
async fn a_node_that_is_starting_hides_no_service() {
    let silent = OtherServer::start(|_| Reply::Silence).await;
    let mut observed = None;
    for _ in 0..5 {
        let options = hosting_with("eureka", "config,meta");
        let options = options.variable("CASTALIA_EUREKA_SERVICE_URL", &silent.listed());
        let server = Server::start_with(options);
        let meta = Http::new(&server.config);
        let answers = [meta.get("/services/admin").await, meta.get("/services/config").await];
        if client(&server).get("/eureka/apps").await.status == 503 {
            assert_eq!(answers.map(|answer| answer.status), [503, 200]);
            observed = Some(server);
            break;
        }
    }
    let meta = Http::new(&observed.as_ref().expect("a node that is starting").config);
    eventually("an empty list", async || {
        let answer = meta.get("/services/admin").await;
        (answer.status == 200 && answer.json() == json!([])).then_some(())
    })
    .await;
}
