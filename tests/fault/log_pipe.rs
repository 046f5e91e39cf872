//! The reader of the log stalls or exits. The server loses log lines, which it counts and reports,
//! and nothing else.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{PASSWORD, command};

/// Requests whose refusal is logged with their path: together more than the pipe and the queue
/// hold.
const REQUESTS: usize = 8_000;
const PATH_LENGTH: usize = 300;

/// A server whose log only the test reads.
struct Logging {
    child: Child,
    log: BufReader<Box<dyn std::io::Read + Send>>,
    config: Http,
    admin: Http,
    token: String,
    directory: tempfile::TempDir,
}

impl Logging {
    /// Reads the log until all listeners are ready, and no further.
    fn start(format: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = command(&["serve", "--log-format", format, "--log-level"]);
        command.args(["info,castalia_server=trace", "--sample-app", "off", "--data-dir"]);
        command.arg(directory.path());
        command.args(["--config-port", "0", "--admin-port", "0", "--portal-port", "0"]);
        command.env("CASTALIA_ADMIN_PASSWORD", PASSWORD);
        command.env("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log: Box<dyn std::io::Read + Send> = match format {
            "json" => Box::new(child.stdout.take().unwrap()),
            _ => Box::new(child.stderr.take().unwrap()),
        };
        let mut log = BufReader::new(log);
        let mut addresses = Vec::new();
        while addresses.len() < 3 {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended");
            if line.contains("listening") && line.contains("role") {
                addresses.push(address(&line));
            }
        }
        let token = std::fs::read_to_string(directory.path().join("metrics.token")).unwrap();
        let [config, admin, _] = [0, 1, 2].map(|at: usize| Http::new(&addresses[at]));
        Self { child, log, config, admin, token: token.trim().to_owned(), directory }
    }

    async fn metric(&self, name: &str) -> f64 {
        let metrics = self.config.clone().with("Authorization", &format!("Bearer {}", self.token));
        let text = metrics.get("/prometheus").await.ok().text;
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or_default()
    }

    /// Lines are counted by the thread that writes them.
    async fn loses_lines(&self) {
        eventually("lost lines to be counted", async || {
            (self.metric("castalia_log_lines_lost_total").await > 0.0).then_some(())
        })
        .await;
    }

    /// Inserts a publish directly; the background scan has to find it.
    async fn background_works(&self) {
        let id = position(&self.config, "demo", "application").await;
        let poll = Waiting::start(&self.config, &poll::path("demo", &[("application", id)])).await;
        let database = Database::file(self.directory.path(), "config.db");
        let place = ["demo", "default", "application"];
        let key = format!("20260101000000-{id:016x}");
        database.release(place, &key, &serde_json::json!({ "k": key })).await;
        assert!(newest(&poll.end().await.0.ok()) > id);
    }

    fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        // A server that waits for its reader never ends.
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "SIGTERM does not end the server");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a log line of either format.
fn address(line: &str) -> String {
    let at = line.find("127.0.0.1:").unwrap();
    let end = line[at..].find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
    format!("http://{}", &line[at..at + end.unwrap_or(line.len() - at)])
}

async fn refused_requests(http: &Http, count: usize) {
    let path = format!("/{}", "x".repeat(PATH_LENGTH));
    for _ in 0..count {
        assert_eq!(http.get(&path).await.status, 404);
    }
}

/// With a stalled reader every port answers, publishes arrive and SIGTERM terminates the server;
/// once it continues, it learns how many lines it missed.
async fn a_stalled_reader_costs_only_lines(format: &str) {
    let mut server = Logging::start(format);
    let app = App::create(&server.admin, "demo").await;
    app.publish("1").await;
    let more = tokio::spawn({
        let admin = server.admin.clone();
        async move { refused_requests(&admin, REQUESTS / 2).await }
    });
    refused_requests(&server.config, REQUESTS / 2).await;
    more.await.unwrap();
    server.loses_lines().await;
    server.background_works().await;

    // The reader continues: a line reports that lines are missing.
    let (sender, found) = std::sync::mpsc::sync_channel(1);
    let mut log = std::mem::replace(&mut server.log, BufReader::new(Box::new(std::io::empty())));
    let reader = std::thread::spawn(move || {
        let mut line = String::new();
        while log.read_line(&mut line).is_ok_and(|read| read > 0) {
            if line.contains("log lines were lost") {
                let _ = sender.try_send(line.clone());
            }
            line.clear();
        }
    });
    let report = eventually("a report of lost lines", async || {
        server.config.get("/none").await;
        found.try_recv().ok()
    })
    .await;
    assert!(report.contains("lines"), "{report}");
    assert!(server.terminate().success());
    reader.join().unwrap();
}

#[tokio::test]
async fn a_stalled_reader_of_the_json_log_costs_only_lines() {
    a_stalled_reader_costs_only_lines("json").await;
}

#[tokio::test]
async fn a_stalled_reader_of_the_text_log_costs_only_lines() {
    a_stalled_reader_costs_only_lines("text").await;
}

/// SIGTERM while the reader still stalls: the shutdown does not wait for it.
#[tokio::test]
async fn a_stalled_reader_does_not_hold_up_the_end() {
    let mut server = Logging::start("json");
    // More than a pipe holds.
    refused_requests(&server.config, 64).await;
    assert!(server.terminate().success());
}

/// With both outputs closed, requests that log are answered, background tasks continue, and SIGTERM
/// drains.
#[tokio::test]
async fn a_server_without_outputs_serves_on() {
    for format in ["json", "text"] {
        let mut server = Logging::start(format);
        let app = App::create(&server.admin, "demo").await;
        app.publish("1").await;
        server.child.stdout.take();
        server.child.stderr.take();
        server.log = BufReader::new(Box::new(std::io::empty()));
        refused_requests(&server.config, 20).await;
        refused_requests(&server.admin, 20).await;
        app.publish("2").await;
        server.background_works().await;
        server.loses_lines().await;
        assert_eq!(server.metric("castalia_task_restarts_total").await, 0.0);
        assert!(server.terminate().success(), "{format}");
    }
}
