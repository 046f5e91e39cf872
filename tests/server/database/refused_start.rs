//! A start that is refused answers no client and announces no node before: its answers would be
//! those of another database.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::sleep;

use super::installation::serves_the_value;
use super::options;
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::raw;
use crate::support::server::{Server, command, wait_with_output};

/// Pause between two requests. One that is sent before the port is served waits for an answer.
const PAUSE: Duration = Duration::from_millis(5);

/// Requests a configuration until the start has failed, while `watch` looks at something else.
/// Returns the log of the start, and the status of each answer.
async fn refused_start(
    data_dir: &Path,
    arguments: &[&str],
    watch: impl AsyncFn(),
) -> (String, Vec<u16>) {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let child = command(&["serve", "--admin-port", "0", "--portal-port", "0", "--data-dir"])
        .arg(data_dir)
        .args(["--config-port", &port.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = tokio::task::spawn_blocking(move || wait_with_output(child));
    let base = format!("http://127.0.0.1:{port}");
    let request = raw::request("GET", "/configs/demo/default/application", &base, &[]);
    let mut answers = Vec::new();
    let ask = async {
        while !start.is_finished() {
            answers.extend(raw::send(&base, &request).await.map(|answer| answer.status));
            sleep(PAUSE).await;
        }
    };
    let look = async {
        while !start.is_finished() {
            watch().await;
            sleep(PAUSE).await;
        }
    };
    tokio::join!(ask, look);
    let output = start.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    (text.into_owned(), answers)
}

/// S76: `config.db` was lost. Clients would receive 404 for everything with each attempt.
#[tokio::test]
async fn a_start_beside_an_empty_config_database_answers_no_client() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let mut server = Server::start_in(data, options());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    assert!(server.terminate().success());
    std::fs::remove_file(data.join("config.db")).unwrap();
    // The first attempt creates the file, which is empty in the second.
    for _ in 0..2 {
        let (log, answers) = refused_start(data, &[], async || {}).await;
        assert!(log.contains("restore it from a backup"), "{log}");
        assert!(answers.is_empty(), "{answers:?}");
    }
}

/// S76: the two databases cannot be compared while that of the portal does not answer.
async fn a_start_without_the_portals_database_is_not_announced_on(engine: Engine) {
    let (Some(config), Some(portal)) = (Fresh::on(engine).await, Fresh::on(engine).await) else {
        return;
    };
    let gate = Gate::before(&portal.database.url).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let flags = [
        ("--config-db", &*config.database.url),
        ("--portal-db", &*gate.url),
        ("--advertise", "http://127.0.0.1"),
    ];
    let start = || {
        let options =
            flags.iter().fold(options(), |options, (name, value)| options.flag(name, value));
        Server::start_in(data, options)
    };
    let mut server = start();
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    assert!(server.terminate().success());
    gate.shut();
    let arguments = flags.map(|(name, value)| [name, value]).concat();
    let is_not_announced = async || {
        let services = config.database.rows(r#"SELECT "Uri" FROM "ServiceRegistry""#).await;
        assert!(services.is_empty(), "{services:?}");
    };
    let (log, answers) = refused_start(data, &arguments, is_not_announced).await;
    assert!(log.contains("--portal-db"), "{log}");
    assert!(answers.is_empty(), "{answers:?}");
    gate.open();
    let server = start();
    serves_the_value(&server).await;
    drop(server);
    for fresh in [config, portal] {
        fresh.remove().await;
    }
}

// The gate needs a thread while the test blocks on its servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_the_portals_database_is_not_announced_on_mysql() {
    a_start_without_the_portals_database_is_not_announced_on(Engine::MySql).await;
}

// The gate needs a thread while the test blocks on its servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_the_portals_database_is_not_announced_on_postgres() {
    a_start_without_the_portals_database_is_not_announced_on(Engine::Postgres).await;
}
