//! A database server greets its clients late, as one that looks up their names first: later than a
//! ping may take. A node starts and serves nevertheless, and its work waits for the connections
//! that it needs. After an outage the node recovers, and does not close what it has just opened.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

use super::database::on_each_engine;
use super::feed_node::value_of;
use super::locked_table::recovers;
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// A ping is answered within 2 s.
const GREETING: Duration = Duration::from_secs(3);
/// Longer than any connection takes to be opened or given up.
const STEADY: Duration = Duration::from_secs(10);
/// Longest time in which work may still fail after the end of an outage, on a busy machine.
const RECOVERY: Duration = Duration::from_secs(40);

/// The URL of a database whose server greets late.
async fn greeting_late(url: &str) -> String {
    let (head, rest) = url.split_once('@').unwrap();
    let (target, name) = rest.split_once('/').unwrap();
    let target = target.parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, target));
        }
    });
    format!("{head}@{address}/{name}")
}

/// Carries bytes until one side closes; the first ones of the server are late.
async fn carry(client: TcpStream, target: SocketAddr) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((mut requests, mut client), (mut answers, mut server)) =
        (client.into_split(), server.into_split());
    let back = async {
        answers.readable().await?;
        tokio::time::sleep(GREETING).await;
        tokio::io::copy(&mut answers, &mut client).await
    };
    tokio::select! {
        _ = tokio::io::copy(&mut requests, &mut server) => {}
        _ = back => {}
    }
}

/// S71
async fn a_server_that_greets_late_is_used(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let gate = Gate::before(&fresh.database.url).await;
    let url = greeting_late(&gate.url).await;
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", &url)
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = tokio::task::spawn_blocking(move || Server::start_with(options)).await.unwrap();
    let http = Http::new(&server.config);
    recovers(&http).await;
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    serves(&http, "1").await;

    // All connections end, and new ones are late.
    gate.shut();
    eventually("the loss to be noticed", async || {
        (http.get("/health").await.status == 503).then_some(())
    })
    .await;
    // Noted as an outage, which ends with a change that succeeds.
    assert_eq!(app.try_publish("default", "application").await.status, 503);
    gate.open();
    let opened = Instant::now();
    let mut steady = opened;
    while steady.elapsed() < STEADY {
        let answer = app.try_publish("default", "application").await;
        let health = http.get("/health").await;
        if (answer.status, health.status) != (200, 200) {
            assert!(opened.elapsed() < RECOVERY, "{answer:?} {health:?}");
            steady = Instant::now();
        }
    }
    app.publish("2").await;
    serves(&http, "2").await;
    drop(server);
    fresh.remove().await;
}

async fn serves(http: &Http, value: &str) {
    eventually(&format!("the value {value}"), async || {
        let answer = http.get("/configs/demo/default/application").await;
        (value_of(&answer) == value).then_some(())
    })
    .await;
}

on_each_engine!(a_server_that_greets_late_is_used);
