//! The ways in which services are found: a running client notices neither a change from any way to
//! any other, nor which of the addresses behind a name answers.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use castalia_core::{Client, Settings};
use reqwest::Method;

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Time for an answer of a node that lives.
const PATIENCE: Duration = Duration::from_secs(10);

/// How two nodes are found.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// By the table of their database.
    Database,
    /// By lists of the operator.
    Custom,
    /// By the Eureka that they host and mirror.
    Hosted,
    /// By the Eureka of another node.
    Outside,
}

use Way::{Custom, Database, Hosted, Outside};

/// From each way to each other one, and back to the first.
const CHANGES: [Way; 12] = [
    Custom, Database, Hosted, Database, Outside, Custom, Hosted, Custom, Outside, Hosted, Outside,
    Database,
];

/// Addresses of the two nodes, of a third one with Eureka, and of their database.
struct Landscape {
    config: [u16; 2],
    admin: [u16; 2],
    outside: Server,
    fresh: Fresh,
}

impl Landscape {
    /// `None` where the run is restricted to SQLite.
    async fn new() -> Option<Self> {
        let fresh = Fresh::on(Engine::MySql).await?;
        let outside = Server::start_with(
            Options::new().flag("--eureka-host", "on").flag("--roles", "config"),
        );
        let [first, second, third, fourth] = [0; 4].map(|_| free_port("127.0.0.1"));
        Some(Self { config: [first, second], admin: [third, fourth], outside, fresh })
    }

    fn start(&self, node: usize, way: Way) -> Server {
        let urls = |ports: [u16; 2], path: &str| {
            ports.map(|port| format!("http://127.0.0.1:{port}/{path}")).join(",")
        };
        let options = Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", &self.fresh.database.url)
            .flag("--config-port", &self.config[node].to_string())
            .flag("--admin-port", &self.admin[node].to_string())
            .flag("--eureka-instance-lease-renewal-interval", "1")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        Server::start_with(match way {
            Way::Database => options.flag("--advertise", "http://127.0.0.1"),
            Way::Custom => options
                .flag("--registry", "custom")
                .variable("CASTALIA_APOLLO_CONFIG_SERVICE_URL", &urls(self.config, ""))
                .variable("CASTALIA_APOLLO_ADMIN_SERVICE_URL", &urls(self.admin, "")),
            Way::Hosted => options
                .flag("--registry", "eureka")
                .flag("--eureka-host", "on")
                .variable("CASTALIA_EUREKA_SERVICE_URL", &urls(self.config, "eureka/")),
            Way::Outside => options.flag("--registry", "eureka").variable(
                "CASTALIA_EUREKA_SERVICE_URL",
                &format!("{}/eureka/", self.outside.config),
            ),
        })
    }
}

fn free_port(host: &str) -> u16 {
    std::net::TcpListener::bind((host, 0)).unwrap().local_addr().unwrap().port()
}

/// What a change of the way demands of every list: it leads to a node that answers.
async fn lists_lead_to_living_nodes(nodes: &[Server]) {
    for node in nodes {
        for service in ["config", "admin"] {
            let meta = Http::new(&node.config);
            eventually(service, async || {
                let listed = meta.get(&format!("/services/{service}")).await;
                let listed = (listed.status == 200).then(|| listed.json())?;
                let address = listed[0]["homepageUrl"].as_str()?.to_owned();
                let listed = Http::new(address.trim_end_matches('/'));
                let live = listed.try_send(Method::GET, "/health/live", None, PATIENCE).await?;
                (live.status == 200).then_some(())
            })
            .await;
        }
    }
}

/// The nodes are restarted one after the other, as in production. A publish while they differ, and
/// one afterwards, reach the client.
#[tokio::test]
async fn a_client_notices_no_change_of_the_registry() {
    let Some(landscape) = Landscape::new().await else { return };
    let mut nodes = [0, 1].map(|node| landscape.start(node, Way::Database));
    let app = App::create(&Http::new(&nodes[0].admin), "demo").await;
    app.publish("0").await;
    let meta = landscape.config.map(|port| format!("http://127.0.0.1:{port}")).join(",");
    let cache = tempfile::tempdir().unwrap();
    let settings = Settings::new()
        .set("app.id", "demo")
        .set("apollo.meta", meta)
        .set("apollo.cache-dir", cache.path().display().to_string());
    let client = Client::new(settings).unwrap();
    let config = client.config("application").await.unwrap();
    let mut published = 0;
    for way in CHANGES {
        for node in 0..nodes.len() {
            assert!(nodes[node].terminate().success());
            nodes[node] = landscape.start(node, way);
            lists_lead_to_living_nodes(&nodes).await;
            published += 1;
            let value = published.to_string();
            App::existing(&Http::new(&nodes[node].admin), "demo").publish(&value).await;
            let what = format!("publish {value}, after node {node} changed to {way:?}");
            let received = async || (config.get_or("k", String::new()) == value).then_some(());
            eventually(&what, received).await;
        }
    }
    client.close().await;
    drop(nodes);
    landscape.fresh.remove().await;
}

/// A program with a client, on a machine where a name has the addresses of both nodes.
struct Program {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(hosts: &std::path::Path, meta: &str) -> Self {
        // Other file systems are seen by this process and its children only.
        let script = r#"mount --bind "$0" /etc/hosts && exec "$1""#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(hosts).arg(example());
        command.env("APP_ID", "demo").env("APOLLO_META", meta);
        command.env("APOLLO_CACHE_DIR", hosts.parent().unwrap().join("cache"));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Rust example, which prints a value and its next change.
fn example() -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/hello")
}

/// A DNS name with several addresses: the meta servers and the configured list have that name, and
/// a client starts and receives changes whichever node is gone.
#[tokio::test]
async fn a_name_leads_to_the_node_that_lives() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 localhost\n127.0.0.2 nodes.test\n127.0.0.3 nodes.test\n")
        .unwrap();
    let port = free_port("127.0.0.2");
    let name = format!("http://nodes.test:{port}");
    let start = |address: &str| {
        let options = Options::new()
            .flag("--bind", address)
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", &fresh.database.url)
            .flag("--config-port", &port.to_string())
            .flag("--registry", "custom")
            .variable("CASTALIA_APOLLO_CONFIG_SERVICE_URL", &name)
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        Server::start_with(options)
    };
    let addresses = ["127.0.0.2", "127.0.0.3"];
    let mut nodes = addresses.map(start);
    let app = App::create(&Http::new(&nodes[0].admin), "demo").await;
    app.release("default", "application", &[("greeting", "0")]).await;
    // Nodes that are listed by the operator do not know each other.
    let second = Http::new(&nodes[1].config);
    eventually("the release at the second node", async || {
        (second.get("/configs/demo/default/application").await.status == 200).then_some(())
    })
    .await;
    for gone in [0, 1] {
        nodes[gone].kill();
        let mut program = Program::start(&hosts, &name);
        assert_eq!(program.line(), format!("greeting = {gone} (from remote)"));
        let other = App::existing(&Http::new(&nodes[1 - gone].admin), "demo");
        let next = (gone + 1).to_string();
        other.release("default", "application", &[("greeting", &next)]).await;
        let change = program.line();
        assert!(change.contains(&format!(r#"Some("{next}")"#)), "{change}");
        nodes[gone] = start(addresses[gone]);
    }
    drop(nodes);
    fresh.remove().await;
}
