//! Lists that are older than the answer, as servers in Java have them, or that arrive late: nobody
//! is lost by them, and nobody comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use serde_json::{Value, json};

use super::decisions::is_up;
use super::hostile_peers::node;
use super::other_server::{OtherServer, Reply, Request};
use super::peers::has;
use super::{client, has_started, hosting_with, instance, replicate, statuses};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

const ADMIN: &str = "APOLLO-ADMINSERVICE";
/// Nodes of which one has to be in time. On a busy machine, an answer may not be read within the
/// two seconds that a peer has, whatever the node does.
const TRIES: usize = 5;

fn apps(all: &[(&str, &[&Value])]) -> Value {
    let apps = all.iter().map(|(name, instances)| json!({ "name": name, "instance": instances }));
    json!({ "applications": { "application": apps.collect::<Vec<_>>() } })
}

/// Its list is up to 30 seconds old, but not its answer about an instance.
#[tokio::test]
async fn what_a_peer_in_java_caches_is_not_taken_for_the_truth() {
    let of = |app: &str, id: &str| instance(app, id, 5)["instance"].clone();
    let (mut back, left, plain) = (of(ADMIN, "back"), of(ADMIN, "left"), of("DEMO", "k"));
    back["status"] = json!("OUT_OF_SERVICE");
    back["overriddenStatus"] = json!("OUT_OF_SERVICE");
    let list = apps(&[(ADMIN, &[&back, &left]), ("DEMO", &[&plain])]);
    let restarted = apps(&[]);
    let restarted = OtherServer::start(move |request| match request.line.starts_with("GET") {
        true => Reply::json(&restarted),
        false => Reply::accepted(request),
    })
    .await;
    let java = OtherServer::start(move |request| match &*request.line {
        line if line.starts_with("GET /eureka/apps/ ") => Reply::json(&list),
        line if line.contains("/back ") => Reply::json(&instance(ADMIN, "back", 5)),
        line if line.starts_with("GET") => Reply::status(404),
        _ => Reply::accepted(request),
    })
    .await;
    let [back, left] = ["back", "left"].map(|id| format!("/eureka/apps/{ADMIN}/{id}"));
    let mut tries = 0;
    let (_server, eureka) = loop {
        let server = node(&[restarted.listed(), java.listed()]);
        let eureka = client(&server);
        eventually("the copy", || has(&eureka, "/eureka/apps/DEMO/k", |_| true)).await;
        has_started(&eureka).await;
        let is_back = has(&eureka, &back, is_up).await.is_some();
        let has_left = eureka.get(&left).await.status == 404;
        if is_back && has_left {
            break (server, eureka);
        }
        tries += 1;
        assert!(tries < TRIES, "back: {is_back}, left: {has_left}");
    };
    // An operator's decision that the list did not have yet.
    let heartbeat = json!({
        "appName": "DEMO", "id": "k", "action": "Heartbeat", "lastDirtyTimestamp": 5,
        "status": "OUT_OF_SERVICE", "overriddenStatus": "OUT_OF_SERVICE",
    });
    assert_eq!(replicate(&eureka, &[heartbeat]).await[0]["statusCode"], 200);
    let out = ("OUT_OF_SERVICE".to_owned(), "OUT_OF_SERVICE".to_owned());
    assert_eq!(statuses(&eureka, "/eureka/apps/DEMO/k").await, out);
}

/// Lists have two seconds each: they arrive at the same time.
#[tokio::test]
async fn a_list_that_does_not_arrive_costs_no_other() {
    let slow = OtherServer::start(|request| match request.line.starts_with("GET") {
        true => Reply::Slow,
        false => Reply::accepted(request),
    })
    .await;
    let ids: Vec<_> = (0..500).map(|number| format!("k{number}")).collect();
    let all: Vec<_> = ids.iter().map(|id| instance("DEMO", id, 5)["instance"].clone()).collect();
    let list = apps(&[("DEMO", &all.iter().collect::<Vec<_>>())]);
    let java = OtherServer::start(move |request| match request.line.starts_with("GET") {
        true => Reply::json(&list),
        false => Reply::accepted(request),
    })
    .await;
    let last = format!("/eureka/apps/DEMO/{}", ids.last().unwrap());
    let mut asked = Vec::new();
    while asked.len() < TRIES && asked.last() != Some(&1) {
        let before = java.asked("GET /eureka/apps/ ");
        let other = slow.listed().replace("eureka", "other");
        let server = node(&[slow.listed(), other, java.listed()]);
        let eureka = client(&server);
        eventually("the copy", || has(&eureka, &last, |_| true)).await;
        asked.push(java.asked("GET /eureka/apps/ ") - before);
    }
    assert_eq!(asked.last(), Some(&1), "the first answer is used: {asked:?}");
}

/// A server in Java that has just started lists itself; one that fails may know more.
#[tokio::test]
async fn a_server_that_lists_only_itself_ends_no_copy() {
    let port = Arc::new(AtomicU16::new(0));
    let own_port = Arc::clone(&port);
    let alone = OtherServer::start(move |request| match request.line.starts_with("GET") {
        true => {
            let mut own = instance("EUREKA", "itself", 5)["instance"].clone();
            own["ipAddr"] = json!("127.0.0.1");
            own["port"] = json!({"$": own_port.load(Ordering::SeqCst), "@enabled": "true"});
            Reply::json(&apps(&[("EUREKA", &[&own])]))
        }
        false => Reply::accepted(request),
    })
    .await;
    port.store(alone.port(), Ordering::SeqCst);
    let list = apps(&[("DEMO", &[&instance("DEMO", "k", 5)["instance"]])]);
    let is_first = AtomicBool::new(true);
    let later = Arc::new(move |request: &Request| match request.line.starts_with("GET") {
        true if is_first.swap(false, Ordering::SeqCst) => Reply::status(503),
        true => Reply::json(&list),
        false => Reply::accepted(request),
    });
    let later = OtherServer::start(move |request| later(request)).await;
    let server = node(&[alone.listed(), later.listed()]);
    let eureka = client(&server);
    eventually("the copy", || has(&eureka, "/eureka/apps/DEMO/k", |_| true)).await;
    has_started(&eureka).await;
    assert!(has(&eureka, "/eureka/apps/EUREKA/itself", |_| true).await.is_some());
}

/// The questions about services must not take the time in which their list is stored: this list
/// arrives three seconds before a node ends its copy, and the answers would take six.
#[tokio::test]
async fn a_list_that_cannot_be_checked_in_time_is_stored_as_it_is() {
    let ids: Vec<_> = (0..40).map(|number| format!("k{number}")).collect();
    let all: Vec<_> = ids.iter().map(|id| instance(ADMIN, id, 5)["instance"].clone()).collect();
    let list = apps(&[(ADMIN, &all.iter().collect::<Vec<_>>())]);
    let is_first = Arc::new(AtomicBool::new(true));
    let restart = Arc::clone(&is_first);
    let java = OtherServer::start(move |request| match &*request.line {
        line if line.starts_with("GET /eureka/apps/ ") => {
            if is_first.swap(false, Ordering::SeqCst) { Reply::Silence } else { Reply::json(&list) }
        }
        line if line.starts_with("GET") => Reply::Silence,
        _ => Reply::accepted(request),
    })
    .await;
    // How often each node asked for the list, and how much of it it stored.
    let mut found = Vec::new();
    while found.len() < TRIES && found.last() != Some(&(2, ids.len())) {
        restart.store(true, Ordering::SeqCst);
        let before = java.asked("GET /eureka/apps/ ");
        let server = node(&[java.listed()]);
        let eureka = client(&server);
        has_started(&eureka).await;
        let asked = java.asked("GET /eureka/apps/ ") - before;
        let mut stored = 0;
        for id in &ids {
            let answer = eureka.get(&format!("/eureka/apps/{ADMIN}/{id}")).await;
            stored += usize::from(answer.status == 200);
        }
        found.push((asked, stored));
    }
    assert_eq!(found.last(), Some(&(2, ids.len())), "{found:?}");
}

/// Whatever the first servers do: clients that are sent here find somebody.
#[tokio::test]
async fn a_node_that_does_not_have_both_services_is_ready_with_those_of_others() {
    let silent = OtherServer::start(|_| Reply::Silence).await;
    let other = Server::start_with(hosting_with("eureka", "config,meta,admin"));
    let url = other.config.replace("http://", "http://eu:pw@") + "/eureka/";
    let urls = [silent.listed(), silent.listed().replace("/eureka/", "/b/eureka/"), url].join(",");
    for roles in ["meta", "config,meta"] {
        let options = Options::new().flag("--roles", roles).flag("--registry", "eureka");
        let server = Server::start_with(options.variable("CASTALIA_EUREKA_SERVICE_URL", &urls));
        let meta = Http::new(&server.config);
        eventually("the node", async || {
            (meta.get("/health/ready").await.status == 200).then_some(())
        })
        .await;
        let services = meta.get("/services/admin").await.ok().text;
        assert!(services.contains(&other.admin), "{roles}: {services}");
    }
}
