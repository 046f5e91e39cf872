//! Large batches of callers with the password, which delay no calls of others, and of which the
//! node holds a limited number.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{client, hosting, register};
use crate::support::memory;
use crate::support::raw;
use crate::support::server::{Options, Server};

const BATCH: &str = "/eureka/peerreplication/batch/";
const LARGEST: usize = 8 * 1024 * 1024;
/// The memory for large bodies of callers with the password, of which an address has a quarter, and
/// what the connections and the allocator add, in KiB.
const GROWTH: u64 = (64 + 32) * 1024;

/// A node that believes the addresses that a proxy states.
fn behind_a_proxy() -> Options {
    hosting().flag("--security-trusted-proxies", "127.0.0.1")
}

/// The head of a batch of so many bytes from an address.
fn head(server: &Server, address: &str, length: usize) -> Vec<u8> {
    let length = length.to_string();
    let headers = [
        ("authorization", "Basic ZXU6cHc="),
        ("x-forwarded-for", address),
        ("content-type", "application/json"),
        ("content-length", &*length),
    ];
    raw::request("POST", BATCH, &server.config, &headers)
}

/// Sends all but the end of a batch, and returns the status line when there is an answer.
async fn stalled(server: &Server, address: String) -> String {
    let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
    stream.write_all(&head(server, &address, LARGEST - 10)).await.unwrap();
    let (mut answer, mut body) = stream.split();
    // One that is refused unread cannot be sent.
    let send = async {
        body.write_all(&vec![b' '; LARGEST - 110]).await.ok();
        std::future::pending::<()>().await;
    };
    let mut line = [0; 12];
    tokio::select! {
        _ = answer.read_exact(&mut line) => String::from_utf8_lossy(&line).into_owned(),
        () = send => String::new(),
    }
}

/// Waits until so many of these calls are refused for lack of memory.
async fn refused(calls: &mut FuturesUnordered<impl Future<Output = String>>, number: usize) {
    let refusals = async {
        let mut refused = 0;
        while refused < number {
            refused += usize::from(calls.next().await.unwrap().ends_with("503"));
        }
    };
    let refusals = tokio::time::timeout(Duration::from_secs(60), refusals);
    assert!(refusals.await.is_ok(), "{} callers are still read", calls.len());
}

/// Everything that the memory for bodies does not have is refused at once, and one address leaves
/// three quarters to others.
#[tokio::test]
async fn bodies_of_callers_with_the_password_have_a_bound() {
    let server = Server::start_with(behind_a_proxy());
    let before = memory::resident_kib(&server);
    let mut calls = FuturesUnordered::new();
    let four = |network: usize| {
        (0..4).map(move |_| format!("10.0.{network}.1")).map(|address| stalled(&server, address))
    };
    calls.extend(four(0));
    refused(&mut calls, 2).await;
    let change = super::registration("DEMO", "k", 1);
    let mut body = json!({ "replicationList": [change] }).to_string().into_bytes();
    body.resize(LARGEST - 1024, b' ');
    let mut request = head(&server, "10.0.9.1", body.len());
    request.extend_from_slice(&body);
    let answer = raw::send(&server.config, &request).await.unwrap().ok();
    assert_eq!(answer.json(), json!({"responseList": [{"statusCode": 200}]}));
    calls.extend((1..6).flat_map(four));
    // Six more fit.
    refused(&mut calls, 20 - 6).await;
    let growth = memory::resident_kib(&server).saturating_sub(before);
    assert!(growth < GROWTH, "{growth} KiB");
    assert_eq!(register(&client(&server), "DEMO", "l", 1).await.status, 204);
}

/// As many bytes of values as a batch can have, which take long to parse.
fn zeros() -> Vec<u8> {
    let item = format!("{{\"a\":[{}0]}}", "0,".repeat(4_000));
    format!("{{\"replicationList\":[{}]}}", vec![item; 1_000].join(",")).into_bytes()
}

/// Case 63: on one thread, which answers everybody, heartbeats do not wait for the batches.
#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_do_not_wait_for_large_batches() {
    const HEARTBEATS: usize = 40;
    let server = Server::start_with(behind_a_proxy().variable("TOKIO_WORKER_THREADS", "1"));
    let eureka = client(&server);
    assert_eq!(register(&eureka, "DEMO", "k", 5).await.status, 204);
    let body = zeros();
    let send = async |address: &str| {
        let mut request = head(&server, address, body.len());
        request.extend_from_slice(&body);
        let answer = raw::send(&server.config, &request).await.unwrap().ok().json();
        let is_refused = |outcome: &Value| outcome["statusCode"] == 400;
        assert!(answer["responseList"].as_array().unwrap().iter().all(is_refused));
    };
    let alone = async || {
        let begun = Instant::now();
        send("10.0.0.1").await;
        begun.elapsed()
    };
    let before = alone().await;
    let is_done = AtomicBool::new(false);
    let sender = async |address: &str| {
        while !is_done.load(Ordering::Relaxed) {
            send(address).await;
        }
    };
    let senders = futures_util::future::join4(
        sender("10.0.1.1"),
        sender("10.0.2.1"),
        sender("10.0.3.1"),
        sender("10.0.4.1"),
    );
    let heartbeats = async {
        let mut waits = Vec::new();
        for _ in 0..HEARTBEATS {
            let begun = Instant::now();
            let path = "/eureka/apps/DEMO/k?lastDirtyTimestamp=5";
            assert_eq!(eureka.put(path, json!({})).await.status, 200);
            waits.push(begun.elapsed());
        }
        is_done.store(true, Ordering::Relaxed);
        waits.sort();
        waits
    };
    let (_, waits) = tokio::join!(senders, heartbeats);
    // The one that this busy machine has delayed less.
    let alone = before.min(alone().await);
    // Heartbeats are sent one after another, so that a stall of this machine delays only one of
    // them. More than a quarter of them would be late only if they waited for the batches.
    assert!(waits[HEARTBEATS * 3 / 4] < alone / 4, "{waits:?} beside batches of {alone:?}");
}
