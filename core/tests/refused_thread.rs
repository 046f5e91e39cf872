//! An operating system that refuses to start threads delays the work that needs one, and ends
//! nothing. Calls that need the threads of the shared runtime fail until it grants them. A program
//! of its own, because it limits the memory of the process.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test program")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use castalia_core::testing::{Data, Network, Server, patient};
use castalia_core::{Client, ErrorKind, Interest, Settings, blocking};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use tempfile::TempDir;
use tokio::runtime::Builder;

const PATIENCE: Duration = Duration::from_secs(60);
/// Address space of the stack of a blocking thread, in bytes.
const STACK: usize = 1 << 30;
/// Address space that the process may use beside what it has, while threads are refused.
const SPARE: u64 = 1 << 29;
/// The same while threads of the shared runtime are refused, whose stacks have 2 MiB.
const LESS_THAN_A_STACK: u64 = 3 << 19;

fn main() {
    if !cfg!(target_os = "linux") {
        return;
    }
    // First, because the system keeps the stacks of ended threads for new ones.
    a_refused_worker_is_an_error_of_one_call();
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().thread_stack_size(STACK).build().unwrap();
    runtime.block_on(a_refused_thread_ends_neither_a_namespace_nor_a_listener());
}

/// B80
fn a_refused_worker_is_an_error_of_one_call() {
    let (server, root) =
        (Server::in_memory("http://s1", Data::new()), tempfile::tempdir().unwrap());
    server.publish("order", "application", &[("a", "1")]);
    let client = blocking::Client::from(client_of(&server, &root));
    limit_address_space(Some(address_space() + LESS_THAN_A_STACK));
    let refused = client.config("application", PATIENCE);
    limit_address_space(None);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(client.config("application", PATIENCE).unwrap().get_or("a", 0), 1);
    client.close(PATIENCE);
}

/// B69: cache files and listeners need threads.
async fn a_refused_thread_ends_neither_a_namespace_nor_a_listener() {
    let (server, root) =
        (Server::in_memory("http://s1", Data::new()), tempfile::tempdir().unwrap());
    let client = client_of(&server, &root);
    limit_address_space(Some(address_space() + SPARE));
    server.publish("order", "application", &[("a", "1")]);
    let config = client.config("application").await.unwrap();
    let received = Arc::new(Mutex::new(Vec::new()));
    let (sink, values) = (received.clone(), move || received.lock().unwrap().clone());
    let subscription = config.on_change(Interest::everything(), move |event| {
        sink.lock().unwrap().push(event.snapshot().get("a").unwrap().to_owned());
    });
    server.publish("order", "application", &[("a", "2")]);
    config.refresh().await.unwrap();
    assert_eq!(config.get_or("a", 0), 2);
    assert!(values().is_empty(), "no thread could be started");

    limit_address_space(None);
    let cache = root.path().join("order/config-cache/order+default+application.properties");
    let is_written = || std::fs::read_to_string(&cache).is_ok_and(|text| text.contains("a=2"));
    settled("the listener is called", || values() == ["2"]).await;
    settled("the cache file is written", is_written).await;
    server.publish("order", "application", &[("a", "3")]);
    config.refresh().await.unwrap();
    settled("the listener is called once for each event", || values() == ["2", "3"]).await;
    drop(subscription);
    client.close().await;
}

fn client_of(server: &Server, root: &TempDir) -> Client {
    let network = Network::new();
    network.connect(server);
    let settings = Settings::new()
        .set("app.id", "order")
        .set("apollo.meta", server.url())
        .set("apollo.cache-dir", root.path().to_str().unwrap())
        .set("castalia.long-poll.enable", "false");
    Client::with_http_client(patient(settings), network).unwrap()
}

/// Bytes of the address space in use.
fn address_space() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    pages * 4096
}

fn limit_address_space(limit: Option<u64>) {
    setrlimit(Resource::RLIMIT_AS, limit.unwrap_or(RLIM_INFINITY), RLIM_INFINITY).unwrap();
}

async fn settled(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
