//! Connections without a request, and with one that never ends.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::attack::{Honest, assert_publishes_arrive, assert_returned, options, scale};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::memory::{assert_small, resident_kib};
use crate::support::poll::{self, position};
use crate::support::raw;
use crate::support::server::Server;

/// Idle connections, incomplete heads and endless bodies use little memory, and regular clients are
/// served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_connections_cost_a_bounded_amount_of_memory() {
    let server = Server::start_with(options());
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    demo.publish("1").await;
    position(&Http::new(&server.config), "demo", "application").await;
    let honest = Honest::start(&server);
    let before = resident_kib(&server);
    let half = format!("GET /notifications/v2?appId=demo&x={}", "x".repeat(60_000));
    let bodies = "POST /apps HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\n\r\n";
    let mut open = Vec::new();
    for (base, beginning, count) in [
        (&server.config, half.as_str(), scale(4_000)),
        (&server.config, "", scale(8_000)),
        (&server.admin, bodies, scale(1_600)),
    ] {
        for _ in 0..count {
            let mut stream = TcpStream::connect(raw::authority(base)).await.unwrap();
            let _ = stream.write_all(beginning.as_bytes()).await;
            open.push(stream);
        }
    }
    assert_publishes_arrive(&server, &demo, "2").await;
    assert_small(&server, "open connections");
    drop(open);
    honest.end().await;
    assert_returned(&server, before).await;
}

/// Half of `security.max_watch_mib`, in addition to 8 KiB for each connection.
const BOUND: usize = 1024 * 1024;
const HEAD: usize = 60_000;
const ORDINARY: usize = 8 * 1024;
/// Most heads that the server holds.
const MOST_HELD: usize = BOUND / (HEAD - ORDINARY) + 1;
/// The server ends heads after ten seconds, so they are counted before that. A busy machine needs
/// several tries for this.
const COUNTED: Duration = Duration::from_secs(8);
const TRIES: usize = 5;

/// Many connections with a large unfinished head.
async fn unfinished_heads(server: &Server) -> Vec<TcpStream> {
    let half = format!("GET /notifications/v2?appId=demo&x={}", "x".repeat(HEAD));
    let mut open = Vec::new();
    for _ in 0..scale(2_000).max(100) {
        let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
        let _ = stream.write_all(half.as_bytes()).await;
        open.push(stream);
    }
    open
}

async fn is_held(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await.is_err()
}

/// Unfinished heads, most of which the server has ended.
async fn bounded_heads(server: &Server) -> Vec<TcpStream> {
    let mut counts = Vec::new();
    for _ in 0..TRIES {
        let begun = Instant::now();
        let mut open = unfinished_heads(server).await;
        while begun.elapsed() < COUNTED {
            let held = join_all(open.iter_mut().map(is_held)).await;
            let held = held.into_iter().filter(|is_held| *is_held).count();
            counts.push(held);
            if (1..=MOST_HELD).contains(&held) && begun.elapsed() < COUNTED {
                return open;
            }
            // One that was ended is noticed at once.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    panic!("{counts:?} heads are held");
}

/// Endless heads are bounded in bytes, whatever the number of connections, and ordinary requests
/// are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_heads_have_a_bound_in_bytes() {
    let server = Server::start_with(options().flag("--security-max-watch-mib", "2"));
    let demo = App::create(&Http::new(&server.admin), "demo").await;
    demo.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let honest = Honest::start(&server);
    let open = bounded_heads(&server).await;
    // Polls of the usual size are parked, and another large one is refused with a reason.
    assert_publishes_arrive(&server, &demo, "2").await;
    let path = poll::path("demo", &[("application", id)]) + "&x=" + &"x".repeat(HEAD);
    let large = raw::request("GET", &path, &server.config, &[]);
    eventually("a large poll to be refused", async || {
        // Those from before may have ended.
        let _heads = unfinished_heads(&server).await;
        let refused = raw::send(&server.config, &large).await;
        refused.is_ok_and(|answer| answer.status == 503).then_some(())
    })
    .await;
    let metrics = http.get("/metrics").await.ok().text;
    let count =
        metrics.lines().find_map(|line| line.strip_prefix("castalia_refused_connections_total "));
    assert!(count.is_some_and(|count| count.parse::<usize>().unwrap() > 50), "{count:?}");
    drop(open);
    honest.end().await;
    eventually("a large poll", async || {
        let answer = raw::send(&server.config, &large).await;
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
}
