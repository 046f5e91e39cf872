//! Signals that should not kill: a terminal that closes, a limit on file sizes.

use std::process::Command;

use crate::support::app::App;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, position};
use crate::support::server::{Options, Server};

fn send(signal: &str, server: &Server) {
    let pid = server.pid().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
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

/// A server that was started with nohup continues.
#[tokio::test]
async fn a_server_started_with_nohup_outlives_its_terminal() {
    let mut server = Server::start_with(options().before("trap '' HUP"));
    send("-HUP", &server);
    for _ in 0..5 {
        Http::new(&server.config).get("/health").await.ok();
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
