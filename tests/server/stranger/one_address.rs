//! SEC-22: one address opens connections and polls without end, as fast as this machine allows,
//! while clients of other addresses wait for publishes and a user opens pages of the portal.
//! `CASTALIA_TEST_STRANGERS=full` makes 100,000 attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::attack::{connect_from, connect_to, scale};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::health::ports_are_ready;
use crate::support::http::Http;
use crate::support::poll::{self, position};
use crate::support::server::{Options, Server};
use crate::support::stopwatch::{Limit, Stopwatch};
use crate::support::{line, raw, session};

/// Limit of the server on open files, enough for some 500 polls and 700 connections.
const FILES: u32 = 1_000;
/// Connections of the attacker that may be open here: more than the server accepts, so that there
/// are always some that it refuses.
const OPEN: usize = 900;
const ATTACKER: [u8; 4] = [127, 0, 0, 99];
/// Clients of other addresses; beside fewer than two, no address holds more than twice its share.
const OTHERS: usize = 4;
/// Pause of the other clients between polls.
const PAUSE: Duration = Duration::from_millis(100);
/// Publishes of a series, of which the slowest is measured.
const PUBLISHES: usize = 20;
/// Time from a publish to the answer of the poll that waits for it. Where the attacker uses up what
/// all share, the poll is refused, or not even accepted until those of the attacker end.
const RECEIVED: Limit = Limit { usual: Duration::from_secs(2), most: Duration::from_secs(30) };
/// Time of a page of the portal and a read of it.
const PAGE: Limit = Limit { usual: Duration::from_secs(1), most: Duration::from_secs(30) };

/// Connections of the attacker, until it is dropped.
struct Attack {
    attempts: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Attack {
    /// Every fourth connection is one to the portal's port.
    fn start(server: &Server, path: &str) -> Self {
        let host = raw::authority(&server.config);
        let poll = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let (client, portal) = (server.config.clone(), server.portal.clone());
        let attempts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&attempts);
        let task = tokio::spawn(async move {
            let permits = Arc::new(Semaphore::new(OPEN));
            let mut open = JoinSet::new();
            loop {
                while open.try_join_next().is_some() {}
                let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
                let is_poll = !count.fetch_add(1, Ordering::Relaxed).is_multiple_of(4);
                let (base, request) = if is_poll { (&client, &*poll) } else { (&portal, "") };
                // Fails if this machine has no port left for it.
                if let Ok(stream) = connect_from(ATTACKER, base).await {
                    let request = request.to_owned();
                    open.spawn(async move {
                        keep(stream, &request).await;
                        drop(permit);
                    });
                }
                // Others have a turn if nothing here has to wait.
                tokio::task::yield_now().await;
            }
        });
        Self { attempts, task }
    }

    fn is_complete(&self) -> bool {
        self.attempts.load(Ordering::Relaxed) >= scale(100_000)
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps a connection until the server ends it.
async fn keep(mut stream: TcpStream, request: &str) {
    let mut buffer = [0; 1024];
    if stream.write_all(request.as_bytes()).await.is_ok() {
        while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    }
}

/// Other clients, each of which always has a poll.
fn other_clients(server: &Server, path: &str) -> JoinSet<()> {
    let mut others = JoinSet::new();
    for client in 1..=OTHERS {
        let (base, path) = (server.config.clone(), path.to_owned());
        others.spawn(async move {
            loop {
                let mut stream = connect_to(&base, client).await;
                let request = raw::request("GET", &path, &base, &[]);
                if stream.write_all(&request).await.is_ok() {
                    line::answer(&mut stream).await;
                }
                // A poll that is refused is not repeated at once.
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    others
}

/// A poll of another client.
async fn poll_of(server: &Server, client: usize, path: &str) -> TcpStream {
    let mut stream = connect_to(&server.config, client).await;
    stream.write_all(&raw::request("GET", path, &server.config, &[])).await.unwrap();
    stream
}

/// Time from a publish to the answer of a poll that waits for it.
async fn receive(server: &Server, app: &App, value: &str) -> Duration {
    let id = position(&Http::new(&server.config), &app.id, "application").await;
    app.set("default", "application", &[("k", value)]).await;
    let mut poll = poll_of(server, 0, &poll::path(&app.id, &[("application", id)])).await;
    let watch = Stopwatch::start();
    // Without patience: an attack must not cause a refusal.
    app.try_publish("default", "application").await.ok();
    let answer = tokio::time::timeout(RECEIVED.most, line::answer(&mut poll)).await;
    assert_eq!(answer.expect("an answer").map(|(status, _)| status), Some(200));
    watch.elapsed()
}

/// A counter or gauge of the server.
async fn counter(server: &Server, name: &str) -> usize {
    let token = format!("Bearer {}", server.metrics_token());
    let metrics = Http::new(&server.config).with("Authorization", &token);
    let metrics = metrics.get("/metrics").await.ok().text;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_attacks_delays_neither_publishes_of_others_nor_the_portal() {
    let options = Options::new()
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
        .variable("CASTALIA_LONG_POLLING_TIMEOUT", "90")
        .files(FILES);
    let server = Server::start_with(options);
    let admin = Http::new(&server.admin);
    let (app, attacked) =
        (App::create(&admin, "demo").await, App::create(&admin, "attacked").await);
    for app in [&app, &attacked] {
        app.publish("0").await;
    }
    let user = session::root(&server).await;
    let id = position(&Http::new(&server.config), &attacked.id, "application").await;
    let path = poll::path(&attacked.id, &[("application", id)]);
    let _others = other_clients(&server, &path);
    eventually("the polls of the other clients", async || {
        (counter(&server, "castalia_parked_polls").await >= OTHERS).then_some(())
    })
    .await;

    let attack = Attack::start(&server, &path);
    let mut published = 0;
    loop {
        let slowest = async || {
            let mut slowest = Duration::ZERO;
            for _ in 0..PUBLISHES {
                published += 1;
                slowest = slowest.max(receive(&server, &app, &published.to_string()).await);
            }
            slowest
        };
        RECEIVED.check("the slowest of 20 publishes to its client", slowest).await;
        let page = async || {
            user.get("/").await.ok();
            user.get("/openapi/v1/user").await.ok();
        };
        PAGE.time("a page of the portal", page).await;
        if attack.is_complete() {
            break;
        }
    }
    // Connections are refused first, unless the limit of polls is the lower one.
    let polls = counter(&server, "castalia_refused_polls_total").await;
    let connections = counter(&server, "castalia_refused_connections_total").await;
    assert!(polls + connections > 0, "the attack reached no limit");
    drop(attack);
    ports_are_ready(&server).await;
    receive(&server, &app, "last").await;
}
