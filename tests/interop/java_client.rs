//! The official Java client, unmodified, against this server.

use std::io::{BufRead as _, BufReader};

use super::java::{program, text};
use crate::support::demo::Demo;
use crate::support::server::Server;

/// The official client finds the config service through the meta server, reads what was published,
/// and its listener is called after a publish.
#[tokio::test]
async fn official_java_client_reads_and_is_told_of_a_publish() {
    let server = Server::start();
    let demo = Demo::create(&server, "java-demo").await;
    demo.set("timeout", "100").await;
    demo.publish().await;

    let cache = tempfile::tempdir().unwrap();
    let properties = [
        ("app.id", "java-demo"),
        ("apollo.meta", server.config.as_str()),
        ("apollo.cache-dir", text(cache.path())),
    ];
    let mut java = program("Reader", &properties).args(["application", "timeout"]).spawn().unwrap();
    let mut lines = BufReader::new(java.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut next = |word: &str| {
        lines.find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("no line `{word}`"))
    };
    assert_eq!(next("VALUE"), "VALUE 100");

    demo.set("timeout", "200").await;
    demo.publish().await;
    assert_eq!(next("CHANGED"), "CHANGED 100 -> 200");
    assert!(java.wait().unwrap().success());
}
