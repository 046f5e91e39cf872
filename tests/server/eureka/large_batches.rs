//! Large batches of callers with the password, of which the node holds a limited
//! number.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
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
    let refusals = tokio::time::timeout(Duration::from_secs(25), refusals);
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
