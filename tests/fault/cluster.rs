//! Several nodes on one database: they discover each other, and a publish through one reaches the
//! polls of all.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, newest, position};
use crate::support::server::{Options, Server};

/// Publishes through a node. Other tests may delay most of them, so a third has to be quick.
const ROUNDS: usize = 9;
/// Releases that another implementation commits, of which one has to be found in time.
const SCANS: usize = 5;
/// Interval of the scans, in milliseconds: so long that a scan is no direct notification.
const INTERVAL: &str = "3000";
/// Time in which a scan finds a message. The comparison with the database, which finds it as well,
/// is made once in a minute.
const SCAN: Duration = Duration::from_millis(4_500);
/// Time for any message on a busy machine.
const LATEST: Duration = Duration::from_secs(20);
/// Time for the direct notification on a busy machine; otherwise about ten milliseconds. The scan
/// that follows the previous message comes after three seconds.
const USUAL: Duration = Duration::from_millis(1_500);

/// Two config nodes and an admin node.
struct Nodes {
    configs: [Server; 2],
    admin: Server,
    fresh: Fresh,
}

impl Nodes {
    async fn start(engine: Engine) -> Option<Self> {
        let fresh = Fresh::on(engine).await?;
        let options = |roles: &str| {
            Options::new()
                .flag("--roles", roles)
                .flag("--config-db", &fresh.database.url)
                .flag("--advertise", "http://127.0.0.1")
                .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
                .variable("CASTALIA_APOLLO_MESSAGE_SCAN_INTERVAL", INTERVAL)
        };
        let configs = [
            Server::start_with(options("config,meta")),
            Server::start_with(options("config,meta")),
        ];
        // The last node to start finds the others in the table immediately.
        let admin = Server::start_with(options("admin"));
        Some(Self { configs, admin, fresh })
    }

    fn clients(&self) -> [Http; 2] {
        self.configs.each_ref().map(|server| Http::new(&server.config))
    }

    async fn end(self) {
        let Self { configs, admin, fresh } = self;
        drop((configs, admin));
        fresh.remove().await;
    }
}

/// Time until both polls were answered, and the id that they received.
async fn told<F: Future<Output = Instant>>(
    clients: &[Http; 2],
    id: i64,
    publish: F,
) -> (Duration, i64) {
    let path = poll::path("demo", &[("application", id)]);
    let polls = clients.clone().map(|http| {
        let path = path.clone();
        tokio::spawn(async move { (http.get(&path).await.ok(), Instant::now()) })
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let moment = publish.await;
    let mut last = (Duration::ZERO, id);
    for poll in polls {
        let (answer, time) = poll.await.unwrap();
        last = (last.0.max(time.saturating_duration_since(moment)), newest(&answer));
    }
    last
}

/// The longest of the quicker third.
fn quick(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 3]
}

/// A publish through the admin node reaches polls at both config nodes immediately; rows that
/// another implementation commits reach them with the next scan.
async fn a_publish_reaches_the_pollers_of_all_nodes(engine: Engine) {
    let Some(nodes) = Nodes::start(engine).await else { return };
    let app = App::create(&Http::new(&nodes.admin.admin), "demo").await;
    app.publish("0").await;
    let clients = nodes.clients();
    let mut id = position(&clients[0], "demo", "application").await;
    position(&clients[1], "demo", "application").await;
    let mut usual = Vec::new();
    for _ in 0..ROUNDS {
        let publish = async {
            app.try_publish("default", "application").await.ok();
            Instant::now()
        };
        let (time, next) = told(&clients, id, publish).await;
        assert!(time < LATEST, "{time:?}");
        (id, usual) = (next, [usual, vec![time]].concat());
    }
    let usual = quick(usual);
    assert!(usual < USUAL, "{usual:?} with a nudge");

    let mut scanned = Vec::new();
    for round in 0..SCANS {
        let database: &Database = &nodes.fresh.database;
        let publish = async {
            let key = format!("20260101000000-{round:016x}");
            database.release(["demo", "default", "application"], &key, &json!({ "k": key })).await;
            Instant::now()
        };
        let (time, next) = told(&clients, id, publish).await;
        assert!(time < LATEST, "{time:?} by the scan alone");
        (id, scanned) = (next, [scanned, vec![time]].concat());
        for http in &clients {
            let config = http.get("/configs/demo/default/application").await.ok().json();
            assert_eq!(config["releaseKey"], format!("20260101000000-{round:016x}"));
        }
    }
    let scanned = quick(scanned);
    assert!(scanned < SCAN, "{scanned:?} by the scan alone");
    tracing(engine, usual, scanned);
    nodes.end().await;
}

#[expect(clippy::print_stderr, reason = "a figure for whoever runs it with --nocapture")]
fn tracing(engine: Engine, usual: Duration, scanned: Duration) {
    eprintln!(
        "{engine:?}: publish to pollers of both nodes, quicker third: {usual:?} with a nudge, {scanned:?} by the scan alone"
    );
}

/// C107 to C113 on a shared database: nodes list each other, in the order of the table, until one
/// shuts down.
async fn nodes_list_each_other(engine: Engine) {
    let Some(nodes) = Nodes::start(engine).await else { return };
    let element = |service: &str, base: &str| {
        let uri = format!("{base}/");
        json!({ "appName": service, "instanceId": uri, "homepageUrl": uri })
    };
    let configs =
        nodes.configs.each_ref().map(|server| element("apollo-configservice", &server.config));
    let admin = element("apollo-adminservice", &nodes.admin.admin);
    let all = json!([configs[0], configs[1], admin]);
    for http in nodes.clients() {
        eventually("all nodes", async || (http.get("/").await.ok().json() == all).then_some(()))
            .await;
    }
    let Nodes { configs: [first, mut second], admin, fresh } = nodes;
    assert!(second.terminate().success());
    let left = fresh.database.rows(r#"SELECT "Uri" FROM "ServiceRegistry" ORDER BY "Id""#).await;
    let expected: Vec<Value> =
        [&first.config, &admin.admin].map(|base| json!({ "Uri": format!("{base}/") })).into();
    assert_eq!(left, expected);
    let http = Http::new(&first.config);
    let is_alone = async || {
        (http.get("/services/config").await.ok().json() == json!([configs[0]])).then_some(())
    };
    eventually("the other node to be gone", is_alone).await;
    drop((first, second, admin));
    fresh.remove().await;
}

/// A node on loopback without an advertised address is not announced, because others would be
/// directed to themselves. It lists itself.
async fn a_node_on_loopback_is_not_announced(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let options =
        Options::new().flag("--roles", "config,meta").flag("--config-db", &fresh.database.url);
    let server = Server::start_with(options);
    let listed = Http::new(&server.config).get("/services/config").await.ok().json();
    assert_eq!(listed[0]["homepageUrl"], format!("{}/", server.config));
    assert!(fresh.database.rows(r#"SELECT "Id" FROM "ServiceRegistry""#).await.is_empty());
    drop(server);
    fresh.remove().await;
}

/// `store.time_zone`: heartbeats are written and compared in the time zone of Java nodes.
async fn heartbeats_follow_the_zone_of_java_nodes(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let options = Options::new()
        .flag("--roles", "config,meta")
        .flag("--config-db", &fresh.database.url)
        .flag("--advertise", "http://127.0.0.1")
        .flag("--store-time-zone", "+08:00");
    let server = Server::start_with(options.clone());
    let seconds = match engine {
        Engine::MySql => r#"TIMESTAMPDIFF(SECOND, NOW(), "DataChange_LastTime")"#,
        Engine::Postgres => r#"CAST(EXTRACT(EPOCH FROM "DataChange_LastTime" - now()) AS bigint)"#,
    };
    let sql = format!(r#"SELECT {seconds} AS "Ahead" FROM "ServiceRegistry""#);
    let ahead = fresh.database.rows(&sql).await[0]["Ahead"].as_i64().unwrap();
    assert!((8 * 3600 - 120..=8 * 3600).contains(&ahead), "{ahead} s");
    let second = Server::start_with(options);
    let http = Http::new(&second.config);
    eventually("both nodes", async || {
        let listed = http.get("/services/config").await.ok().json();
        (listed.as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    drop((server, second));
    fresh.remove().await;
}

/// One test for each engine.
macro_rules! on_each_engine {
    ($($name:ident),*) => { $(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn mysql() {
                super::$name(Engine::MySql).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name(Engine::Postgres).await;
            }
        }
    )* };
}

on_each_engine!(
    a_publish_reaches_the_pollers_of_all_nodes,
    nodes_list_each_other,
    a_node_on_loopback_is_not_announced,
    heartbeats_follow_the_zone_of_java_nodes
);
