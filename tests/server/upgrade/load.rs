//! Users who publish, and clients that read and poll, while the nodes that they use are replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use castalia_core::{Client, Config, Settings};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Node, path};
use crate::support::database::Database;
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::poll::position;
use crate::support::session;

const APP: &str = "load";
/// Pause between two rounds of the same caller.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for an answer, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// Publishes of each stage.
const PUBLISHES: u64 = 4;

#[derive(Default)]
struct Progress {
    is_over: AtomicBool,
    /// The last value whose publish was acknowledged.
    acknowledged: AtomicU64,
}

impl Progress {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
}

/// A release that was acknowledged, and its value.
type Acknowledged = (i64, u64);

pub(super) struct Load {
    progress: Arc<Progress>,
    publisher: JoinHandle<Vec<Acknowledged>>,
    reader: JoinHandle<()>,
    client: Client,
    config: Config,
    watcher: JoinHandle<()>,
}

impl Load {
    pub(super) async fn start(nodes: &[Node]) -> Self {
        let root = session::root(nodes[0].server()).await;
        let demo = Demo::create_in(root.clone(), "DEV", APP).await;
        demo.set("k", "0").await;
        demo.publish().await;
        let clients: Vec<_> = nodes.iter().map(Node::client).collect();
        for client in &clients {
            position(client, APP, "application").await;
        }
        let meta: Vec<_> = clients.iter().map(Http::base).collect();
        let settings = Settings::new()
            .set("app.id", APP)
            .set("apollo.meta", meta.join(","))
            .set("apollo.cache.file.enable", "false");
        let client = Client::new(settings).unwrap();
        let config = client.config("application").await.unwrap();
        let progress = Arc::new(Progress::default());
        let portals = nodes.iter().map(|node| with_session(&root, &node.server().portal));
        let publisher = publish(portals.collect(), demo.path(), Arc::clone(&progress));
        Self {
            publisher: tokio::spawn(publisher),
            reader: tokio::spawn(read(clients, Arc::clone(&progress))),
            watcher: tokio::spawn(watch(config.clone())),
            progress,
            client,
            config,
        }
    }

    /// Waits until more was published, and until the client has it.
    pub(super) async fn goes_on(&self) {
        let least = self.progress.acknowledged() + PUBLISHES;
        eventually(&format!("the publish of {least}"), async || {
            (self.progress.acknowledged() >= least || self.has_failed()).then_some(())
        })
        .await;
        self.reaches_the_client(least).await;
    }

    /// A task that panicked has printed the reason.
    fn has_failed(&self) -> bool {
        self.publisher.is_finished() || self.reader.is_finished() || self.watcher.is_finished()
    }

    async fn reaches_the_client(&self, least: u64) {
        assert!(!self.has_failed(), "a publisher or a client has failed");
        eventually(&format!("{least} at the client"), async || {
            (self.config.get_or("k", 0_u64) >= least).then_some(())
        })
        .await;
    }

    /// Ends it. All that was acknowledged is stored, and the last value is served by all nodes.
    pub(super) async fn end(self, database: &Database, nodes: &[Node]) {
        self.reaches_the_client(self.progress.acknowledged()).await;
        self.progress.is_over.store(true, Ordering::Relaxed);
        let acknowledged = self.publisher.await.unwrap();
        self.reader.await.unwrap();
        let last = self.progress.acknowledged();
        for node in nodes {
            eventually("the last value at each node", async || {
                let served = value_of(&node.client().get(&path(APP)).await.ok());
                (served >= last).then_some(())
            })
            .await;
        }
        self.client.close().await;
        self.watcher.await.unwrap();
        are_stored(&acknowledged, database).await;
    }
}

/// The session of a user at another node, which shares its database.
fn with_session(root: &Http, portal: &str) -> Http {
    let names = ["Cookie", "X-CSRF-Token"];
    names.iter().fold(Http::new(portal), |http, name| http.with(name, root.header(name)))
}

/// Publishes growing values at the portals in turn, one of which may be down.
async fn publish(
    portals: Vec<Http>,
    namespace: String,
    progress: Arc<Progress>,
) -> Vec<Acknowledged> {
    let (mut acknowledged, mut value) = (Vec::new(), 0);
    let item = format!("{namespace}/items/k?createIfNotExists=true");
    let releases = format!("{namespace}/releases");
    for portal in portals.iter().cycle() {
        if progress.is_over() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        value += 1;
        let edit = json!({
            "key": "k", "value": value.to_string(), "dataChangeCreatedBy": "apollo",
            "dataChangeLastModifiedBy": "apollo",
        });
        let release = json!({ "releaseTitle": "test", "releasedBy": "apollo" });
        if change(portal, Method::PUT, &item, &edit).await.is_none() {
            continue;
        }
        let Some(answer) = change(portal, Method::POST, &releases, &release).await else {
            continue;
        };
        acknowledged.push((answer.json()["id"].as_i64().unwrap(), value));
        progress.acknowledged.store(value, Ordering::Relaxed);
    }
    acknowledged
}

/// The answer to a change; `None` from a node that is down, or that refuses it for now.
async fn change(portal: &Http, method: Method, path: &str, body: &Value) -> Option<Answer> {
    let answer = portal.try_send(method, path, Some(body), LIMIT).await?;
    assert!(matches!(answer.status, 200 | 409 | 503), "{path}: {answer:?}");
    (answer.status == 200).then_some(answer)
}

/// Reads at all nodes. One of them always answers, and none with an older value than before.
async fn read(nodes: Vec<Http>, progress: Arc<Progress>) {
    let mut served = vec![0; nodes.len()];
    while !progress.is_over() {
        let mut answers = 0;
        for (node, before) in nodes.iter().zip(&mut served) {
            let answer = node.try_send(Method::GET, &path(APP), None, LIMIT).await;
            // A node that starts refuses its clients until it knows their names and keys.
            let Some(answer) = answer.filter(|answer| !answer.is_refused_for_now()) else {
                continue;
            };
            let value = value_of(&answer.ok());
            assert!(value >= *before, "{}: {value} after {before}", node.base());
            (*before, answers) = (value, answers + 1);
        }
        assert!(answers > 0, "no node answered a client");
        tokio::time::sleep(PAUSE).await;
    }
}

fn value_of(answer: &Answer) -> u64 {
    answer.json()["configurations"]["k"].as_str().unwrap().parse().unwrap()
}

/// A client that polls receives no older value than before.
async fn watch(config: Config) {
    let (mut changes, mut last) = (config.changes(), 0);
    while let Some(event) = changes.next().await {
        let value = event.change("k").and_then(|change| change.new_value.clone()).unwrap();
        let value: u64 = value.parse().unwrap();
        assert!(value > last, "the client received {value} after {last}");
        last = value;
    }
}

async fn are_stored(acknowledged: &[Acknowledged], database: &Database) {
    let sql = format!(r#"SELECT "Id","Configurations" FROM "Release" WHERE "AppId" = '{APP}'"#);
    let releases = database.rows(&sql).await;
    let mut previous = 0;
    for (id, value) in acknowledged {
        let stored = releases.iter().find(|release| release["Id"] == *id);
        let stored = stored.unwrap_or_else(|| panic!("release {id} is lost"));
        let items: Value =
            serde_json::from_str(stored["Configurations"].as_str().unwrap()).unwrap();
        let stored: u64 = items["k"].as_str().unwrap().parse().unwrap();
        // An edit with an unknown outcome may be applied until the next one is acknowledged.
        let is_expected = previous < stored && stored <= *value;
        assert!(is_expected, "release {id} has {stored}, not {value}, after {previous}");
        previous = stored;
    }
}
