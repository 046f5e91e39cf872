//! REL-11: clients that do not read their answers, or only slowly. They are disconnected at the
//! write timeout; others are unaffected.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::App;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::raw;
use crate::support::server::{Options, Server};

/// Requests on one connection whose answers exceed any socket buffer.
const REQUESTS: usize = 100;

/// A client that requests much and reads nothing is disconnected after half a minute; one that
/// reads slowly but steadily receives everything.
#[tokio::test]
async fn a_client_that_never_reads_is_cut() {
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.add_namespace("large", false).await;
    let value = "x".repeat(20_000);
    let keys: Vec<String> = (0..50).map(|at| format!("k{at}")).collect();
    let items: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
    app.release("default", "large", &items).await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let mut id = position(&http, "demo", "application").await;
    let start = Instant::now();
    let silent = ask(&server, REQUESTS).await;
    let steady = tokio::spawn(read_steadily(ask(&server, 20).await));

    let cut = "castalia_cut_connections_total 1";
    while !http.get("/metrics").await.text.contains(cut) {
        assert!(start.elapsed() < Duration::from_secs(90), "the silent client is not cut");
        let waiting = Waiting::start(&http, &poll::path("demo", &[("application", id)])).await;
        app.publish("2").await;
        id = newest(&waiting.soon().await.ok());
    }
    assert!(start.elapsed() > Duration::from_secs(25), "{:?}", start.elapsed());
    let rest = read_all(silent).await;
    assert!(rest < REQUESTS * 1_000_000, "{rest} bytes");
    assert!(steady.await.unwrap() > 20 * 1_000_000);
}

/// A connection with this many requests for the large namespace.
async fn ask(server: &Server, requests: usize) -> TcpStream {
    let mut stream = TcpStream::connect(raw::authority(&server.config)).await.unwrap();
    let request = "GET /configs/demo/default/large HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.repeat(requests).as_bytes()).await.unwrap();
    stream
}

/// The number of bytes until the socket is closed.
async fn read_all(mut stream: TcpStream) -> usize {
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
        total += bytes;
    }
    total
}

/// Reads about a megabyte per second, in small steps, until nothing more arrives.
async fn read_steadily(mut stream: TcpStream) -> usize {
    let mut buffer = vec![0; 100_000];
    let mut total = 0;
    while let Ok(Ok(bytes @ 1..)) =
        tokio::time::timeout(Duration::from_secs(20), stream.read(&mut buffer)).await
    {
        total += bytes;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    total
}
