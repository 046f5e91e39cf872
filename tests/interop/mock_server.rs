//! This client against the official mock server with all its features: it announces every namespace
//! repeatedly, uses the same release key for all releases, and its loads return what was set,
//! deleted and reset.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use castalia_core::testing::{Server, patient};
use castalia_core::{ChangeEvent, ChangeStream, ChangeType, Client, ErrorKind, Settings, Source};

use super::java::{program, text};
use crate::support::eventually::eventually;

/// The one app id of the mock server.
const APP: &str = "someAppId";
/// Longest wait for an event and for a line of the mock server, whose start takes long on a busy
/// machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Changes in the mock server arrive as ordered events, although its release keys never differ.
#[tokio::test]
async fn set_delete_and_reset_are_pushed() {
    let root = tempfile::tempdir().unwrap();
    let mut mock = MockServer::start(root.path());
    let client = mock.client(root.path());
    let config = client.config("application").await.unwrap();
    assert_eq!((config.get_or("timeout", 5), config.source()), (100, Source::Remote));
    assert_eq!(config.get("greeting").as_deref(), Some("你好"));
    let mut changes = config.changes();

    mock.order("set\tapplication\ttimeout\t200");
    assert_change(&next(&mut changes).await, "timeout", Some("100"), Some("200"));
    mock.order("set\tapplication\tadded\tnew");
    assert_change(&next(&mut changes).await, "added", None, Some("new"));
    mock.order("delete\tapplication\tmode");
    assert_change(&next(&mut changes).await, "mode", Some("a"), None);

    mock.order("reset");
    let event = next(&mut changes).await;
    assert_change(&event, "timeout", Some("200"), Some("100"));
    assert_change(&event, "added", Some("new"), None);
    assert_change(&event, "mode", None, Some("a"));
    assert_eq!(config.get_or("timeout", 5), 100);
    client.close().await;
}

/// A change of one namespace is not a change of another.
#[tokio::test]
async fn namespaces_are_kept_apart() {
    let root = tempfile::tempdir().unwrap();
    let mut mock = MockServer::start(root.path());
    let client = mock.client(root.path());
    let application = client.config("application").await.unwrap();
    let other = client.config("other").await.unwrap();
    assert_eq!((other.get_or("timeout", 5), other.source()), (6, Source::Remote));
    let mut changes = other.changes();

    mock.order("set\tother\ttimeout\t7");
    assert_change(&next(&mut changes).await, "timeout", Some("6"), Some("7"));
    assert_eq!((other.get_or("timeout", 5), application.get_or("timeout", 5)), (7, 100));
    client.close().await;
}

/// Without its own data it answers from the cache file of an earlier run, including one of this
/// client.
#[tokio::test]
async fn the_mock_server_serves_a_cache_file_that_we_wrote() {
    let root = tempfile::tempdir().unwrap();
    let scripted = Server::start().await.unwrap();
    scripted.publish(APP, "cached", &[("key", "kept: 你好")]);
    let client = Client::new(settings(scripted.url(), root.path())).unwrap();
    client.config("cached").await.unwrap();
    let file = root.path().join(format!("{APP}/config-cache/{APP}+default+cached.properties"));
    eventually("the cache file", || async { file.exists().then_some(()) }).await;
    client.close().await;

    let mock = MockServer::start(root.path());
    let empty = tempfile::tempdir().unwrap();
    let client = mock.client(empty.path());
    let config = client.config("cached").await.unwrap();
    assert_eq!(config.source(), Source::Remote);
    assert_eq!(config.get("key").as_deref(), Some("kept: 你好"));
    client.close().await;
}

/// An unknown namespace fails alone: the mock server does not answer.
#[tokio::test]
async fn a_namespace_without_data_harms_no_other() {
    let root = tempfile::tempdir().unwrap();
    let mut mock = MockServer::start(root.path());
    // Less than the time in which the client starts.
    let settings = settings(&mock.address, root.path()).set("apollo.readTimeout", "5000");
    let client = Client::new(settings).unwrap();
    let unknown = client.config("unknown").await.unwrap();
    assert_eq!(unknown.source(), Source::None);
    assert_eq!(unknown.last_error().unwrap().kind(), ErrorKind::Transport);
    let application = client.config("application").await.unwrap();
    let mut changes = application.changes();
    mock.order("set\tapplication\ttimeout\t200");
    assert_change(&next(&mut changes).await, "timeout", Some("100"), Some("200"));
    client.close().await;
}

fn settings(address: &str, cache: &Path) -> Settings {
    let settings = Settings::new()
        .set("app.id", APP)
        .set("apollo.config-service", address)
        .set("apollo.cache-dir", text(cache))
        .set("apollo.longPollingInitialDelayInMills", "0");
    patient(settings)
}

async fn next(changes: &mut ChangeStream) -> Arc<ChangeEvent> {
    tokio::time::timeout(PATIENCE, changes.next()).await.expect("an event in time").unwrap()
}

fn assert_change(event: &Arc<ChangeEvent>, key: &str, old: Option<&str>, new: Option<&str>) {
    let change = event.change(key).unwrap_or_else(|| panic!("no change of {key}"));
    assert_eq!((change.old_value.as_deref(), change.new_value.as_deref()), (old, new), "{key}");
    let expected = match (old, new) {
        (None, _) => ChangeType::Added,
        (_, None) => ChangeType::Deleted,
        _ => ChangeType::Modified,
    };
    assert_eq!(change.change_type, expected, "{key}");
}

/// The official mock server in its own process; killed when it is dropped.
struct MockServer {
    process: Child,
    orders: ChildStdin,
    lines: Receiver<String>,
    address: String,
}

impl MockServer {
    /// Serves `mockdata-*` of the Java program, or else cache files of this directory.
    fn start(cache: &Path) -> Self {
        let properties = [("app.id", APP), ("apollo.cache-dir", text(cache)), ("env", "LOCAL")];
        let mut command = program("MockServer", &properties);
        let mut process = command.stdin(Stdio::piped()).spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = sync_channel(1_000);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut mock = Self { process, orders, lines, address: String::new() };
        mock.address = mock.line("LISTENING ");
        mock
    }

    /// Sends a command and waits until it was carried out.
    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        self.line("DONE");
    }

    /// The rest of the next line that begins with this word.
    fn line(&mut self, word: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the mock server answers in time");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.to_owned();
            }
        }
    }

    fn client(&self, cache: &Path) -> Client {
        Client::new(settings(&self.address, cache)).unwrap()
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
