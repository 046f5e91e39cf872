//! Servers of Spring as the registry outside: a node registers with them, stays, and reads from
//! them.

use serde_json::{Value, json};

use super::spring::{Spring, Stack};
use super::{found, instance};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

const CONFIG: &str = "/eureka/apps/APOLLO-CONFIGSERVICE";
const ADMIN: &str = "/eureka/apps/APOLLO-ADMINSERVICE";

/// Cases 78 to 82, without Apollo's own services 83.
#[tokio::test]
async fn a_node_lives_on_servers_of_spring() {
    let (first, second) = (Spring::alone(Stack::Boot4), Spring::alone(Stack::Boot2));
    let (first, second) = (first.ready(), second.ready());
    let (first_calls, second_calls) = (first.calls(), second.calls());
    let options = Options::new()
        .flag("--registry", "eureka")
        .flag("--eureka-instance-lease-renewal-interval", "1")
        // If a busy server does not answer in time at the end, the entries expire.
        .flag("--eureka-instance-lease-duration", "30")
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_EUREKA_SERVICE_URL", &format!("{},{}", first.url(), second.url()));
    let mut server = Server::start_with(options);
    let meta = Http::new(&server.config);
    let (config, admin) = (format!("{}/", server.config), format!("{}/", server.admin));
    // Before the first heartbeat and the first read.
    assert_eq!(listed(&meta, "config").await, [&*config]);
    assert_eq!(listed(&meta, "admin").await, [&*admin]);
    is_described(&first_calls, CONFIG, &config).await;
    is_described(&first_calls, ADMIN, &admin).await;
    another_is_listed(&first_calls, &meta, &config).await;
    an_override_is_obeyed(&first_calls, &meta, &config).await;

    // It goes on at the other server, whose lists take effect: that one never knew of the other
    // service.
    let port = first.port();
    drop(first);
    is_described(&second_calls, CONFIG, &config).await;
    is_described(&second_calls, ADMIN, &admin).await;
    let only_this_node = async || (listed(&meta, "config").await == [&*config]).then_some(());
    eventually("the list of the other server", only_this_node).await;

    drop(second);
    let unreachable = async || {
        let health = meta.get("/health").await.ok().json();
        (health["status"]["description"] == "eureka: unreachable").then_some(health)
    };
    let health = eventually("the note on the health page", unreachable).await;
    assert_eq!(health["status"]["code"], "UP");
    assert_eq!(listed(&meta, "config").await, [&*config]);
    assert_eq!(listed(&meta, "admin").await, [&*admin]);

    // An empty server comes back: it learns who is there, and until then nobody is forgotten.
    let first = Spring::alone_at(Stack::Boot4, port).ready();
    is_described(&first.calls(), CONFIG, &config).await;
    is_described(&first.calls(), ADMIN, &admin).await;
    assert!(listed(&meta, "config").await.contains(&config));
    let reachable = async || {
        let health = meta.get("/health").await.ok().json();
        (health["status"]["description"] == "").then_some(())
    };
    eventually("the end of the note", reachable).await;

    assert!(server.terminate().success());
    let first_calls = first.calls();
    for path in [CONFIG, ADMIN] {
        let is_left = async || (first_calls.get(path).await.status == 404).then_some(());
        eventually("the departure", is_left).await;
    }
}

/// Case 78: an instance with this address, and the members that describe it.
async fn is_described(eureka: &Http, path: &str, home: &str) {
    // On a busy machine a service may seem not to work at first.
    let is_up = |one: &Value| one["status"] == "UP";
    let up = async || entry(eureka, path, home).await.filter(is_up);
    let one = eventually("the registration", up).await;
    assert_eq!(one["statusPageUrl"], format!("{home}info"));
    assert_eq!(one["healthCheckUrl"], format!("{home}health"));
    assert_eq!(one["metadata"]["castalia"].as_str().map(str::len), Some(64));
    // Spring answers with a cached app, but not with a cached instance.
    let path = format!("{path}/{}", one["instanceId"].as_str().unwrap());
    let renewed = async || {
        let one = found(eureka, &path).await?;
        one["leaseInfo"]["lastRenewalTimestamp"].as_i64()
    };
    let begun = renewed().await;
    eventually("a heartbeat", async || renewed().await.filter(|at| Some(*at) > begun)).await;
}

/// Case 83, for a service as Java describes it: it is listed under its name in upper case.
async fn another_is_listed(eureka: &Http, meta: &Http, own: &str) {
    let other = instance("APOLLO-CONFIGSERVICE", "java", 5, 8080);
    assert_eq!(eureka.post(CONFIG, other).await.status, 204);
    let other = "http://10.0.0.21:8080/".to_owned();
    let both = async || {
        let listed = listed(meta, "config").await;
        (listed.len() == 2 && listed.contains(&other)).then_some(listed)
    };
    let listed = eventually("the other config service", both).await;
    assert!(listed.contains(&own.to_owned()));
    let services = meta.get("/services/config").await.ok().json();
    assert!(
        services.as_array().unwrap().iter().all(|one| one["appName"] == "APOLLO-CONFIGSERVICE")
    );
}

/// Case 79.
async fn an_override_is_obeyed(eureka: &Http, meta: &Http, own: &str) {
    let one = entry(eureka, CONFIG, own).await.unwrap();
    let path = format!("{CONFIG}/{}/status", one["instanceId"].as_str().unwrap());
    let out = eureka.put(&format!("{path}?value=OUT_OF_SERVICE"), json!({})).await;
    assert_eq!(out.status, 200);
    let is_listed = async |expected: bool| {
        (listed(meta, "config").await.contains(&own.to_owned()) == expected).then_some(())
    };
    eventually("a list without this node", async || is_listed(false).await).await;
    // A heartbeat later it is still out of service, and not lost.
    let one = entry(eureka, CONFIG, own).await.unwrap();
    assert_eq!(one["status"], "OUT_OF_SERVICE");
    assert_eq!(eureka.delete(&path).await.status, 200);
    eventually("a list with this node", async || is_listed(true).await).await;
}

/// The instance of an app with this address.
async fn entry(eureka: &Http, path: &str, home: &str) -> Option<Value> {
    let answer = eureka.get(path).await;
    if answer.status != 200 {
        return None;
    }
    let all = answer.json()["application"]["instance"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["homePageUrl"] == home)
}

/// Addresses of a service, as the meta role lists them.
async fn listed(meta: &Http, service: &str) -> Vec<String> {
    let services = meta.get(&format!("/services/{service}")).await.ok().json();
    let address = |one: &Value| one["homepageUrl"].as_str().unwrap().to_owned();
    services.as_array().unwrap().iter().map(address).collect()
}
