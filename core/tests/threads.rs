//! Functions of the application occupy few threads, however many there are and however long they
//! block. A program of its own, because it counts the threads of the process.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test program")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use castalia_core::testing::{Data, Network, Server};
use castalia_core::{Client, Interest, Settings};

const PATIENCE: Duration = Duration::from_secs(60);
/// Threads of listeners and hooks, plus some for disks and the test itself.
const MOST: usize = 100;

fn main() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        closing_a_thousand_listened_namespaces_starts_few_threads().await;
        listeners_that_block_hold_up_no_opening().await;
    });
}

async fn closing_a_thousand_listened_namespaces_starts_few_threads() {
    let fixture = Fixture::new();
    let client = fixture.client();
    let mut subscriptions = Vec::new();
    for number in 0..1000 {
        let config = client.config(&format!("n{number}")).await.unwrap();
        subscriptions.push(config.on_change(Interest::everything(), |_| {}));
    }
    let (ended, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let sampler = thread::spawn({
        let (ended, most) = (ended.clone(), most.clone());
        move || {
            while !ended.load(Ordering::SeqCst) {
                most.fetch_max(threads(), Ordering::SeqCst);
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    client.close().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    ended.store(true, Ordering::SeqCst);
    sampler.join().unwrap();
    let most = most.load(Ordering::SeqCst);
    assert!(most <= MOST, "{most} threads while the client was closed");
    drop(subscriptions);
}

async fn listeners_that_block_hold_up_no_opening() {
    const LISTENERS: usize = 600;
    let fixture = Fixture::new();
    let client = fixture.client();
    let config = client.config("application").await.unwrap();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (running, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let subscriptions: Vec<_> = (0..LISTENERS)
        .map(|_| {
            let (gate, running, done) = (gate.clone(), running.clone(), done.clone());
            config.on_change(Interest::everything(), move |_| {
                running.fetch_add(1, Ordering::SeqCst);
                let open = gate.0.lock().unwrap();
                let _open = gate.1.wait_while(open, |open| !*open).unwrap();
                done.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    fixture.server.publish("order", "application", &[("a", "2")]);
    config.refresh().await.unwrap();
    settled("listeners run", || running.load(Ordering::SeqCst) >= 32).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(threads() <= MOST, "{} threads", threads());
    // Cache file and validator need blocking threads as well.
    client.validate("other", |_| Ok(())).unwrap();
    fixture.server.publish("order", "other", &[("b", "1")]);
    let start = Instant::now();
    let other = client.config("other").await.unwrap();
    assert_eq!(other.get_or("b", 0), 1, "opened after {:?}", start.elapsed());
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    settled("all listeners were called", || done.load(Ordering::SeqCst) == LISTENERS).await;
    drop(subscriptions);
    client.close().await;
}

struct Fixture {
    network: Network,
    server: Server,
    root: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let (network, server) = (Network::new(), Server::in_memory("http://s1", Data::new()));
        network.connect(&server);
        server.publish("order", "application", &[("a", "1")]);
        Self { network, server, root: tempfile::tempdir().unwrap() }
    }

    fn client(&self) -> Client {
        let settings = Settings::new()
            .set("app.id", "order")
            .set("apollo.meta", "http://s1")
            .set("apollo.cache-dir", self.root.path().to_str().unwrap())
            .set("castalia.long-poll.enable", "false");
        Client::with_http_client(settings, self.network.clone()).unwrap()
    }
}

async fn settled(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
