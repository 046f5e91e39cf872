//! Nodes that register with a server of others.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::other_server::{OtherServer, Reply};
use super::{client, free_port, hosting, hosting_beside, instance};
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server, command, terminate_after};

/// A node that lives on the Eureka of another one.
fn guest(host: &Server) -> Server {
    guest_with("config,meta,admin", host)
}

fn guest_with(roles: &str, host: &Server) -> Server {
    Server::start_with(guest_of(roles, &url(host)))
}

pub(super) fn guest_of(roles: &str, servers: &str) -> Options {
    Options::new()
        .flag("--registry", "eureka")
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .flag("--roles", roles)
        .variable("CASTALIA_EUREKA_SERVICE_URL", servers)
}

/// Address of the Eureka of a node.
pub(super) fn url(host: &Server) -> String {
    host.config.replace("http://", "http://eu:pw@") + "/eureka/"
}

fn addresses(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["homepageUrl"].as_str().unwrap()).collect()
}

/// Cases 78, 80, 82 and 85: it is registered soon, comes back after the server lost it, lists what
/// the server has, and leaves before it ends.
#[tokio::test]
async fn a_node_registers_with_another_and_leaves() {
    let host = Server::start_with(hosting());
    let eureka = client(&host);
    let mut bad = instance("APOLLO-CONFIGSERVICE", "bad", 1);
    bad["instance"]["homePageUrl"] = json!("javascript:alert(1)");
    assert_eq!(eureka.post("/eureka/apps/APOLLO-CONFIGSERVICE", bad).await.status, 204);
    let mut down = instance("APOLLO-CONFIGSERVICE", "down", 1);
    down["instance"]["status"] = json!("DOWN");
    assert_eq!(eureka.post("/eureka/apps/APOLLO-CONFIGSERVICE", down).await.status, 204);
    let mut guest = guest(&host);
    let meta = Http::new(&guest.config);
    let own = format!("{}/", guest.config);
    let listed = meta.get("/services/config").await.ok().json();
    assert!(addresses(&listed).contains(&&*own), "{listed}");
    let at_host = async || {
        let app = eureka.get("/eureka/apps/APOLLO-CONFIGSERVICE").await.ok().json();
        let all = app["application"]["instance"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["homePageUrl"] == own)
    };
    let entry = eventually("the registration", at_host).await;
    assert_eq!(entry["statusPageUrl"], format!("{own}info"));
    let path =
        format!("/eureka/apps/APOLLO-CONFIGSERVICE/{}", entry["instanceId"].as_str().unwrap());
    assert_eq!(eureka.delete(&path).await.status, 200);
    eventually("the registration after it was lost", at_host).await;
    // The guest reads every 30 seconds: its first read found the entry of the host and two bad
    // ones.
    let of_host = format!("{}/", host.config);
    let mut expected = [&*own, &*of_host];
    expected.sort_unstable();
    eventually("both, and none of the bad ones", async || {
        let listed = meta.get("/services/config").await.ok().json();
        let mut found = addresses(&listed);
        found.sort_unstable();
        (found == expected).then_some(())
    })
    .await;
    assert!(guest.terminate().success());
    // Far before the end of its lease.
    eventually("its departure", async || at_host().await.is_none().then_some(())).await;
}

/// Cases 78 and 80: both services are listed before the first heartbeat, and what a server listed
/// remains after it is gone; the health page names it without being `DOWN`.
#[tokio::test]
async fn a_server_that_is_gone_empties_no_list() {
    let mut host = Server::start_with(hosting());
    let java = instance("APOLLO-ADMINSERVICE", "java", 1);
    assert_eq!(client(&host).post("/eureka/apps/APOLLO-ADMINSERVICE", java).await.status, 204);
    let guest = guest(&host);
    let meta = Http::new(&guest.config);
    let own = format!("{}/", guest.admin);
    assert!(has(&meta, &own).await);
    eventually("the list", async || has(&meta, JAVA).await.then_some(())).await;
    host.kill();
    let note = async || describes(&meta, "eureka: unreachable").await;
    eventually("a note about the server", note).await;
    assert!(has(&meta, &own).await && has(&meta, JAVA).await);
}

/// A server that has just started has an empty list, which is not the truth.
#[tokio::test]
async fn a_server_that_comes_back_empty_empties_no_list() {
    let port = free_port();
    // Its own services are not in its Eureka.
    let options = hosting_beside("database").flag("--config-port", &port.to_string());
    let mut host = Server::start_with(options.clone());
    let java = instance("APOLLO-ADMINSERVICE", "java", 1);
    assert_eq!(client(&host).post("/eureka/apps/APOLLO-ADMINSERVICE", java).await.status, 204);
    let guest = guest_with("meta", &host);
    let meta = Http::new(&guest.config);
    eventually("the list", async || has(&meta, JAVA).await.then_some(())).await;
    host.kill();
    let note = async || describes(&meta, "eureka: unreachable").await;
    eventually("a note about the server", note).await;
    let _host = Server::start_with(options);
    eventually("the end of the note", async || describes(&meta, "").await).await;
    // For more than the second between two reads.
    for _ in 0..75 {
        assert!(has(&meta, JAVA).await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// After its restart a server learns of the services one after the other: the heartbeat of one does
/// not mean that another is gone.
#[tokio::test]
async fn a_server_that_knows_one_service_again_hides_no_other() {
    let knows_all = Arc::new(AtomicBool::new(true));
    let shared = Arc::clone(&knows_all);
    let server = OtherServer::start(move |request| {
        let lists = |app: &str| {
            let known = instance(app, "java", 1)["instance"].clone();
            Reply::json(&json!({"application": {"name": app, "instance": [known]}}))
        };
        match request.line.contains("APOLLO-CONFIGSERVICE") {
            false => lists("APOLLO-ADMINSERVICE"),
            true if shared.load(Ordering::Relaxed) => lists("APOLLO-CONFIGSERVICE"),
            true => Reply::status(404),
        }
    })
    .await;
    let guest = Server::start_with(guest_of("meta", &server.listed()));
    let meta = Http::new(&guest.config);
    let is_listed = async || {
        let services = meta.get("/services/config").await.ok().json();
        addresses(&services).contains(&JAVA).then_some(())
    };
    eventually("the list", is_listed).await;
    knows_all.store(false, Ordering::Relaxed);
    let asked = server.asked("GET /eureka/apps/APOLLO-CONFIGSERVICE");
    eventually("two more reads", async || {
        assert!(is_listed().await.is_some(), "the service is hidden");
        // The result of a read is visible when the next one begins.
        (server.asked("GET /eureka/apps/APOLLO-CONFIGSERVICE") > asked + 2).then_some(())
    })
    .await;
    assert!(is_listed().await.is_some(), "the service is hidden");
}

/// Clients on this machine find a node that others cannot reach, and that therefore registers with
/// nobody.
#[tokio::test]
async fn a_node_on_loopback_lists_itself() {
    // A test network, in which nothing answers.
    let guest = Server::start_with(guest_of("config,meta,admin", "http://192.0.2.2:9/eureka/"));
    let meta = Http::new(&guest.config);
    for (service, address) in [("config", &guest.config), ("admin", &guest.admin)] {
        let listed = meta.get(&format!("/services/{service}")).await.ok().json();
        assert_eq!(addresses(&listed), [format!("{address}/")]);
    }
}

/// Address in the description of an instance.
pub(super) const JAVA: &str = "http://10.0.0.21:8080/";

/// Whether the meta role lists an admin service with this address.
pub(super) async fn has(meta: &Http, address: &str) -> bool {
    addresses(&meta.get("/services/admin").await.ok().json()).contains(&address)
}

/// Whether the health page is `UP` with this description.
pub(super) async fn describes(meta: &Http, expected: &str) -> Option<()> {
    let health = meta.get("/health").await.ok().json();
    (health["status"]["description"] == expected).then_some(())
}

/// Without another server in its settings a node would register with nobody.
#[tokio::test]
async fn a_start_without_a_server_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let arguments =
        ["serve", "--registry", "eureka", "--roles", "config,meta", "--config-port", "0"];
    let mut command = command(&arguments);
    command.arg("--data-dir").arg(directory.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("eureka.service.url"), "{text}");
    assert!(text.contains("eureka.host"), "{text}");
}

/// An address that answers 404 to everything has no Eureka: the next one is used, by a node that
/// registers and by one that only reads.
#[tokio::test]
async fn an_address_without_eureka_is_skipped() {
    let (host, other) = (Server::start_with(hosting()), Server::start());
    let servers = format!("{}/nowhere/eureka/,{}", other.config, url(&host));
    let (eureka, of_host) = (client(&host), format!("{}/", host.admin));
    for roles in ["config,meta", "meta"] {
        let guest = Server::start_with(guest_of(roles, &servers));
        let meta = Http::new(&guest.config);
        eventually(roles, async || has(&meta, &of_host).await.then_some(())).await;
        // The list may be read before the node has registered.
        eventually("the config service of the first node, and that of the host", async || {
            let app = eureka.get("/eureka/apps/APOLLO-CONFIGSERVICE").await.ok().json();
            (app["application"]["instance"].as_array()?.len() == 2).then_some(())
        })
        .await;
    }
}

/// Case 82, and the metadata of an operator: without its database the admin role is `DOWN` and not
/// listed, and the config role, which has its answers in memory, remains.
#[tokio::test]
async fn a_service_without_its_database_is_down() {
    let host = Server::start_with(hosting());
    let options = guest_of("config,meta,admin", &url(&host));
    let guest = Server::start_with(options.flag("--eureka-instance-metadata", "zone=a, line=2"));
    let (eureka, meta) = (client(&host), Http::new(&guest.config));
    let status = async |service: &str, home: &str| {
        let app = eureka.get(&format!("/eureka/apps/APOLLO-{service}SERVICE")).await.ok().json();
        let all = app["application"]["instance"].as_array().unwrap().clone();
        let own = all.into_iter().find(|one| one["homePageUrl"] == format!("{home}/"))?;
        assert_eq!(
            (&own["metadata"]["zone"], &own["metadata"]["line"]),
            (&json!("a"), &json!("2"))
        );
        Some(own["status"].as_str().unwrap().to_owned())
    };
    let is =
        async |expected: &str| (status("ADMIN", &guest.admin).await? == expected).then_some(());
    eventually("the registration", async || is("UP").await).await;
    let (file, kept) = (guest.data_dir().join("config.db"), guest.data_dir().join("kept"));
    std::fs::rename(&file, &kept).unwrap();
    eventually("a service that is down", async || is("DOWN").await).await;
    let own = format!("{}/", guest.admin);
    eventually("a list without it", async || (!has(&meta, &own).await).then_some(())).await;
    let readiness = Http::new(&guest.admin).get("/health/ready").await;
    assert!(readiness.status == 503 && readiness.text.contains("database"), "{readiness:?}");
    assert_eq!(meta.get("/health/ready").await.status, 200);
    assert_eq!(status("CONFIG", &guest.config).await.as_deref(), Some("UP"));
    std::fs::rename(&kept, &file).unwrap();
    eventually("the service", async || is("UP").await).await;
    eventually("a list with it", async || has(&meta, &own).await.then_some(())).await;
}

/// The same where the node hosts Eureka.
#[tokio::test]
async fn a_hosting_node_without_its_database_lists_no_admin_service() {
    // Later than anything here waits: a change of the status does not wait for a heartbeat.
    let options = hosting()
        .flag("--eureka-instance-lease-renewal-interval", "80")
        .flag("--eureka-instance-lease-duration", "240");
    let server = Server::start_with(options);
    let (meta, own) = (Http::new(&server.config), format!("{}/", server.admin));
    assert!(has(&meta, &own).await);
    let (file, kept) = (server.data_dir().join("config.db"), server.data_dir().join("kept"));
    std::fs::rename(&file, &kept).unwrap();
    eventually("a list without it", async || (!has(&meta, &own).await).then_some(())).await;
    std::fs::rename(&kept, &file).unwrap();
    eventually("a list with it", async || has(&meta, &own).await.then_some(())).await;
}

/// An operator learns that a node does not use the Eureka of the installation, or a part of it.
#[tokio::test]
async fn a_node_beside_eureka_logs_that_it_ignores_it() {
    let ignoring = "eureka.service.url names Eureka servers";
    let unusable = "are not of http or https";
    for (servers, expected) in [
        ("http://10.0.0.1:8080/eureka/", [1, 0]),
        ("http://localhost:8080/eureka/", [0, 0]),
        ("http://10.0.0.1:8080/eureka/,ftp://eu:s3cret@10.0.0.2/,http://h:port/", [1, 1]),
    ] {
        let row = format!(
            r#"UPDATE "ServerConfig" SET "Value" = '{servers}' WHERE "Key" = 'eureka.service.url'"#
        );
        let directory = tempfile::tempdir().unwrap();
        let options = Options::new().flag("--roles", "config,meta");
        assert!(Server::start_in(directory.path(), options).terminate().success());
        Database::file(directory.path(), "config.db").run(&[&row]).await;
        let arguments = ["--roles", "config,meta", "--config-port", "0", "--log-format", "json"];
        let mut again = command(&["serve"]);
        again.args(arguments).arg("--data-dir").arg(directory.path()).stdout(Stdio::piped());
        let printed = terminate_after(1, r#""listening""#, again.spawn().unwrap());
        let warnings = [ignoring, unusable].map(|warning| printed.matches(warning).count());
        assert_eq!(warnings, expected, "{printed}");
        assert!(!printed.contains("s3cret"), "{printed}");
        // All that are unusable.
        assert_eq!(printed.contains("[2, 3]"), expected[1] == 1, "{printed}");
    }
}
