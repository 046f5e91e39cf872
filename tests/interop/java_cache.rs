//! One directory of cache files, shared with the official Java client: what one writes, the other
//! reads when no server is available.

use std::collections::BTreeMap;
use std::path::Path;

use castalia_core::testing::{Server, patient};
use castalia_core::{Client, Settings, Source};
use serde_json::{Value, json};

use super::java::{program, text};
use crate::support::eventually::eventually;
use crate::support::server::wait_with_output;

const APP: &str = "cache-demo";
/// Every escape of the file format, in keys and values.
const VALUES: [(&str, &str); 8] = [
    ("timeout", "100"),
    ("a b", "  x y "),
    ("k=:#!", "v=:#!"),
    ("tab\t", "\r\n\u{c}\\"),
    ("é", "😀~\u{7f}"),
    ("empty", ""),
    ("text", "first line\nsecond line\twith tab"),
    ("C:\\path", "D:\\data\\ends with\\"),
];
const NOTES: &str = "# not a comment\n\n  Grüße = 你好\\ \n";
const NAMESPACES: [&str; 2] = ["application", "notes.txt"];

/// C076: a file of the Java client is read with the same name, path and values.
#[tokio::test]
async fn a_cache_file_of_the_java_client_is_read_when_the_server_is_dead() {
    let server = serving().await;
    let address = server.url().to_owned();
    let root = tempfile::tempdir().unwrap();
    let written = java_contents(&address, root.path()).await;
    assert_eq!(written, expected("REMOTE"), "the Java client understands the scripted server");
    drop(server);

    let client = client(&address, root.path());
    let application = client.config("application").await.unwrap();
    assert_eq!(application.source(), Source::Local, "{:?}", application.state());
    let snapshot = application.snapshot();
    let ours: BTreeMap<_, _> = snapshot.iter().collect();
    assert_eq!(ours, BTreeMap::from(VALUES));
    let notes = client.config_file("notes.txt").await.unwrap();
    assert_eq!(notes.content().as_deref(), Some(NOTES));
    client.close().await;
}

/// C074, C075: the Java client reads the same from a file of this client.
#[tokio::test]
async fn our_cache_file_is_read_by_the_java_client_when_the_server_is_dead() {
    let server = serving().await;
    let address = server.url().to_owned();
    let root = tempfile::tempdir().unwrap();
    let client = client(&address, root.path());
    for namespace in NAMESPACES {
        assert_eq!(client.config(namespace).await.unwrap().source(), Source::Remote);
        let name = format!("{APP}/config-cache/{APP}+default+{namespace}.properties");
        let file = root.path().join(name);
        eventually("the cache file", || async { file.exists().then_some(()) }).await;
    }
    client.close().await;
    drop(server);

    assert_eq!(java_contents(&address, root.path()).await, expected("LOCAL"));
}

async fn serving() -> Server {
    let server = Server::start().await.unwrap();
    server.publish(APP, "application", &VALUES);
    server.publish(APP, "notes.txt", &[("content", NOTES)]);
    server
}

fn client(address: &str, root: &Path) -> Client {
    let settings = Settings::new()
        .set("app.id", APP)
        .set("apollo.meta", address)
        .set("apollo.cache-dir", text(root));
    Client::new(patient(settings)).unwrap()
}

/// What the Java client prints for each namespace.
async fn java_contents(address: &str, root: &Path) -> Vec<Value> {
    let properties = [("app.id", APP), ("apollo.meta", address), ("apollo.cache-dir", text(root))];
    let java = program("Contents", &properties).args(NAMESPACES).spawn().unwrap();
    // On its own thread, because the server that it connects to runs on this one.
    let output = tokio::task::spawn_blocking(|| wait_with_output(java)).await.unwrap();
    assert!(output.status.success(), "the Java client ended with {}", output.status);
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn expected(source: &str) -> Vec<Value> {
    let values: BTreeMap<_, _> = VALUES.into();
    vec![
        json!({ "source": source, "values": values }),
        json!({ "source": source, "values": { "content": NOTES } }),
    ]
}
