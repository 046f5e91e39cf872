//! Parts of an attack: many clients without credentials, and beside them a regular client that has
//! to be served.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::line::Line;
use crate::support::memory::{print_memory, resident_kib};
use crate::support::poll::{self, Waiting, position};
use crate::support::raw;
use crate::support::server::{Options, Server};
use crate::support::variable;

/// Memory that a server may keep in addition after an attack: 16 MiB of answers, 16 MiB of former
/// releases, 4 MiB of unpublished names, and what the allocator does not return.
const RETAINED_KIB: u64 = 64 * 1024;
/// Connections of an attack.
const LINES: usize = 16;
/// Addresses of attackers, because a single address is limited to a part of the total.
const ADDRESSES: usize = 16;
/// Instances that the server may record for an app in this test.
pub(super) const INSTANCES: u64 = 300;

pub(super) fn options() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
        .variable("CASTALIA_CONFIG_SERVICE_INCREMENTAL_CHANGE_ENABLED", "true")
        .variable("CASTALIA_INSTANCE_MAX_PER_APP", &INSTANCES.to_string())
}

/// Number of requests of an attack.
pub(super) fn scale(full: usize) -> usize {
    match variable("CASTALIA_TEST_STRANGERS").as_deref() {
        Some("full") => full,
        Some(divisor) => full / divisor.parse::<usize>().unwrap(),
        None => full / 32,
    }
}

/// After the attack, most of the memory is returned to the system.
pub(super) async fn assert_returned(server: &Server, before_kib: u64) {
    let most = before_kib + RETAINED_KIB;
    let is_returned = async || (resident_kib(server) < most).then_some(());
    eventually(&format!("less than {} MiB to be resident", most / 1024), is_returned).await;
    print_memory(server, "afterwards");
}

/// Sends requests over a few connections; target and additional headers of each are derived from
/// its number. None fails.
pub(super) async fn flood(
    server: &Server,
    count: usize,
    request: impl Fn(usize) -> (String, String),
) {
    for (number, status) in statuses(server, count, &request).await.into_iter().enumerate() {
        let (target, _) = request(number);
        assert!(status.is_none_or(|status| status < 500), "{status:?}: {:.80}", target);
    }
}

/// Sends requests in the same way; returns the status of each by its number, `None` without an
/// answer.
pub(super) async fn statuses(
    server: &Server,
    count: usize,
    request: impl Fn(usize) -> (String, String),
) -> Vec<Option<u16>> {
    let request = &request;
    let lines = (0..LINES).map(|first| async move {
        let mut line = Line::new(&server.config);
        let mut statuses = Vec::new();
        for number in (first..count).step_by(LINES) {
            let (target, headers) = request(number);
            statuses.push((number, line.get(&target, &headers).await));
        }
        statuses
    });
    let mut statuses = join_all(lines).await.concat();
    statuses.sort_unstable_by_key(|(number, _)| *number);
    statuses.into_iter().map(|(_, status)| status).collect()
}

/// Sends polls that should be parked, each on its own connection, from several addresses.
pub(super) async fn hold(
    server: &Server,
    count: usize,
    target: impl Fn(usize) -> String,
) -> Vec<TcpStream> {
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = connect_to(&server.config, number).await;
        let request = raw::request("GET", &target(number), &server.config, &[]);
        stream.write_all(&request).await.unwrap();
        held.push(stream);
    }
    // Once the server answers on a newer connection, even with a refusal, it has read all of them.
    let http = Http::new(&server.config);
    let _ = http.try_send(Method::GET, "/health", None, Duration::from_secs(30)).await;
    held
}

/// A connection from one of the addresses of attackers.
pub(super) async fn connect_to(service: &str, number: usize) -> TcpStream {
    connect_from(address(number), service).await.unwrap()
}

/// One of the addresses of attackers.
pub(super) fn address(number: usize) -> [u8; 4] {
    [127, 0, 0, u8::try_from(10 + number % ADDRESSES).unwrap()]
}

/// A connection from an address of this machine.
pub(super) async fn connect_from(address: [u8; 4], service: &str) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((address, 0).into())?;
    socket.connect(raw::authority(service).parse().unwrap()).await
}

/// A client that reads and polls continuously, like an official one.
pub(super) struct Honest {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Honest {
    pub(super) fn start(server: &Server) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (http, ended, count) = (Http::new(&server.config), stop.clone(), served.clone());
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let answer = http.get("/configs/demo/default/application").await;
                assert_eq!(answer.status, 200, "{answer:?}");
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { stop, served, task }
    }

    pub(super) async fn end(self) {
        let is_served = async || (self.served.load(Ordering::Relaxed) > 10).then_some(());
        eventually("answers to an honest client", is_served).await;
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

/// A publish reaches a parked poll during the attack.
pub(super) async fn assert_publishes_arrive(server: &Server, app: &App, value: &str) {
    let http = Http::new(&server.config);
    let id = position(&http, &app.id, "application").await;
    let waiting = Waiting::start(&http, &poll::path(&app.id, &[("application", id)])).await;
    app.set("default", "application", &[("k", value)]).await;
    // Without patience: an attack must not cause a refusal.
    app.try_publish("default", "application").await.ok();
    let (answer, _) = tokio::time::timeout(Duration::from_secs(30), waiting.end()).await.unwrap();
    answer.ok();
}

/// A text that is unique for each number and has the given length.
pub(super) fn text(number: usize, length: usize) -> String {
    format!("{number:0>8}{}", "x".repeat(length - 8))
}
