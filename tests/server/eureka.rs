//! The hosted Eureka: what clients, operators and strangers get. The rules of the registry are
//! tested beside it, in `server/eureka`.

mod addresses;
mod apollo_keys;
mod beside_the_table;
mod bounds;
mod cached_lists;
mod clock;
mod contradictions;
mod decisions;
mod hostile_peers;
mod hostile_server;
mod incomplete_list;
mod large_batches;
mod late_answers;
mod leaving;
mod migration;
mod other_server;
mod peer_list;
mod peer_problems;
mod peers;
mod registering;
mod removed_statuses;
mod secrets;
mod slow_callers;
mod slow_names;
mod starting;
mod strangers;
mod ten_thousand;
mod texts;
mod unreachable_node;
mod unusable_server;
mod warnings;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::raw;
use crate::support::server::{Options, Server};
use crate::support::session;

/// Arguments of a node that hosts Eureka for a user `eu`.
pub(super) fn hosting() -> Options {
    hosting_beside("eureka")
}

/// The same, with its own services in this registry.
fn hosting_beside(registry: &str) -> Options {
    hosting_with(registry, "config,meta,admin")
}

pub(super) fn hosting_with(registry: &str, roles: &str) -> Options {
    Options::new()
        .flag("--registry", registry)
        .flag("--eureka-host", "on")
        .flag("--eureka-username", "eu")
        .variable("CASTALIA_EUREKA_PASSWORD", "pw")
        .flag("--roles", roles)
}

/// Calls of a client with the right password, which asks for JSON.
pub(super) fn client(server: &Server) -> Http {
    Http::new(&server.config)
        .with("authorization", "Basic ZXU6cHc=")
        .with("accept", "application/json")
}

/// A port that is free now, for a node whose address others have to know before it starts.
pub(super) fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A metric without labels; 0 if it was never recorded.
pub(super) async fn metric(server: &Server, name: &str) -> f64 {
    let operator = format!("Bearer {}", server.metrics_token());
    let operator = Http::new(&server.config).with("authorization", &operator);
    let text = operator.get("/prometheus").await.ok().text;
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value).unwrap_or_default()
}

/// Waits until a node shows its list: it has copied those of its peers.
pub(super) async fn has_started(eureka: &Http) {
    eventually("the end of the start", async || {
        (eureka.get("/eureka/apps").await.status == 200).then_some(())
    })
    .await;
}

/// The list of config services of a node, which answers 503 until it has copied those of its peers.
pub(super) async fn config_services(server: &Server) -> String {
    let meta = Http::new(&server.config);
    eventually("the list of config services", async || {
        let answer = meta.get("/services/config").await;
        (answer.status != 503).then(|| answer.ok().text)
    })
    .await
}

/// Sends changes as a peer does, and returns their outcomes.
pub(super) async fn replicate(eureka: &Http, changes: &[Value]) -> Vec<Value> {
    let body = json!({ "replicationList": changes });
    let answer = eureka.post("/eureka/peerreplication/batch/", body).await.ok().json();
    answer["responseList"].as_array().unwrap().clone()
}

/// A registration as one of these changes.
pub(super) fn registration(app: &str, id: &str, dirty: i64) -> Value {
    let info = instance(app, id, dirty)["instance"].clone();
    json!({"appName": app, "id": id, "action": "Register", "instanceInfo": info})
}

/// A description of an instance.
pub(super) fn instance(app: &str, id: &str, dirty: i64) -> Value {
    json!({"instance": {
        "instanceId": id, "hostName": "10.0.0.21", "app": app, "ipAddr": "10.0.0.21",
        "status": "UP", "port": {"$": 8080, "@enabled": "true"},
        "securePort": {"$": 443, "@enabled": "false"},
        "dataCenterInfo": {
            "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn",
        },
        "leaseInfo": {"renewalIntervalInSecs": 30, "durationInSecs": 90},
        "metadata": {"management.port": "8080"},
        "homePageUrl": "http://10.0.0.21:8080/", "vipAddress": app.to_lowercase(),
        "lastDirtyTimestamp": dirty.to_string(),
    }})
}

pub(super) async fn register(eureka: &Http, app: &str, id: &str, dirty: i64) -> Answer {
    eureka.post(&format!("/eureka/apps/{app}"), instance(app, id, dirty)).await
}

/// Status and override of an instance.
async fn statuses(eureka: &Http, path: &str) -> (String, String) {
    let answer = eureka.get(path).await.ok().json();
    let text = |name: &str| answer["instance"][name].as_str().unwrap().to_owned();
    (text("status"), text("overriddenStatus"))
}

/// Cases 1, 2, 3 and 87: a node lists itself in both forms and under all spellings at once.
#[tokio::test]
async fn a_hosting_node_lists_its_own_services() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let all = eureka.get("/eureka/apps").await.ok();
    assert_eq!(all.header("content-type"), "application/json");
    let list = &all.json()["applications"];
    assert_eq!((&list["versions__delta"], &list["apps__hashcode"]), (&json!("1"), &json!("UP_2_")));
    let own = &list["application"][1]["instance"][0];
    assert_eq!(
        (&own["app"], &own["vipAddress"]),
        (&json!("APOLLO-CONFIGSERVICE"), &json!("apollo-configservice"))
    );
    assert_eq!(own["isCoordinatingDiscoveryServer"], "true");
    for path in ["/eureka/apps/", "/eureka/v2/apps", "/eureka/v2/apps/"] {
        // The first heartbeat may change the list between two requests.
        eventually(path, async || {
            let text = eureka.get("/eureka/apps").await.text;
            (eureka.get(path).await.text == text).then_some(())
        })
        .await;
    }
    let xml = Http::new(&server.config).with("authorization", "Basic ZXU6cHc=");
    let xml = xml.get("/eureka/apps").await.ok();
    assert_eq!(xml.header("content-type"), "application/xml");
    assert!(
        xml.text.starts_with("<applications>")
            && xml.text.contains("<app>APOLLO-ADMINSERVICE</app>")
    );
    let listed = Http::new(&server.config).get("/services/config").await.ok().json();
    assert_eq!(listed[0]["appName"], "APOLLO-CONFIGSERVICE");
    assert_eq!(listed[0]["homepageUrl"], format!("{}/", server.config));
}

/// Cases 4 to 6, 8 to 10, 20 to 22, 25 to 28 and 35.
#[tokio::test]
async fn an_instance_registers_renews_and_leaves() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let registered = register(&eureka, "demo", "h1:demo:8080", 1_700_000_000_000).await;
    assert_eq!((registered.status, &*registered.text), (204, ""));
    let path = "/eureka/apps/DEMO/h1:demo:8080";
    let one = eureka.get(path).await.ok();
    assert_eq!(one.json()["instance"]["lastDirtyTimestamp"], "1700000000000");
    assert_eq!(eureka.get("/eureka/apps/demo/h1%3Ademo%3A8080").await.text, one.text);
    let app = eureka.get("/eureka/apps/demo").await.ok().json();
    assert_eq!(app["application"]["instance"].as_array().unwrap().len(), 1);
    assert_eq!(eureka.get("/eureka/instances/h1:demo:8080").await.text, one.text);
    let vips = eureka.get("/eureka/vips/demo").await.ok().json();
    assert_eq!(vips["applications"]["versions__delta"], "-1");
    assert_eq!(
        eureka.get("/eureka/svips/none").await.ok().json()["applications"]["application"],
        json!([])
    );
    for path in ["/eureka/apps/NOPE", "/eureka/apps/NOPE/x", "/eureka/instances/x"] {
        let answer = eureka.get(path).await;
        assert_eq!((answer.status, answer.header("content-length")), (404, "0"), "{path}");
    }
    let renew = async |query: &str| {
        let renewed = eureka.put(&format!("{path}{query}"), json!({})).await;
        // Clients whose heartbeats have a body use their connection again.
        assert_eq!(renewed.header("connection"), "");
        renewed
    };
    for (query, status) in [
        ("", 200),
        ("?status=UP&lastDirtyTimestamp=1700000000000", 200),
        ("?lastDirtyTimestamp=1700000000001", 404),
        ("?lastDirtyTimestamp=1", 200),
        ("?lastDirtyTimestamp=abc", 400),
    ] {
        assert_eq!(renew(query).await.status, status, "{query}");
    }
    let peer = eureka.clone().with("x-netflix-discovery-replication", "true");
    let conflict = peer.put(&format!("{path}?lastDirtyTimestamp=1"), json!({})).await;
    assert_eq!((conflict.status, &conflict.json()["instance"]["app"]), (409, &json!("DEMO")));
    for (method, path, allowed) in [
        (reqwest::Method::POST, "/eureka/apps", "GET"),
        (reqwest::Method::PUT, "/eureka/apps/DEMO", "GET, POST"),
        (reqwest::Method::GET, "/eureka/peerreplication/batch", "POST"),
    ] {
        let answer = eureka.send(method, path, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
    }
    let compact = eureka.clone().with("x-eureka-accept", "COMPACT");
    let compact = compact.get("/eureka/apps/DEMO").await.ok();
    assert!(!compact.text.contains("metadata") && compact.text.contains("vipAddress"));
    assert_eq!(eureka.delete(path).await.status, 200);
    assert_eq!(eureka.delete(path).await.status, 404);
    let delta = eureka.get("/eureka/apps/delta").await.ok().json();
    let deleted = |app: &&Value| app["name"] == "DEMO";
    let apps = delta["applications"]["application"].as_array().unwrap();
    assert_eq!(apps.iter().find(deleted).unwrap()["instance"][0]["actionType"], "DELETED");
}

/// Case 16, without a length; and clients whose heartbeats have such a body use their connection
/// again.
#[tokio::test]
async fn bodies_in_chunks_keep_their_connection() {
    let server = Server::start_with(hosting());
    let host = raw::authority(&server.config);
    let request = |line: &str, body: &str| {
        let length = body.len();
        format!(
            "{line} HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic ZXU6cHc=\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
             {length:x}\r\n{body}\r\n0\r\n\r\n"
        )
    };
    let registration = instance("DEMO", "k", 5).to_string();
    let heartbeat = request("PUT /eureka/apps/DEMO/k?lastDirtyTimestamp=5", "{}");
    let mut stream = TcpStream::connect(host).await.unwrap();
    for (request, status) in [
        (request("POST /eureka/apps/DEMO", &registration), 204),
        (heartbeat.clone(), 200),
        (heartbeat, 200),
    ] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

/// Cases 37 to 39, 43 and 44.
#[tokio::test]
async fn an_operator_overrides_a_status() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    register(&eureka, "DEMO", "k", 5).await;
    let path = "/eureka/apps/DEMO/k";
    let put = async |query: &str| eureka.put(&format!("{path}{query}"), json!({})).await.status;
    assert_eq!(put("/status?value=OUT_OF_SERVICE").await, 200);
    let both = |status: &str, override_: &str| (status.to_owned(), override_.to_owned());
    assert_eq!(statuses(&eureka, path).await, both("OUT_OF_SERVICE", "OUT_OF_SERVICE"));
    for query in ["/status", "/status?value=down", "/status?value=BOGUS"] {
        assert_eq!(put(query).await, 400, "{query}");
    }
    assert_eq!(eureka.delete(&format!("{path}/status")).await.status, 200);
    assert_eq!(statuses(&eureka, path).await, both("UNKNOWN", "UNKNOWN"));
    assert_eq!(put("").await, 404);
    assert_eq!(register(&eureka, "DEMO", "k", 6).await.status, 204);
    assert_eq!(statuses(&eureka, path).await, both("UP", "UNKNOWN"));
    assert_eq!(put("/metadata?a=1&b=x%20y&a=2").await, 200);
    let metadata = &eureka.get(path).await.ok().json()["instance"]["metadata"];
    assert_eq!(*metadata, json!({"a": "1", "b": "x y", "management.port": "8080"}));
}

/// Cases 11, 12, 15 and 17.
#[tokio::test]
async fn a_registration_that_is_not_acceptable_stores_nothing() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let answer = eureka.post("/eureka/apps/OTHER", instance("DEMO", "a", 1)).await;
    assert!(answer.status == 400 && answer.text.contains("OTHER") && answer.text.contains("DEMO"));
    for body in [json!([]), json!({}), json!({"app": "DEMO"}), json!({"instance": {"app": "DEMO"}})]
    {
        assert_eq!(eureka.post("/eureka/apps/DEMO", body.clone()).await.status, 400, "{body}");
    }
    assert_eq!(eureka.get("/eureka/apps/DEMO").await.status, 404);
    let mut python = instance("DEMO", "a", 1);
    python["instance"]["overriddenstatus"] = json!("UNKNOWN");
    python["instance"]["secureHealthCheckUrl"] = json!("");
    assert_eq!(eureka.post("/eureka/apps/DEMO", python).await.status, 204);
}

/// Case 88: during a migration both kinds of nodes are found, each address once.
#[tokio::test]
async fn the_bridge_lists_the_table_and_eureka() {
    let server = Server::start_with(hosting_beside("database"));
    let eureka = client(&server);
    assert_eq!(register(&eureka, "APOLLO-ADMINSERVICE", "java", 1).await.status, 204);
    let mut own = instance("APOLLO-ADMINSERVICE", "own", 1);
    own["instance"]["homePageUrl"] = json!(format!("{}/", server.admin));
    assert_eq!(eureka.post("/eureka/apps/APOLLO-ADMINSERVICE", own).await.status, 204);
    let listed = Http::new(&server.config).get("/services/admin").await.ok().json();
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["homepageUrl"]).collect();
    assert_eq!(listed, [&json!(format!("{}/", server.admin)), &json!("http://10.0.0.21:8080/")]);
}

/// While most heartbeats are missing, no lease ends, but clients are not sent to a service whose
/// lease has ended.
#[tokio::test]
async fn self_preservation_keeps_no_dead_service_in_the_lists() {
    let options = hosting_with("eureka", "config,meta").flag("--eureka-self-preservation", "on");
    let server = Server::start_with(options);
    let (eureka, meta) = (client(&server), Http::new(&server.config));
    for number in 0..10 {
        let mut silent = instance("DEMO", &format!("i{number}"), 1);
        silent["instance"]["leaseInfo"] =
            json!({"renewalIntervalInSecs": 1, "durationInSecs": 900});
        assert_eq!(eureka.post("/eureka/apps/DEMO", silent).await.status, 204);
    }
    eventually("self-preservation", async || {
        (metric(&server, "castalia_eureka_preserving").await > 0.5).then_some(())
    })
    .await;
    let path = "/eureka/apps/APOLLO-ADMINSERVICE";
    let mut dead = instance("APOLLO-ADMINSERVICE", "dead", 1);
    dead["instance"]["leaseInfo"] = json!({"renewalIntervalInSecs": 1, "durationInSecs": 5});
    assert_eq!(eureka.post(path, dead).await.status, 204);
    eventually("a list without it", async || {
        (meta.get("/services/admin").await.ok().json() == json!([])).then_some(())
    })
    .await;
    assert_eq!(eureka.get(path).await.status, 200, "its lease was to be preserved");
}

/// Instead of a dashboard the portal has a list of the instances and of the peers, for super
/// administrators only and without the password of a peer.
#[tokio::test]
async fn administrators_see_instances_and_peers() {
    let options = hosting_with("eureka", "config,meta,admin,portal")
        .variable("CASTALIA_EUREKA_SERVICE_URL", "http://eu:hidden-word@127.0.0.1:1/eureka/");
    let server = Server::start_with(options);
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    let out = eureka.put("/eureka/apps/DEMO/k/status?value=OUT_OF_SERVICE", json!({})).await;
    assert_eq!(out.status, 200);
    let root = session::root(&server).await;
    let shown = eventually("a peer that does not answer", async || {
        let shown = root.get("/openapi/v1/eureka").await.ok();
        let peer = &shown.json()["peers"][0];
        // Nothing waits while a batch is on its way.
        let is_stuck = !peer["problem"].is_null() && peer["waiting"].as_i64() > Some(0);
        is_stuck.then_some(shown)
    })
    .await;
    assert!(!shown.text.contains("hidden-word"), "{}", shown.text);
    let shown = shown.json();
    assert_eq!((&shown["hosted"], &shown["total"]), (&json!(true), &json!(3)));
    assert_eq!(shown["peers"][0]["serviceUrl"], "http://127.0.0.1:1/eureka/");
    let instances = shown["instances"].as_array().unwrap();
    let demo = instances.iter().find(|one| one["app"] == "DEMO").unwrap();
    assert_eq!(
        (&demo["instanceId"], &demo["status"], &demo["overriddenStatus"], &demo["own"]),
        (&json!("k"), &json!("OUT_OF_SERVICE"), &json!("OUT_OF_SERVICE"), &json!(false))
    );
    assert!(demo["lastHeartbeatTime"].is_string());
    assert_eq!(instances.iter().filter(|one| one["own"] == true).count(), 2);
    let stranger = Http::new(&server.portal).get("/openapi/v1/eureka").await;
    assert_eq!(stranger.status, 401);
}
