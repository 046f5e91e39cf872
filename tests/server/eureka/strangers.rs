//! Callers without credentials, and what nobody may do.

use serde_json::{Value, json};

use super::other_server::{OtherServer, Reply};
use super::{client, hosting, instance, register, replicate};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::raw;
use crate::support::server::{Options, Server, command};

/// Cases 89 and 91: without credentials every path has the same answer, and where Eureka is not
/// hosted none exists.
#[tokio::test]
async fn a_stranger_learns_nothing() {
    let paths = [
        "/eureka",
        "/eureka/",
        "/eureka/apps",
        "/eureka/v2/apps",
        "/eureka/apps/",
        "/eureka//apps",
        "/eureka/apps/delta",
        "/eureka/apps/DEMO",
        "/eureka/apps/NOPE",
        "/eureka/apps/DEMO/k",
        "/eureka/apps/DEMO/k/status",
        "/eureka/apps/DEMO/k/metadata?a=1",
        "/eureka/instances/k",
        "/eureka/vips/demo",
        "/eureka/svips/demo",
        "/eureka/peerreplication/batch/",
        "/eureka/apps;x",
        "/eureka/%61pps",
        "/eureka/../eureka/apps",
        "/eureka/./apps",
        "/eureka/apps/%2e%2e/apps",
        "/EUREKA/apps",
        "/eureka./apps",
        "//eureka/apps",
        "/%65ureka/apps",
        "/x/../eureka/apps",
        "/eureka;x/apps",
        "/eureka/v2/v2/apps",
    ];
    let server = Server::start_with(hosting());
    register(&client(&server), "DEMO", "k", 1).await;
    let off = Server::start();
    let identity =
        [("discoveryidentity-name", "DefaultServer"), ("x-netflix-discovery-replication", "true")];
    for path in paths {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let request = raw::request(method, path, &server.config, &identity);
            let answer = raw::send(&server.config, &request).await.unwrap();
            assert!(matches!(answer.status, 401 | 404 | 400), "{method} {path}: {answer:?}");
            assert!(!answer.text.contains("DEMO"), "{method} {path}: {answer:?}");
        }
        let answer = raw::get(&off.config, path, &[]).await;
        assert!(matches!(answer.status, 400 | 404), "off: {path}: {answer:?}");
    }
    let known = raw::get(&server.config, "/eureka/apps/DEMO/k", &[]).await;
    let unknown = raw::get(&server.config, "/eureka/apps/NOPE/x", &[]).await;
    assert_eq!((known.status, &known.text), (401, &unknown.text));
    assert_eq!(known.header("www-authenticate"), "Basic realm=\"castalia\"");
}

/// Case 94: no header but `Authorization` grants anything.
#[tokio::test]
async fn headers_grant_nothing() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 1).await.status, 204);
    let node = eureka.post("/eureka/peerreplication/batch", json!({"replicationList": []})).await;
    let node = node.header("x-castalia-node").to_owned();
    assert!(!node.is_empty(), "the node names itself to peers");
    let headers = [
        ("discoveryidentity-name", "DefaultServer"),
        ("discoveryidentity-version", "1.0"),
        ("discoveryidentity-id", "127.0.0.1"),
        ("x-netflix-discovery-replication", "true"),
        ("x-castalia-node", &node),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-user", "eu"),
        ("x-real-ip", "127.0.0.1"),
        ("x-client-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;by=127.0.0.1"),
        ("x-remote-user", "eu"),
        ("remote-user", "eu"),
        ("x-original-url", "/services/config"),
        ("x-rewrite-url", "/services/config"),
        ("x-http-method-override", "GET"),
        ("x-apollo-token", "pw"),
        ("proxy-authorization", "Basic ZXU6cHc="),
        ("x-authorization", "Basic ZXU6cHc="),
        ("cookie", "authorization=Basic ZXU6cHc=; SESSION=eu"),
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://localhost"),
        ("via", "1.1 localhost"),
    ];
    let calls = [
        ("GET", "/eureka/apps"),
        ("GET", "/eureka/apps/DEMO/k"),
        ("POST", "/eureka/apps/DEMO"),
        ("PUT", "/eureka/apps/DEMO/k"),
        ("PUT", "/eureka/apps/DEMO/k/status?value=DOWN"),
        ("DELETE", "/eureka/apps/DEMO/k/status"),
        ("PUT", "/eureka/apps/DEMO/k/metadata?a=1"),
        ("DELETE", "/eureka/apps/DEMO/k"),
        ("POST", "/eureka/peerreplication/batch/"),
    ];
    for (method, path) in calls {
        // Each header alone, and all at once.
        for sent in headers.chunks(1).chain([&headers[..]]) {
            let request = raw::request(method, path, &server.config, sent);
            let answer = raw::send(&server.config, &request).await.unwrap();
            assert_eq!(answer.status, 401, "{method} {path} with {sent:?}: {answer:?}");
        }
        for value in ["Basic", "Bearer ZXU6cHc=", "eu:pw", "Basic !"] {
            let request = raw::request(method, path, &server.config, &[("authorization", value)]);
            let answer = raw::send(&server.config, &request).await.unwrap();
            assert_eq!(answer.status, 401, "{method} {path} {value}: {answer:?}");
        }
    }
}

/// Case 97: an id of this node is reserved also while somebody has removed its entry, and the entry
/// comes back.
#[tokio::test]
async fn the_id_of_a_removed_service_of_this_node_is_still_reserved() {
    let options = hosting().flag("--eureka-instance-lease-renewal-interval", "2");
    let server = Server::start_with(options);
    let eureka = client(&server);
    let app = "APOLLO-CONFIGSERVICE";
    let own = eureka.get(&format!("/eureka/apps/{app}")).await.ok().json();
    let own = own["application"]["instance"][0]["instanceId"].as_str().unwrap().to_owned();
    let path = format!("/eureka/apps/{app}/{own}");
    assert_eq!(eureka.delete(&path).await.status, 200);
    let mut forged = instance(app, &own, i64::MAX);
    forged["instance"]["status"] = json!("DOWN");
    assert_eq!(eureka.post(&format!("/eureka/apps/{app}"), forged.clone()).await.status, 409);
    let item = json!({"appName": app, "id": own, "action": "Register", "instanceInfo": forged["instance"]});
    assert_eq!(replicate(&eureka, &[item]).await, [json!({"statusCode": 409})]);
    let address = format!("{}/", server.config);
    eventually("the own entry", async || {
        let answer = eureka.get(&path).await;
        (answer.status == 200 && answer.json()["instance"]["homePageUrl"] == address).then_some(())
    })
    .await;
    let listed = Http::new(&server.config).get("/services/config").await.ok().json();
    assert_eq!(listed[0]["homepageUrl"], address);
}

/// Nodes that share a database recognise each other in Eureka by a proof, since the requests that
/// they send each other contain a secret: whoever only claims to be a node is not called.
#[tokio::test]
async fn a_stranger_that_claims_to_be_a_node_receives_no_secret() {
    let claiming = OtherServer::start(|_| Reply::status(200)).await;
    let open = ("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(hosting().variable(open.0, open.1));
    let eureka = client(&server);
    let own = eureka.get("/eureka/apps/APOLLO-CONFIGSERVICE").await.ok().json();
    let proof = own["application"]["instance"][0]["metadata"]["castalia"].clone();
    assert_eq!(proof.as_str().unwrap().len(), 64);
    for (id, claim) in [("a", json!("1")), ("b", proof)] {
        let mut stranger = instance("APOLLO-CONFIGSERVICE", id, 1);
        stranger["instance"]["homePageUrl"] = json!(format!("{}/internal?x=", claiming.url));
        stranger["instance"]["metadata"] = json!({ "castalia": claim });
        assert_eq!(eureka.post("/eureka/apps/APOLLO-CONFIGSERVICE", stranger).await.status, 204);
    }
    let app = App::create(&Http::new(&server.admin), "demo").await;
    for value in ["1", "2"] {
        app.publish(value).await;
    }
    // A nudge is sent at once.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(claiming.requests().len(), 0, "{:?}", claiming.requests());
}

/// Clients find the services of a node also right after somebody has removed them.
#[tokio::test]
async fn a_removed_service_of_this_node_is_back_at_once() {
    // Its next heartbeat is later than anything here waits.
    let options = hosting()
        .flag("--eureka-instance-lease-renewal-interval", "300")
        .flag("--eureka-instance-lease-duration", "900");
    let server = Server::start_with(options);
    let (eureka, meta) = (client(&server), Http::new(&server.config));
    for (service, address) in [("config", &server.config), ("admin", &server.admin)] {
        let app = format!("/eureka/apps/APOLLO-{}SERVICE", service.to_ascii_uppercase());
        let own = eureka.get(&app).await.ok().json();
        let id = own["application"]["instance"][0]["instanceId"].as_str().unwrap().to_owned();
        assert_eq!(eureka.delete(&format!("{app}/{id}")).await.status, 200);
        let listed = meta.get(&format!("/services/{service}")).await.ok().json();
        assert_eq!(listed[0]["homepageUrl"], format!("{address}/"), "{listed}");
    }
}

/// Behind a proxy in the settings, wrong passwords lock out the address that sent them.
#[tokio::test]
async fn a_stranger_behind_a_proxy_locks_out_nobody_else() {
    let options = hosting().flag("--security-trusted-proxies", "127.0.0.1");
    let server = Server::start_with(options);
    let from = |address: &str, credentials: &str| {
        let proxy = Http::new(&server.config).with("x-forwarded-for", address);
        proxy.with("authorization", &format!("Basic {credentials}"))
    };
    for _ in 0..10 {
        let wrong = from("192.0.2.66", "ZXU6d3Jvbmc=").get("/eureka/apps").await;
        assert_eq!(wrong.status, 401);
    }
    let right = "ZXU6cHc=";
    assert_eq!(from("192.0.2.66", right).get("/eureka/apps").await.status, 429);
    assert_eq!(from("192.0.2.5", right).get("/eureka/apps").await.status, 200);
    // Some proxies write the port.
    for _ in 0..10 {
        let wrong = from("[2001:db8::66]:1234", "ZXU6d3Jvbmc=").get("/eureka/apps").await;
        assert_eq!(wrong.status, 401);
    }
    assert_eq!(from("[2001:db8::66]:1235", right).get("/eureka/apps").await.status, 429);
    assert_eq!(from("192.0.2.5:443", right).get("/eureka/apps").await.status, 200);
}

/// Cases 92 and 93.
#[tokio::test]
async fn wrong_passwords_are_limited() {
    let server = Server::start_with(hosting());
    let wrong = Http::new(&server.config).with("authorization", "Basic ZXU6d3Jvbmc=");
    for _ in 0..10 {
        assert_eq!(wrong.get("/eureka/apps").await.status, 401);
    }
    assert_eq!(wrong.get("/eureka/apps").await.status, 429);
    assert_eq!(wrong.get("/services/config").await.status, 200);
}

/// Cases 90 and 95.
#[tokio::test]
async fn hosting_for_others_requires_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(&["serve", "--bind", "0.0.0.0", "--eureka-host", "on", "--data-dir"]);
    let output = command.arg(directory.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("eureka-username"), "{text}");
    // Nobody else can reach a loopback address.
    let server = Server::start_with(Options::new().flag("--eureka-host", "on"));
    Http::new(&server.config).get("/eureka/apps").await.ok();
}

/// Cases 53, 96, 97, 98 and 100, as seen from outside.
#[tokio::test]
async fn what_exceeds_a_bound_is_refused() {
    let server = Server::start_with(hosting().flag("--eureka-apps", "apollo-configservice,demo"));
    let eureka = client(&server);
    assert_eq!(register(&eureka, "OTHER", "a", 1).await.status, 403);
    let own = eureka.get("/eureka/apps/APOLLO-CONFIGSERVICE").await.ok().json();
    let own = own["application"]["instance"][0]["instanceId"].as_str().unwrap().to_owned();
    assert_eq!(register(&eureka, "APOLLO-CONFIGSERVICE", &own, i64::MAX).await.status, 409);
    let item = json!({"appName": "APOLLO-CONFIGSERVICE", "id": own, "action": "Register",
        "instanceInfo": instance("APOLLO-CONFIGSERVICE", &own, i64::MAX)["instance"]});
    let batch = async |body: Value| eureka.post("/eureka/peerreplication/batch/", body).await;
    let answer = batch(json!({"replicationList": [item]})).await.ok().json();
    assert_eq!(answer, json!({"responseList": [{"statusCode": 409}]}));
    let mut large = instance("DEMO", "a", 1);
    large["instance"]["unknown"] = json!("x".repeat(64 * 1024));
    assert_eq!(eureka.post("/eureka/apps/DEMO", large).await.status, 413);
    let items = vec![json!({"appName": "DEMO", "id": "a", "action": "Cancel"}); 1001];
    assert_eq!(batch(json!({"replicationList": items})).await.status, 413);
    assert_eq!(batch(json!({})).await.status, 400);
    assert_eq!(
        batch(json!({"replicationList": []})).await.ok().json(),
        json!({"responseList": []})
    );
    let mut request = raw::request(
        "POST",
        "/eureka/apps/DEMO",
        &server.config,
        &[
            ("authorization", "Basic ZXU6cHc="),
            ("content-type", "application/xml"),
            ("content-length", "36"),
        ],
    );
    request.extend_from_slice(b"<!DOCTYPE x [<!ENTITY a \"b\">]><x></x>");
    assert_eq!(raw::send(&server.config, &request).await.unwrap().status, 400);
}

/// A page that somebody opens can send requests to this machine, and with a password that the
/// browser remembers.
#[tokio::test]
async fn pages_in_a_browser_change_nothing() {
    let server = Server::start_with(hosting());
    let page = client(&server).with("origin", "http://evil.example");
    let registered = register(&page, "DEMO", "k", 5).await;
    assert_eq!(registered.status, 403);
    assert!(registered.text.contains("pages in a browser"), "{}", registered.text);
    let batch = json!({"replicationList": []});
    assert_eq!(page.post("/eureka/peerreplication/batch/", batch).await.status, 403);
    assert_eq!(register(&client(&server), "DEMO", "k", 5).await.status, 204);
    assert_eq!(page.delete("/eureka/apps/DEMO/k").await.status, 403);
    assert_eq!(page.get("/eureka/apps/DEMO/k").await.status, 200);
}
