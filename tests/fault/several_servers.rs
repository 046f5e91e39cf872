//! The address of the database leads to several servers of MySQL in turn, as a load balancer does. A
//! proxy changes what every other session learns about the port of its server.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

use super::locked_table::reports;
use crate::support::database::{Engine, Fresh};
use crate::support::http::Http;
use crate::support::server::{Options, Server};

const REPORTED: &str = "the address of the database leads to several servers in turn";
/// Name of the variable with its length; the length of the value follows.
const PORT: &[u8] = b"\x04port";

async fn alternating(url: &str) -> String {
    let (head, rest) = url.split_once('@').unwrap();
    let (target, name) = rest.split_once('/').unwrap();
    let target = target.parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("{head}@{}/{name}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut is_other = false;
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, target, is_other));
            is_other = !is_other;
        }
    });
    url
}

async fn carry(client: TcpStream, target: SocketAddr, is_other: bool) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((mut requests, mut client), (mut answers, mut server)) =
        (client.into_split(), server.into_split());
    let back = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(bytes @ 1..) = answers.read(&mut buffer).await {
            let answer = &mut buffer[..bytes];
            let found = answer.windows(PORT.len()).position(|part| part == PORT);
            let digit = found.and_then(|at| answer.get_mut(at + PORT.len() + 1));
            if let Some(digit) = digit.filter(|_| is_other) {
                *digit = b'0';
            }
            if client.write_all(answer).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = copy(&mut requests, &mut server) => {}
        () = back => {}
    }
}

/// S70
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_behind_one_address_are_reported() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    let url = alternating(&fresh.database.url).await;
    let options = Options::new().flag("--roles", "config,meta").flag("--config-db", &url);
    let server = tokio::task::spawn_blocking(move || Server::start_with(options)).await.unwrap();
    let http = Http::new(&server.config);
    reports(&http, &[REPORTED.to_owned()]).await;
    assert_eq!(http.get("/health/ready").await.status, 200);
    drop(server);
    fresh.remove().await;
}
