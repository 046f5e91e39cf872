//! A node that listens on a loopback address, beside servers on other machines: these would send
//! their clients to themselves if they listed it.

use serde_json::{Value, json};

use super::other_server::{OtherServer, Reply};
use super::{client, free_port, hosting, instance, register};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Reaches this machine, although it is not one of its loopback addresses.
fn as_remote(url: &str) -> String {
    url.replace("127.0.0.1", "0.0.0.0")
}

/// The address of the node in its own list of config services.
async fn lists_itself(server: &Server) -> bool {
    let listed = Http::new(&server.config).get("/services/config").await.ok().json();
    let own = format!("{}/", server.config);
    listed.as_array().unwrap().iter().any(|one| one["homepageUrl"] == own)
}

/// Sets the servers by a row of ServerConfig.
async fn set_servers(server: &Server, urls: &str) {
    let row = json!({
        "key": "eureka.service.url", "cluster": "default", "value": urls,
        "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
    });
    Http::new(&server.admin).post("/server/config", row).await.ok();
}

/// Without the access control of the admin role, for the row, and with short leases.
fn changeable(options: Options) -> Options {
    options
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .flag("--eureka-instance-lease-duration", "5")
}

fn names_a_service(change: &Value) -> bool {
    change["appName"].as_str().is_some_and(|app| app.starts_with("APOLLO-"))
}

#[tokio::test]
async fn a_hosting_node_does_not_announce_it_to_other_machines() {
    let peer = OtherServer::start(Reply::accepted).await;
    let mut server = Server::start_with(changeable(hosting()));
    let eureka = client(&server);
    let apps = async || eureka.get("/eureka/apps").await.ok().text;
    assert!(apps().await.contains("APOLLO-CONFIGSERVICE"), "nobody else has the list");
    set_servers(&server, &as_remote(&peer.listed())).await;
    eventually("the withdrawal", async || (!apps().await.contains("APOLLO-")).then_some(())).await;
    assert!(lists_itself(&server).await, "its own clients are on this machine");
    set_servers(&server, "http://127.0.0.1:9/eureka/").await;
    eventually("the return", async || apps().await.contains("APOLLO-").then_some(())).await;
    // What the peer received before the node looked at the new row was taken back.
    let changes = peer.changes();
    let last = changes.iter().rev().find(|change| names_a_service(change));
    assert!(last.is_none_or(|change| change["action"] == "Cancel"), "{last:?}");
    let lines = server.printed_until_exit().concat();
    assert_eq!(lines.matches("servers on other machines mirror it").count(), 1, "{lines}");
}

/// Nor those of its clients that only this machine reaches; all others are mirrored.
#[tokio::test]
async fn a_hosting_node_does_not_pass_on_what_only_its_machine_reaches() {
    let peer = OtherServer::start(Reply::accepted).await;
    let options = hosting().variable("CASTALIA_EUREKA_SERVICE_URL", &as_remote(&peer.listed()));
    let server = Server::start_with(options);
    let eureka = client(&server);
    let app = "APOLLO-ADMINSERVICE";
    let mut local = instance(app, "local", 1);
    local["instance"]["homePageUrl"] = json!("http://127.0.0.1:8090/");
    assert_eq!(eureka.post(&format!("/eureka/apps/{app}"), local).await.status, 204);
    assert_eq!(eureka.put(&format!("/eureka/apps/{app}/local"), json!({})).await.status, 200);
    assert_eq!(register(&eureka, app, "elsewhere", 1).await.status, 204);
    eventually("the other one at the peer", async || {
        peer.changes().iter().any(|change| change["id"] == "elsewhere").then_some(())
    })
    .await;
    assert!(!peer.changes().iter().any(|change| change["id"] == "local"));
    let listed = Http::new(&server.config).get("/services/admin").await.ok().text;
    assert!(listed.contains("http://127.0.0.1:8090/"), "{listed}");
}

/// What an operator states is announced, and so is an address on which others can call.
#[tokio::test]
async fn a_stated_address_is_announced_to_other_machines() {
    let peer = OtherServer::start(Reply::accepted).await;
    let port = free_port();
    let stated = hosting()
        .flag("--config-port", &port.to_string())
        .flag("--advertise", &format!("http://127.0.0.1:{port}"));
    let bound = hosting().flag("--bind", "0.0.0.0");
    for options in [stated, bound] {
        let url = as_remote(&peer.listed());
        let _server = Server::start_with(options.variable("CASTALIA_EUREKA_SERVICE_URL", &url));
        let known = peer.changes().len();
        eventually("the registration", async || {
            peer.changes()[known..].iter().any(names_a_service).then_some(())
        })
        .await;
    }
}

/// As a client, it decides anew when the servers change.
#[tokio::test]
async fn a_node_registers_where_its_address_means_itself() {
    let list = || json!({"application": {"name": "APOLLO-CONFIGSERVICE", "instance": []}});
    let answer = move |line: &str| match line {
        line if line.starts_with("GET") => Reply::json(&list()),
        line if line.starts_with("POST") => Reply::status(204),
        line if line.starts_with("PUT") => Reply::status(404),
        _ => Reply::status(200),
    };
    let local = OtherServer::start(move |request| answer(&request.line)).await;
    let remote = OtherServer::start(move |request| answer(&request.line)).await;
    let options = Options::new().flag("--registry", "eureka").flag("--roles", "config,meta,admin");
    // The row of a new database names no server.
    let directory = tempfile::tempdir().unwrap();
    let first = changeable(Options::new()).flag("--roles", "config,meta,admin");
    let mut prepared = Server::start_in(directory.path(), first);
    set_servers(&prepared, &local.listed()).await;
    assert!(prepared.terminate().success());
    let mut server = Server::start_in(directory.path(), changeable(options));
    let registered = |at: &OtherServer| at.asked("POST /eureka/apps/APOLLO-CONFIGSERVICE");
    eventually("the registration here", async || (registered(&local) > 0).then_some(())).await;
    set_servers(&server, &as_remote(&remote.listed())).await;
    eventually("the departure here", async || {
        (local.asked("DELETE /eureka/apps/APOLLO-CONFIGSERVICE") > 0).then_some(())
    })
    .await;
    let read = remote.asked("GET");
    eventually("a read elsewhere", async || (remote.asked("GET") > read).then_some(())).await;
    assert_eq!(registered(&remote) + remote.asked("PUT"), 0, "it is not announced there");
    assert!(lists_itself(&server).await);
    let before = registered(&local);
    set_servers(&server, &local.listed()).await;
    eventually("the return", async || (registered(&local) > before).then_some(())).await;
    let lines = server.printed_until_exit().concat();
    assert_eq!(lines.matches("others cannot reach this node").count(), 1, "{lines}");
}
