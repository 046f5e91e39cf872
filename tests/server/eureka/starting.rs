//! What a node knows that has just started, beside others that know more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::hostile_peers::node;
use super::other_server::{OtherServer, Reply};
use super::peers::{has, listed, member};
use super::{
    client, config_services, free_port, hosting, instance, register, registration, replicate,
};
use crate::support::eventually::eventually;
use crate::support::server::Server;

/// Instances that a node renews while its peer is away.
const INSTANCES: usize = 300;

/// Status and override of each instance of an app in a list.
fn statuses(list: &Value) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let instances = list["instance"].as_array().unwrap().iter();
    let statuses = instances.map(|one| {
        (text(&one["instanceId"]), (text(&one["status"]), text(&one["overriddenStatus"])))
    });
    statuses.collect()
}

/// Case 61: the first list that a restarted node shows is complete, with statuses and overrides;
/// the other node meanwhile queues no more than it may, and does not flood its log.
#[tokio::test]
async fn a_node_that_was_away_has_everything_before_it_shows_anything() {
    let ports = [free_port(), free_port()];
    let began = Instant::now();
    let mut first = Server::start_with(member(ports[0], &listed(ports)));
    let eureka = client(&first);
    let ids: Vec<_> = (0..INSTANCES).map(|number| format!("i{number}")).collect();
    for part in ids.chunks(100) {
        let mut changes: Vec<_> = part.iter().map(|id| registration("DEMO", id, 5)).collect();
        changes[0]["instanceInfo"]["status"] = json!("DOWN");
        assert!(replicate(&eureka, &changes).await.iter().all(|one| one["statusCode"] == 200));
    }
    for id in ids.iter().step_by(30).skip(1) {
        let path = format!("/eureka/apps/DEMO/{id}/status?value=OUT_OF_SERVICE");
        assert_eq!(eureka.put(&path, json!({})).await.status, 200);
    }
    for id in &ids {
        let path = format!("/eureka/apps/DEMO/{id}?lastDirtyTimestamp=5");
        assert_eq!(eureka.put(&path, json!({})).await.status, 200);
    }
    assert!(super::metric(&first, "castalia_eureka_replication_queue").await <= 10_000.0);
    let expected = eureka.get("/eureka/apps/DEMO").await.ok().json();
    let expected = statuses(&expected["application"]);
    assert_eq!(expected.len(), INSTANCES);
    let second = Server::start_with(member(ports[1], &listed(ports)));
    let second = client(&second);
    let shown = eventually("a list", async || {
        let answer = second.get("/eureka/apps").await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    let apps = shown["applications"]["application"].as_array().unwrap();
    let demo = apps.iter().find(|app| app["name"] == "DEMO").expect("the app is in the list");
    assert_eq!(statuses(demo), expected);
    let allowed = began.elapsed().as_secs() / 10 + 1;
    let lines = first.printed_until_exit();
    let reports = lines.iter().filter(|line| line.contains("cannot send changes to a peer"));
    let reports = u64::try_from(reports.count()).unwrap();
    assert!(reports <= allowed, "{reports} lines, {allowed} allowed");
}

/// An operator's decision survives the restart of each node in turn, and can then be undone.
#[tokio::test]
async fn an_override_survives_the_restart_of_each_node() {
    let ports = [free_port(), free_port()];
    let start = |number: usize| Server::start_with(member(ports[number], &listed(ports)));
    let (mut first, mut second) = (start(0), start(1));
    let path = "/eureka/apps/DEMO/k";
    let is_out = |one: &Value| {
        one["status"] == "OUT_OF_SERVICE" && one["overriddenStatus"] == "OUT_OF_SERVICE"
    };
    assert_eq!(register(&client(&first), "DEMO", "k", 5).await.status, 204);
    let out = format!("{path}/status?value=OUT_OF_SERVICE");
    assert_eq!(client(&first).put(&out, json!({})).await.status, 200);
    eventually("the override at the second", async || has(&client(&second), path, is_out).await)
        .await;
    second.kill();
    second = start(1);
    eventually("the override after a restart", async || has(&client(&second), path, is_out).await)
        .await;
    first.kill();
    first = start(0);
    eventually("the override after the other restart", async || {
        has(&client(&first), path, is_out).await
    })
    .await;
    // The instance does not know of it.
    assert_eq!(register(&client(&first), "DEMO", "k", 9).await.status, 204);
    assert!(has(&client(&first), path, is_out).await.is_some());
    let is_newer = |one: &Value| one["lastDirtyTimestamp"] == "9" && is_out(one);
    eventually("the newer description", async || has(&client(&second), path, is_newer).await).await;
    let undo = client(&second).delete(&format!("{path}/status?value=UP")).await;
    assert_eq!(undo.status, 200);
    let is_up = |one: &Value| one["status"] == "UP" && one["overriddenStatus"] == "UNKNOWN";
    for server in [&first, &second] {
        eventually("the end of the override", async || has(&client(server), path, is_up).await)
            .await;
    }
    assert_eq!(register(&client(&second), "DEMO", "k", 10).await.status, 204);
    let is_up_again = |one: &Value| one["lastDirtyTimestamp"] == "10" && is_up(one);
    eventually("no override left", async || has(&client(&first), path, is_up_again).await).await;
}

/// A node that was taken out of service and crashed is still out of service, for itself as well.
#[tokio::test]
async fn an_override_of_a_node_survives_its_crash() {
    let ports = [free_port(), free_port()];
    let start = |number: usize| Server::start_with(member(ports[number], &listed(ports)));
    let (mut first, second) = (start(0), start(1));
    let app = "/eureka/apps/APOLLO-CONFIGSERVICE";
    let address = format!("{}/", first.config);
    let id = eventually("the first at the second", async || {
        let list = client(&second).get(app).await;
        let list = (list.status == 200).then(|| list.json())?;
        let all = list["application"]["instance"].as_array().unwrap().clone();
        let own = all.into_iter().find(|one| one["homePageUrl"] == address)?;
        Some(own["instanceId"].as_str().unwrap().to_owned())
    })
    .await;
    let path = format!("{app}/{id}");
    let out = format!("{path}/status?value=OUT_OF_SERVICE");
    assert_eq!(client(&second).put(&out, json!({})).await.status, 200);
    let is_out = |one: &Value| {
        one["status"] == "OUT_OF_SERVICE" && one["overriddenStatus"] == "OUT_OF_SERVICE"
    };
    eventually("the override", async || has(&client(&first), &path, is_out).await).await;
    first.kill();
    let first = start(0);
    eventually("the override after the crash", async || has(&client(&first), &path, is_out).await)
        .await;
    let services = config_services(&first).await;
    assert!(!services.contains(&address), "{services}");
    assert!(has(&client(&second), &path, is_out).await.is_some());
}

/// The list of a peer that starts as well is not the truth: the next peer is asked.
#[tokio::test]
async fn an_incomplete_list_is_not_taken_for_the_whole() {
    let none = json!({"applications": {"application": []}}).to_string().into_bytes();
    let starting = move |_: &_| {
        Reply::Answer(
            200,
            "content-type: application/json\r\nretry-after: 2\r\n".to_owned(),
            none.clone(),
        )
    };
    let starting = OtherServer::start(starting).await;
    let complete = Server::start_with(hosting());
    assert_eq!(register(&client(&complete), "DEMO", "k", 1).await.status, 204);
    let url = complete.config.replace("http://", "http://eu:pw@") + "/eureka/";
    let server = node(&[starting.listed(), url]);
    eventually("the copy", async || has(&client(&server), "/eureka/apps/DEMO/k", |_| true).await)
        .await;
}

/// Together they would take the ten seconds that a node waits for a list.
#[tokio::test]
async fn peers_that_do_not_answer_delay_no_copy() {
    let silent = OtherServer::start(|_| Reply::Silence).await;
    let complete = Server::start_with(hosting());
    assert_eq!(register(&client(&complete), "DEMO", "k", 1).await.status, 204);
    let mut peers: Vec<_> = (0..6).map(|number| format!("{}{number}/", silent.listed())).collect();
    peers.push(complete.config.replace("http://", "http://eu:pw@") + "/eureka/");
    let server = node(&peers);
    eventually("the copy", async || has(&client(&server), "/eureka/apps/DEMO/k", |_| true).await)
        .await;
}

/// An operator learns what was copied, and why a list was not.
#[tokio::test]
async fn the_copy_of_a_list_is_reported_as_it_is() {
    let page = |_: &_| Reply::Answer(200, "content-type: text/html\r\n".into(), b"<p>".into());
    let page = OtherServer::start(page).await;
    let of = |app: &str, id: &str| instance(app, id, 5)["instance"].clone();
    let list = json!({"applications": {"application": [
        {"name": "DEMO", "instance": [of("DEMO", "a"), of("DEMO", "b")]},
        {"name": "OTHER", "instance": [of("OTHER", "a")]},
    ]}});
    let partly = OtherServer::start(move |request| match request.line.starts_with("GET") {
        true => Reply::json(&list),
        false => Reply::accepted(request),
    })
    .await;
    let start = |peer: &OtherServer| {
        let apps = "demo,apollo-configservice,apollo-adminservice";
        let options = hosting().flag("--eureka-apps", apps);
        Server::start_with(options.variable("CASTALIA_EUREKA_SERVICE_URL", &peer.listed()))
    };
    let (mut beside_page, mut server) = (start(&page), start(&partly));
    let eureka = client(&server);
    eventually("the copy", async || has(&eureka, "/eureka/apps/DEMO/b", |_| true).await).await;
    eventually("the page", async || (page.asked("GET /eureka/apps/") > 1).then_some(())).await;
    let lines = [server.printed_until_exit(), beside_page.printed_until_exit()].concat();
    let lines: Vec<Value> =
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let about = |peer: &OtherServer, message: &str| {
        let of_peer = |line: &&Value| {
            line["service_url"] == format!("{}/eureka/", peer.url) && line["message"] == message
        };
        lines.iter().find(of_peer).cloned().unwrap_or_else(|| panic!("{message}: {lines:?}"))
    };
    about(&page, "cannot copy the list of a peer of Eureka");
    let copied = about(&partly, "copied the list of a peer of Eureka");
    assert_eq!((&copied["instances"], &copied["refused"]), (&json!(2), &json!(1)));
}

/// An instance that left while the list of a peer was on its way does not come back with it.
#[tokio::test]
async fn a_copy_does_not_bring_back_what_has_left() {
    let (allow, allowed) = watch::channel(false);
    let of = |id: &str| instance("DEMO", id, 5)["instance"].clone();
    let list = json!({"applications": {"application": [
        {"name": "DEMO", "instance": [of("a-left"), of("known"), of("stays")]},
    ]}});
    let peer = OtherServer::start(move |request| match request.line.starts_with("GET") {
        true => Reply::Later(allowed.clone(), Box::new(Reply::json(&list))),
        false => Reply::accepted(request),
    })
    .await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    eventually("a request for the list", async || {
        (peer.asked("GET /eureka/apps/") > 0).then_some(())
    })
    .await;
    let path = "/eureka/apps/DEMO/a-left";
    assert_eq!(eureka.put(path, json!({})).await.status, 404);
    assert_eq!(register(&eureka, "DEMO", "a-left", 9).await.status, 204);
    assert_eq!(register(&eureka, "DEMO", "known", 9).await.status, 204);
    assert_eq!(eureka.delete(path).await.status, 200);
    allow.send_replace(true);
    eventually("the copy", || has(&eureka, "/eureka/apps/DEMO/stays", |_| true)).await;
    assert_eq!(eureka.get(path).await.status, 404);
    // What registered meanwhile is newer than the copy.
    let is_newer = |one: &Value| one["lastDirtyTimestamp"] == "9";
    assert!(has(&eureka, "/eureka/apps/DEMO/known", is_newer).await.is_some());
}

/// A list in the form of a server in Java.
fn list_of(instances: &[Value]) -> Value {
    let of = |app: &str| {
        let of_app = |one: &&Value| one["app"] == app;
        let found: Vec<_> = instances.iter().filter(of_app).collect();
        json!({"name": app, "instance": found})
    };
    json!({"applications": {"application": [of("DEMO"), of("APOLLO-ADMINSERVICE")]}})
}

fn described(app: &str, id: &str) -> Value {
    instance(app, id, 5)["instance"].clone()
}

/// The list of a peer is older than the changes that peers send while it is on its way.
#[tokio::test]
async fn what_peers_decide_during_a_copy_holds_after_it() {
    let (allow, allowed) = watch::channel(false);
    let mut back = described("DEMO", "back");
    (back["status"], back["overriddenStatus"]) = (json!("OUT_OF_SERVICE"), json!("OUT_OF_SERVICE"));
    let of = |id: &str| described("DEMO", id);
    let list = list_of(&[of("left"), of("out"), back, of("again"), of("stays")]);
    let peer = OtherServer::start(move |request| match request.line.starts_with("GET") {
        true => Reply::Later(allowed.clone(), Box::new(Reply::json(&list))),
        false => Reply::accepted(request),
    })
    .await;
    let server = node(&[peer.listed()]);
    let eureka = client(&server);
    eventually("a request for the list", async || {
        (peer.asked("GET /eureka/apps/") > 0).then_some(())
    })
    .await;
    let change = |id: &str, action: &str, status: Option<&str>| {
        json!({
            "appName": "DEMO", "id": id, "action": action, "status": status,
            "lastDirtyTimestamp": 5,
        })
    };
    let changes = [
        change("left", "Cancel", None),
        change("out", "StatusUpdate", Some("OUT_OF_SERVICE")),
        change("back", "DeleteStatusOverride", Some("UP")),
        change("again", "Cancel", None),
        registration("DEMO", "again", 9),
    ];
    let statuses: Vec<_> = replicate(&eureka, &changes).await;
    let statuses: Vec<_> = statuses.iter().map(|one| one["statusCode"].clone()).collect();
    assert_eq!(json!(statuses), json!([404, 404, 404, 404, 200]));
    // Who asked this node itself knows that there was no such instance.
    let path = "/eureka/apps/DEMO/stays";
    assert_eq!(eureka.delete(path).await.status, 404);
    allow.send_replace(true);
    eventually("the copy", || has(&eureka, path, |_| true)).await;
    assert_eq!(eureka.get("/eureka/apps/DEMO/left").await.status, 404);
    let of = async |id: &str| super::statuses(&eureka, &format!("/eureka/apps/DEMO/{id}")).await;
    assert_eq!(of("out").await, ("OUT_OF_SERVICE".into(), "OUT_OF_SERVICE".into()));
    assert_eq!(of("back").await, ("UP".into(), "UNKNOWN".into()));
    assert_eq!(of("again").await, ("UP".into(), "UNKNOWN".into()));
}

/// The lists of others do not run out of time meanwhile.
#[tokio::test]
async fn the_check_of_one_list_costs_no_other_list() {
    let list = list_of(&[described("APOLLO-ADMINSERVICE", "a")]);
    let slow = OtherServer::start(move |request| match &*request.line {
        line if line.starts_with("GET /eureka/apps/ ") => Reply::json(&list),
        line if line.starts_with("GET") => Reply::Silence,
        _ => Reply::accepted(request),
    })
    .await;
    let (allow, allowed) = watch::channel(false);
    let list = list_of(&[described("DEMO", "k")]);
    let other = OtherServer::start(move |request| match request.line.starts_with("GET") {
        true => Reply::Later(allowed.clone(), Box::new(Reply::json(&list))),
        false => Reply::accepted(request),
    })
    .await;
    let server = node(&[slow.listed(), other.listed()]);
    eventually("a request for each list", async || {
        let asked = [&slow, &other].map(|peer| peer.asked("GET /eureka/apps/ ") > 0);
        (asked == [true, true]).then_some(())
    })
    .await;
    allow.send_replace(true);
    for path in ["/eureka/apps/DEMO/k", "/eureka/apps/APOLLO-ADMINSERVICE/a"] {
        eventually("the copy", async || has(&client(&server), path, |_| true).await).await;
    }
}

/// Servers that start together know nobody; who knows everything may have failed once.
#[tokio::test]
async fn an_empty_list_ends_no_copy_while_a_peer_fails() {
    let reply = |list: Value| {
        move |request: &super::other_server::Request| match request.line.starts_with("GET") {
            true => Reply::json(&list),
            false => Reply::accepted(request),
        }
    };
    let empty = OtherServer::start(reply(list_of(&[]))).await;
    let (full, is_first) = (reply(list_of(&[described("DEMO", "k")])), AtomicBool::new(true));
    let is_first = Arc::new(is_first);
    let failing = OtherServer::start(move |request| {
        let fails = request.line.starts_with("GET") && is_first.swap(false, Ordering::SeqCst);
        if fails { Reply::status(503) } else { full(request) }
    })
    .await;
    let server = node(&[empty.listed(), failing.listed()]);
    let path = "/eureka/apps/DEMO/k";
    eventually("the copy", async || has(&client(&server), path, |_| true).await).await;
}
