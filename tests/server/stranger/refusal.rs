//! Refusals: each is answered, leaves capacity to others, and few of them are logged.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::attack::{connect_from, hold, options};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::line::{self, Line};
use crate::support::poll::{self, position};
use crate::support::raw;
use crate::support::server::{Options, Server};

/// A request that every port answers without its database.
const REQUEST: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// Time limit of an answer while other connections are open: the server ends those that are idle
/// after ten seconds, and then has room for more.
const ANSWERED: Duration = Duration::from_secs(8);
/// Most log lines within a second: five of each of three kinds in any second of the server, of
/// which two may overlap with one of the clock.
const MOST_LINES: usize = 2 * 3 * 5;

/// Refused polls and invalid signatures write a few log lines per second and not one for each
/// request.
#[tokio::test]
async fn refusals_do_not_flood_the_log() {
    let mut server = Server::start_with(options().files(160));
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    demo.add_key("0123456789abcdef", 1, true).await;
    demo.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let path = poll::path("demo", &[("application", id)]);
    let _held = hold(&server, 60, |_| path.clone()).await;
    for _ in 0..50 {
        let refused = (0..10).map(async |_| {
            let mut line = Line::new(&server.config);
            // Once the held polls have ended, these are held instead of refused.
            let sent = line.get(&path, "authorization: Apollo demo:x\r\n");
            let _ = tokio::time::timeout(Duration::from_millis(100), sent).await;
        });
        join_all(refused).await;
    }
    let printed = server.printed_until_exit();
    let is_of_request = |line: &&String| line.contains("request") || line.contains("connection");
    let mut seconds: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for line in printed.iter().filter(is_of_request) {
        let fields: Value = serde_json::from_str(line).unwrap();
        let (second, _) = fields["timestamp"].as_str().unwrap().split_once('.').unwrap();
        seconds.entry(second.to_owned()).or_default().push(line);
    }
    for (second, lines) in seconds {
        assert!(lines.len() <= MOST_LINES, "{} lines at {second}: {}", lines.len(), lines[0]);
    }
}

/// With hardly any file descriptors each port answers that it is full instead of not answering, and
/// recovers afterwards.
#[tokio::test]
async fn a_port_without_files_says_so() {
    let server = Server::start_with(Options::new().files(128));
    for base in [&server.config, &server.admin, &server.portal] {
        let mut held = Vec::new();
        let (mut refused, mut told) = (0, 0);
        for last in 1..=150 {
            // The ports for users reserve a part for other addresses, so one would not fill them.
            let mut stream = connect_from([127, 0, 1, last], base).await.unwrap();
            stream.write_all(REQUEST).await.unwrap();
            let answered = tokio::time::timeout(ANSWERED, line::answer(&mut stream)).await;
            let answer = answered.unwrap_or_else(|_| panic!("{base} is silent after {last}"));
            // The answer may be lost if the connection is closed before the request was read.
            refused += usize::from(answer.is_none_or(|(status, _)| status == 503));
            told += usize::from(answer.is_some_and(|(status, _)| status == 503));
            held.push(stream);
        }
        assert!((51..150).contains(&refused), "{base}: {refused} were refused");
        assert!(told > 0, "{base}: none of {refused} was answered 503");
        drop(held);
        eventually("an answer", async || {
            let mut line = Line::new(base);
            (line.get("/health/live", "").await == Some(200)).then_some(())
        })
        .await;
    }
}

/// SEC-22: one address cannot use all connections of the portal's port.
#[tokio::test]
async fn one_address_leaves_connections_of_the_portal_to_others() {
    let server = Server::start_with(Options::new().files(400));
    let mut held = Vec::new();
    for _ in 0..500 {
        held.push(TcpStream::connect(raw::authority(&server.portal)).await.unwrap());
    }
    let mut other = connect_from([127, 0, 0, 77], &server.portal).await.unwrap();
    other.write_all(REQUEST).await.unwrap();
    let answered = tokio::time::timeout(ANSWERED, line::answer(&mut other)).await;
    assert_eq!(answered.unwrap().map(|(status, _)| status), Some(200));
}
