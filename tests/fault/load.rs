//! Publishers and clients of several nodes on one database, which continue whatever a test breaks
//! meanwhile, and what has to hold during and after that:
//!
//! * each acknowledged publish is stored, with its history, and the last one is served by all
//!   nodes;
//! * a client that was notified of a message is not served anything older, whichever node it reads;
//! * no node serves something older than before.
//!
//! A client that moves to a node that is cut off may receive an older release than another node has
//! served it without a notification: as with Apollo, a request does not state which release the
//! client has in a form that can be ordered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::member::Member;
use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};

/// Apps, each with one publisher.
const APPS: usize = 3;
/// Clients of each app.
const CLIENTS: usize = 2;
const OPERATOR: &str = "apollo";
/// Pause of a publisher or client after a failure.
const RETRY: Duration = Duration::from_millis(100);
/// Longest wait of a publisher, which needs to know the outcome.
const PUBLISH: Duration = Duration::from_secs(60);
/// Longest wait of a client; polls are held for longer.
const READ: Duration = Duration::from_secs(4);

/// A running load.
pub(super) struct Load {
    progress: Arc<Progress>,
    publishers: Vec<JoinHandle<Published>>,
    followers: Vec<JoinHandle<Vec<Read>>>,
}

/// What the publishers and clients have done so far.
#[derive(Default)]
struct Progress {
    is_over: AtomicBool,
    acknowledged: [AtomicUsize; APPS],
    failed: [AtomicUsize; APPS],
    reads: [AtomicUsize; APPS * CLIENTS],
}

impl Progress {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn all_have(counters: &[AtomicUsize], least: usize) -> bool {
    counters.iter().all(|counter| counter.load(Ordering::Relaxed) >= least)
}

/// A read of a client: the greatest id of its notifications, and the value that it received.
type Read = (i64, u64);

/// A publish that succeeded.
struct Acknowledged {
    release: i64,
    message: i64,
    value: u64,
}

/// The publishes of one app.
pub(super) struct Published {
    app_id: String,
    acknowledged: Vec<Acknowledged>,
    /// Edits and publishes without success.
    pub(super) failed: usize,
    last_attempt: u64,
}

impl Load {
    /// Starts publishers and clients that use the nodes in turn.
    pub(super) async fn start(database: &Database, nodes: &[Member]) -> Self {
        let progress = Arc::new(Progress::default());
        let admins: Vec<_> = nodes.iter().map(|node| node.admin.clone()).collect();
        let configs: Vec<_> = nodes.iter().map(|node| node.config.clone()).collect();
        let (mut publishers, mut followers) = (Vec::new(), Vec::new());
        for number in 0..APPS {
            let app = App::create(&admins[0], &app_id(number)).await;
            app.publish("0").await;
            let path = format!("{}/items", app.path("default", "application"));
            let item = admins[0].get(&path).await.ok().json()[0].clone();
            let database = database.clone();
            let publisher = Publisher { app, item, database, nodes: admins.clone(), number };
            publishers.push(tokio::spawn(publisher.run(Arc::clone(&progress))));
            for client in 0..CLIENTS {
                let follower = follow(configs.clone(), number, client, Arc::clone(&progress));
                followers.push(tokio::spawn(follower));
            }
        }
        Self { progress, publishers, followers }
    }

    /// Waits until each publisher has had this many successes and failures, and each client has
    /// been served: the machine may be too busy for that during the events of a test.
    pub(super) async fn goes_on(&self, acknowledged: usize, failed: usize) {
        let what = format!("{acknowledged} publishes of each app, and {failed} that fail");
        eventually(&what, async || {
            let progress = &self.progress;
            let is_enough = all_have(&progress.acknowledged, acknowledged)
                && all_have(&progress.failed, failed)
                && all_have(&progress.reads, 1);
            is_enough.then_some(())
        })
        .await;
    }

    /// Whether each publisher has failed once.
    pub(super) fn has_failed(&self) -> bool {
        all_have(&self.progress.failed, 1)
    }

    /// Ends it; panics if a client was served something older than it knew.
    pub(super) async fn end(self) -> Vec<Published> {
        self.progress.is_over.store(true, Ordering::Relaxed);
        let mut published = Vec::new();
        for publisher in self.publishers {
            published.push(publisher.await.unwrap());
        }
        for (at, follower) in self.followers.into_iter().enumerate() {
            let reads = follower.await.unwrap();
            assert!(!reads.is_empty(), "a client received nothing");
            published[at / CLIENTS].verify_reads(&reads);
        }
        published
    }
}

fn watch_key(app_id: &str) -> String {
    format!("{app_id}+default+application")
}

fn app_id(number: usize) -> String {
    format!("load-{number}")
}

struct Publisher {
    app: App,
    item: Value,
    database: Database,
    nodes: Vec<Http>,
    number: usize,
}

impl Publisher {
    async fn run(self, progress: Arc<Progress>) -> Published {
        let (mut acknowledged, mut failed, mut value) = (Vec::new(), 0, 0);
        while !progress.is_over() {
            value += 1;
            let turn = self.number + usize::try_from(value).unwrap();
            match self.publish(&self.nodes[turn % self.nodes.len()], value).await {
                Some(release) => {
                    // Nobody else publishes this app.
                    let message = self.database.newest(&watch_key(&self.app.id)).await;
                    acknowledged.push(Acknowledged { release, message, value });
                    count(&progress.acknowledged[self.number]);
                }
                None => {
                    failed += 1;
                    count(&progress.failed[self.number]);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        Published { app_id: self.app.id, acknowledged, failed, last_attempt: value }
    }

    /// The id of the release; `None` unless it was acknowledged.
    async fn publish(&self, node: &Http, value: u64) -> Option<i64> {
        let mut item = self.item.clone();
        item["value"] = value.to_string().into();
        item["dataChangeLastModifiedBy"] = OPERATOR.into();
        let change = json!({
            "createItems": [], "updateItems": [item], "deleteItems": [],
            "dataChangeLastModifiedBy": OPERATOR,
        });
        let path = self.app.path("default", "application");
        let items = format!("{path}/itemset");
        let edited = node.try_send(Method::POST, &items, Some(&change), PUBLISH).await?;
        assert!(matches!(edited.status, 200 | 409 | 503), "{edited:?}");
        if edited.status != 200 {
            return None;
        }
        let release = format!("{path}/releases?name=test&operator={OPERATOR}");
        let published = node.try_send(Method::POST, &release, None, PUBLISH).await?;
        assert!(matches!(published.status, 200 | 409 | 503), "{published:?}");
        (published.status == 200).then(|| published.json()["id"].as_i64().unwrap())
    }
}

/// Polls and reads like a client that uses the nodes in turn. A node that is behind may notify of
/// an older id, so clients send the greatest one with each read.
async fn follow(
    nodes: Vec<Http>,
    number: usize,
    client: usize,
    progress: Arc<Progress>,
) -> Vec<Read> {
    let app_id = app_id(number);
    let (mut known, mut greatest, mut turn) = (-1, -1, number + client);
    let (mut reads, mut served) = (Vec::new(), vec![0; nodes.len()]);
    while !progress.is_over() {
        turn += 1;
        let node = &nodes[turn % nodes.len()];
        let path = poll::path(&app_id, &[("application", known)]);
        let answer = node.try_send(Method::GET, &path, None, READ).await;
        let Some(answer) = answer.filter(|answer| answer.status == 200) else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let notified = newest(&answer);
        greatest = notified.max(greatest);
        let details = format!("%22{app_id}%2Bdefault%2Bapplication%22%3A{greatest}");
        let path = format!(
            "/configs/{app_id}/default/application?messages=%7B%22details%22%3A%7B{details}%7D%7D"
        );
        let config = node.try_send(Method::GET, &path, None, READ).await;
        let Some(config) = config.filter(|answer| answer.status == 200) else { continue };
        let value = value_of(&config.json()["configurations"]);
        let before = std::mem::replace(&mut served[turn % nodes.len()], value);
        assert!(value >= before, "{app_id}: a node served {value} after {before}");
        reads.push((greatest, value));
        count(&progress.reads[number * CLIENTS + client]);
        known = notified;
    }
    reads
}

fn value_of(configurations: &Value) -> u64 {
    configurations["k"].as_str().unwrap().parse().unwrap()
}

impl Published {
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Checks what is stored, what these nodes serve, and that they answer waiting polls.
    pub(super) async fn verify(&mut self, database: &Database, nodes: &[Member]) {
        let newest_key = self.verify_rows(database).await;
        let newest_message = database.newest(&watch_key(&self.app_id)).await;
        let mut polls = Vec::new();
        for node in nodes {
            let path = format!("/configs/{}/default/application", self.app_id);
            eventually(&format!("{newest_key} at {}", node.config.base()), async || {
                let answer = node.config.get(&path).await;
                (answer.status == 200 && answer.json()["releaseKey"] == *newest_key).then_some(())
            })
            .await;
            eventually("the newest message", async || {
                let known = position(&node.config, &self.app_id, "application").await;
                (known == newest_message).then_some(())
            })
            .await;
            let known = [("application", newest_message)];
            polls.push(Waiting::start(&node.config, &poll::path(&self.app_id, &known)).await);
        }
        self.last_attempt += 1;
        let app = App::existing(&nodes[0].admin, &self.app_id);
        let release = app.publish(&self.last_attempt.to_string()).await.id;
        let message = database.newest(&watch_key(&self.app_id)).await;
        let value = self.last_attempt;
        self.acknowledged.push(Acknowledged { release, message, value });
        for poll in polls {
            assert!(newest(&poll.soon().await.ok()) > newest_message);
        }
    }

    fn verify_reads(&self, reads: &[Read]) {
        for (notified, served) in reads {
            let known = self.acknowledged.iter().rfind(|publish| publish.message <= *notified);
            let least = known.map_or(0, |publish| publish.value);
            assert!(
                *served >= least,
                "{}: {served} was served with notification {notified}, which announced {least}",
                self.app_id
            );
        }
    }

    /// Compares the rows with the answers; returns the key of the newest release.
    async fn verify_rows(&self, database: &Database) -> String {
        let app_id = &self.app_id;
        let releases = format!(
            r#"SELECT "Id","ReleaseKey","Configurations" FROM "Release" WHERE "AppId" = '{app_id}' ORDER BY "Id""#
        );
        let releases = database.rows(&releases).await;
        let mut previous = 0;
        for Acknowledged { release: id, value, .. } in &self.acknowledged {
            let stored = releases.iter().find(|release| release["Id"] == *id);
            let stored = stored.unwrap_or_else(|| panic!("{app_id}: release {id} is lost"));
            let text = stored["Configurations"].as_str().unwrap();
            let stored = value_of(&serde_json::from_str(text).unwrap());
            // An edit with an unknown outcome may be applied until the next one is acknowledged.
            assert!(
                previous < stored && stored <= *value,
                "{app_id}: release {id} has {stored}, not {value}, after {previous}"
            );
            previous = stored;
        }
        let histories = format!(
            r#"SELECT "ReleaseId" FROM "ReleaseHistory" WHERE "AppId" = '{app_id}' ORDER BY "ReleaseId""#
        );
        let histories = database.rows(&histories).await;
        let ids =
            |rows: &[Value], column: &str| rows.iter().map(|row| row[column].clone()).collect();
        let (released, recorded): (Vec<_>, Vec<_>) =
            (ids(&releases, "Id"), ids(&histories, "ReleaseId"));
        assert_eq!(released, recorded, "{app_id}: history and releases");
        let newest = releases.last().unwrap();
        let text = newest["Configurations"].as_str().unwrap();
        let served = value_of(&serde_json::from_str(text).unwrap());
        assert!((previous..=self.last_attempt).contains(&served), "{app_id}: {served}");
        newest["ReleaseKey"].as_str().unwrap().to_owned()
    }
}
