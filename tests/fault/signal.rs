//! Signals that should not kill: a terminal that closes, a limit on file sizes.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, position};
use crate::support::server::{Options, Server, command};
use crate::support::stopwatch::Stopwatch;

fn send(signal: &str, server: &Server) {
    kill(signal, server.pid());
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn options() -> Options {
    Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// A closed terminal terminates the server like SIGTERM: parked polls are answered, the exit code
/// is 0.
#[tokio::test]
async fn a_terminal_that_closes_ends_the_server_in_an_orderly_way() {
    let mut server = Server::start_with(options());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let poll = Waiting::start(&http, &poll::path("demo", &[("application", id)])).await;
    send("-HUP", &server);
    assert_eq!(poll.soon().await.status, 304);
    assert!(tokio::task::spawn_blocking(move || server.wait()).await.unwrap().success());
}

/// Longest end of a start that does not wait for its database: one that does waits for ever.
const AT_ONCE: Duration = Duration::from_secs(20);

/// A start that waits for a database that does not answer ends at once with SIGTERM.
async fn a_start_that_waits_for_its_database_can_be_ended(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let gate = Gate::before(&fresh.database.url).await;
    gate.freeze();
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let mut starting = command(&["serve", "--data-dir", data_dir, "--roles", "config,meta"])
        .args(["--config-port", "0", "--config-db", &gate.url])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Written when the signals are already handled.
    let written = directory.path().join("metrics.token");
    eventually("the start to begin", async || written.exists().then_some(())).await;
    let begun = Stopwatch::start();
    kill("-TERM", starting.id());
    let status = tokio::task::spawn_blocking(move || starting.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(gate);
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_for_mysql_can_be_ended() {
    a_start_that_waits_for_its_database_can_be_ended(Engine::MySql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_for_postgres_can_be_ended() {
    a_start_that_waits_for_its_database_can_be_ended(Engine::Postgres).await;
}

/// A server that was started with nohup continues.
#[tokio::test]
async fn a_server_started_with_nohup_outlives_its_terminal() {
    let mut server = Server::start_with(options().before("trap '' HUP"));
    send("-HUP", &server);
    for _ in 0..5 {
        is_well(&Http::new(&server.config)).await;
    }
    assert!(server.terminate().success());
}

/// A file size limit fails the write that exceeds it; the process continues and serves what it has.
#[tokio::test]
async fn a_limit_on_the_size_of_files_ends_no_server() {
    // Blocks have 512 bytes in some shells and 1024 in others.
    let server = Server::start_with(options().before("ulimit -f 8000"));
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let read = async || http.get("/configs/demo/default/application").await.ok().json();
    assert_eq!(read().await["configurations"]["k"], "1");
    let admin = Http::new(&server.admin);
    let path = app.path("default", "application");
    let mut refused = None;
    for number in 0..1_000 {
        let item = serde_json::json!({
            "key": format!("k{number}"), "value": "x".repeat(15_000), "dataChangeCreatedBy": "apollo",
        });
        let answer = admin.post(&format!("{path}/items"), item).await;
        if answer.status != 200 {
            refused = Some(answer.status);
            break;
        }
    }
    assert!(refused.is_some_and(|status| status >= 500), "{refused:?}");
    assert_eq!(read().await["configurations"]["k"], "1");
    Http::new(&server.config).get("/health/live").await.ok();
}
