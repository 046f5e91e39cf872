//! A thousand clients, one after the other, leave no thread, task, socket or memory behind. A
//! program of its own, so that the process contains nothing else to count.
#![allow(clippy::unwrap_used, reason = "a test program")]

use std::time::{Duration, Instant};

use castalia_core::testing::{Endpoint, Server, patient};
use castalia_core::{Client, Interest, Settings};
use tokio::runtime::{Handle, Runtime};

const CLIENTS: usize = 1000;
/// Clients of one server, because a test server keeps every request.
const BATCH: usize = 100;
/// Clients before the first measurement: allocator, thread pool and connection tables then have
/// their final size.
const WARM: usize = 300;
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes that an allocator may keep. A leak would be about 100 kB for each of the clients.
const SLACK: usize = 2 << 20;

fn main() {
    if !cfg!(target_os = "linux") {
        return;
    }
    // The server runs on a separate runtime, so that the other one has only tasks of clients.
    let (runtime, servers) = (runtime(), runtime());
    let own_sockets = sockets();
    let mut warm = None;
    for number in (0..CLIENTS).step_by(BATCH) {
        if number == WARM {
            warm = Some((threads(), memory()));
        }
        let server = servers.block_on(Server::start()).unwrap();
        server.publish("order", "application", &[("a", "1")]);
        runtime.block_on(use_clients(&server));
        drop(server);
        runtime.block_on(settled("sockets", || sockets() <= own_sockets));
    }
    let (threads_before, memory_before) = warm.unwrap();
    runtime.block_on(settled("threads", || threads() <= threads_before));
    let memory = memory();
    assert!(memory <= memory_before + SLACK, "{memory_before} then {memory} bytes");
}

async fn use_clients(server: &Server) {
    for number in 0..BATCH {
        use_a_client(server, number % 10 == 0).await;
    }
    settled("tasks", || Handle::current().metrics().num_alive_tasks() == 0).await;
    settled("polls", || server.held() == 0).await;
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Opens, listens, reads and closes; for some clients while a poll is held.
async fn use_a_client(server: &Server, waits_for_poll: bool) {
    let settings = Settings::new()
        .set("app.id", "order")
        .set("apollo.meta", server.url())
        .set("apollo.cache.file.enable", "false")
        .set("castalia.proxy.enable", "false")
        .set("apollo.longPollingInitialDelayInMills", "0");
    let polls = server.requests_of(Endpoint::Poll).len();
    let client = Client::new(patient(settings)).unwrap();
    let config = client.config("application").await.unwrap();
    let _subscription = config.on_change(Interest::everything(), |_| {});
    let _changes = config.changes();
    assert_eq!(config.get_or("a", 0), 1);
    if waits_for_poll {
        server.arrived(Endpoint::Poll, polls + 1).await;
    }
    client.close().await;
}

async fn settled(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        let counts = (threads(), sockets(), Handle::current().metrics().num_alive_tasks());
        assert!(start.elapsed() < PATIENCE, "{what} stay; threads, sockets, tasks: {counts:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Open sockets: those of the server and the runtimes, and both ends of each connection.
fn sockets() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// Bytes of heap and stacks.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
