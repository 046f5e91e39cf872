//! Nodes whose clocks differ by days deliver from one queue: attempts keep their distance, and what
//! was delivered remains in the log.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::clock::Clock;
use super::database::on_each_engine;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};
use crate::support::session;

const WEBHOOKS: &str = "/openapi/v1/webhooks";
/// Longer than deliveries are kept in the log.
const AHEAD: i64 = 9 * 24 * 3600;
/// The third attempt follows the first one after pauses of one second and of four.
const THIRD: Duration = Duration::from_millis(4_900);

struct Node {
    portal: Http,
    _server: Server,
    _directory: tempfile::TempDir,
}

async fn start([config, portal]: &[Fresh; 2], offset: i64) -> Node {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    clock.jump(offset);
    let options = Options::new()
        .flag("--config-db", &config.database.url)
        .flag("--portal-db", &portal.database.url)
        .variable("CASTALIA_SECURITY_WEBHOOK_HOSTS", "127.0.0.1");
    let options = clock.rules(options);
    let server = Server::start_in(directory.path(), options);
    let portal = session::root(&server).await;
    Node { portal, _server: server, _directory: directory }
}

/// A receiver that accepts everything.
async fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 16 * 1024];
            let _ = stream.read(&mut request).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
    });
    url
}

async fn send(portal: &Http, url: &str) {
    let webhook = portal.post(WEBHOOKS, json!({ "url": url })).await.ok().json();
    portal.post(&format!("{WEBHOOKS}/{}/test", webhook["id"]), json!(null)).await.ok();
}

/// The delivery log, newest first.
async fn log(portal: &Http) -> Vec<Value> {
    let log = portal.get(&format!("{WEBHOOKS}/deliveries")).await.ok().json();
    log.as_array().unwrap().clone()
}

async fn deliveries_do_not_depend_on_the_clock_of_a_node(engine: Engine) {
    let Some(config) = Fresh::on(engine).await else { return };
    let Some(portal) = Fresh::on(engine).await else { return };
    let databases = [config, portal];
    let right = start(&databases, 0).await;
    send(&right.portal, &receiver().await).await;
    eventually("the first delivery", async || {
        (log(&right.portal).await[0]["state"] == "delivered").then_some(())
    })
    .await;
    // It trims the log when it starts.
    let ahead = start(&databases, AHEAD).await;
    let began = Instant::now();
    // Nothing listens there.
    send(&ahead.portal, "http://127.0.0.1:1/").await;
    send(&right.portal, "http://127.0.0.1:1/other").await;
    let rows = eventually("three attempts", async || {
        let rows = log(&right.portal).await;
        rows.iter().any(|row| row["attempts"].as_i64() >= Some(3)).then_some(rows)
    })
    .await;
    assert!(began.elapsed() >= THIRD, "three attempts within {:?}: {rows:?}", began.elapsed());
    assert!(rows.iter().all(|row| row["attempts"].as_i64() <= Some(3)), "{rows:?}");
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows[2]["state"], "delivered");
    drop((right, ahead));
    for fresh in databases {
        fresh.remove().await;
    }
}

on_each_engine!(deliveries_do_not_depend_on_the_clock_of_a_node);
