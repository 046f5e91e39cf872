//! What operators decide about the nodes themselves: it survives whatever happens to a node, at all
//! nodes, and its end takes effect at once.

use serde_json::{Value, json};

use super::peers::{has, member};
use super::{client, config_services, free_port, has_started, hosting, instance};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};
use crate::support::way::Way;

const APP: &str = "/eureka/apps/APOLLO-CONFIGSERVICE";

pub(super) fn is_out(one: &Value) -> bool {
    one["status"] == "OUT_OF_SERVICE" && one["overriddenStatus"] == "OUT_OF_SERVICE"
}

pub(super) fn is_up(one: &Value) -> bool {
    one["status"] == "UP" && one["overriddenStatus"] == "UNKNOWN"
}

/// Two nodes with leases that are short, but outlast a stall of this machine; the first reaches the
/// second by a way.
struct Pair {
    port: u16,
    urls: String,
    way: Way,
    second: Server,
}

impl Pair {
    async fn start() -> Self {
        let ports = [free_port(), free_port()];
        let url = |authority: &str| format!("http://eu:pw@{authority}/eureka/");
        let [first, second] = ports.map(|port| format!("127.0.0.1:{port}"));
        let way = Way::to(&format!("http://{second}")).await;
        let through = url(way.url.trim_start_matches("http://"));
        let second = member(ports[1], &[url(&first), url(&second)].join(","));
        let second = Server::start_with(short(second));
        Self { port: ports[0], urls: [url(&first), through].join(","), way, second }
    }

    fn first(&self) -> Options {
        short(member(self.port, &self.urls))
    }

    /// Takes the first out of service at the second. Returns the path of its entry.
    async fn take_out(&self) -> String {
        let of_first = format!("{}/", self.first_url());
        let eureka = client(&self.second);
        let id = eventually("the first at the second", async || {
            let list = eureka.get(APP).await;
            let list = (list.status == 200).then(|| list.json())?;
            let all = list["application"]["instance"].as_array().unwrap().clone();
            let own = all.into_iter().find(|one| one["homePageUrl"] == of_first)?;
            Some(own["instanceId"].as_str().unwrap().to_owned())
        })
        .await;
        let path = format!("{APP}/{id}");
        let out = eureka.put(&format!("{path}/status?value=OUT_OF_SERVICE"), json!({})).await;
        assert_eq!(out.status, 200);
        path
    }

    fn first_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Both show what was decided, the first does not list itself, and the decision can be undone.
    async fn agrees(&self, first: &Server, path: &str) {
        for server in [first, &self.second] {
            eventually("the decision", async || has(&client(server), path, is_out).await).await;
        }
        let services = config_services(first).await;
        assert!(!services.contains(&self.first_url()), "{services}");
        let undo = client(&self.second).delete(&format!("{path}/status?value=UP")).await;
        assert_eq!(undo.status, 200);
        for server in [first, &self.second] {
            eventually("its end", async || has(&client(server), path, is_up).await).await;
        }
    }
}

fn short(options: Options) -> Options {
    options
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .flag("--eureka-instance-lease-duration", "15")
}

/// The second no longer lists the first, but remembers what was decided about it.
#[tokio::test]
async fn a_decision_survives_the_end_of_the_lease() {
    let pair = Pair::start().await;
    let mut first = Server::start_with(pair.first());
    let path = pair.take_out().await;
    eventually("the decision", async || has(&client(&first), &path, is_out).await).await;
    first.kill();
    eventually("the end of the lease", async || {
        (client(&pair.second).get(&path).await.status == 404).then_some(())
    })
    .await;
    first = Server::start_with(pair.first());
    pair.agrees(&first, &path).await;
}

/// The first starts while it cannot reach the second.
#[tokio::test]
async fn a_decision_survives_a_start_without_the_other_node() {
    let pair = Pair::start().await;
    let mut first = Server::start_with(pair.first());
    let path = pair.take_out().await;
    eventually("the decision", async || has(&client(&first), &path, is_out).await).await;
    first.kill();
    pair.way.lead_nowhere();
    first = Server::start_with(pair.first());
    has_started(&client(&first)).await;
    assert!(has(&client(&first), &path, is_up).await.is_some());
    pair.way.lead_to(&pair.second.config);
    pair.agrees(&first, &path).await;
}

/// The first has another address after its crash. Nobody is reported to use its id.
#[tokio::test]
async fn a_decision_survives_a_change_of_the_address() {
    let pair = Pair::start().await;
    let mut first = Server::start_with(pair.first());
    let path = pair.take_out().await;
    eventually("the decision", async || has(&client(&first), &path, is_out).await).await;
    first.kill();
    let moved = format!("{}/moved", pair.first_url());
    let mut first = Server::start_with(pair.first().flag("--advertise", &moved));
    pair.agrees(&first, &path).await;
    let has_moved = |one: &Value| one["homePageUrl"] == format!("{moved}/");
    eventually("the address", async || has(&client(&pair.second), &path, has_moved).await).await;
    let lines = first.printed_until_exit();
    assert!(!lines.iter().any(|line| line.contains("refused to register")), "{lines:?}");
}

/// An operator's status of a node ends with its removal, and not with the next heartbeat, at every
/// node. Java's clients send no status with the removal.
#[tokio::test]
async fn the_end_of_a_decision_takes_effect_at_once() {
    let ports = [free_port(), free_port()];
    let urls = ports.map(|port| format!("http://eu:pw@127.0.0.1:{port}/eureka/")).join(",");
    // Later than anything here waits.
    let start = |port| {
        let options = hosting().flag("--config-port", &format!("{port}"));
        let options = options.variable("CASTALIA_EUREKA_SERVICE_URL", &urls);
        Server::start_with(
            options
                .flag("--eureka-instance-lease-renewal-interval", "300")
                .flag("--eureka-instance-lease-duration", "900"),
        )
    };
    let servers = ports.map(start);
    let [first, second] = servers.each_ref().map(client);
    let meta = Http::new(&servers[0].config);
    let own = format!("{}/", servers[0].config);
    let id = eventually("the entry", async || {
        let list = second.get(APP).await;
        let list = (list.status == 200).then(|| list.json())?;
        let all = list["application"]["instance"].as_array().unwrap().clone();
        let entry = all.into_iter().find(|one| one["homePageUrl"] == own)?;
        Some(entry["instanceId"].as_str().unwrap().to_owned())
    })
    .await;
    let path = format!("{APP}/{id}");
    for (decides, ends) in [(&first, &first), (&second, &second), (&first, &second)] {
        let out = decides.put(&format!("{path}/status?value=OUT_OF_SERVICE"), json!({})).await;
        assert_eq!(out.status, 200);
        for node in [&first, &second] {
            eventually("the decision", async || has(node, &path, is_out).await).await;
        }
        assert!(!meta.get("/services/config").await.ok().text.contains(&own));
        assert_eq!(ends.delete(&format!("{path}/status")).await.status, 200);
        if std::ptr::eq(ends, &first) {
            assert!(meta.get("/services/config").await.ok().text.contains(&own));
        }
        for node in [&first, &second] {
            eventually("its end", async || has(node, &path, is_up).await).await;
        }
        assert!(meta.get("/services/config").await.ok().text.contains(&own));
    }
}

/// While the second cannot be reached, an operator takes an instance out of service, it reports
/// that it is down, and the operator sets this status as well, which changes nothing.
#[tokio::test]
async fn a_decision_that_changes_nothing_replaces_none_that_waits() {
    let pair = Pair::start().await;
    let first = Server::start_with(pair.first());
    let [eureka, other] = [client(&first), client(&pair.second)];
    has_started(&eureka).await;
    let path = "/eureka/apps/DEMO/k";
    let set = async |status: &str| {
        assert_eq!(
            eureka.put(&format!("{path}/status?value={status}"), json!({})).await.status,
            200
        );
    };
    let report = async |status: &str, dirty: i64| {
        let mut body = instance("DEMO", "k", dirty);
        body["instance"]["status"] = json!(status);
        assert_eq!(eureka.post("/eureka/apps/DEMO", body).await.status, 204);
    };
    report("UP", 5).await;
    set("OUT_OF_SERVICE").await;
    eventually("the first decision", async || has(&other, path, is_out).await).await;
    assert_eq!(eureka.delete(&format!("{path}/status?value=UP")).await.status, 200);
    eventually("its end", async || has(&other, path, is_up).await).await;
    pair.way.lead_nowhere();
    pair.way.forget();
    set("OUT_OF_SERVICE").await;
    report("DOWN", 6).await;
    set("DOWN").await;
    pair.way.lead_to(&pair.second.config);
    let is_down =
        |one: &Value| one["status"] == "DOWN" && one["overriddenStatus"] == "OUT_OF_SERVICE";
    eventually("both", async || has(&other, path, is_down).await).await;
    report("UP", 7).await;
    eventually("the decision", async || has(&other, path, is_out).await).await;
    assert!(has(&eureka, path, is_out).await.is_some());
}
