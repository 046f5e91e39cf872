//! The official Java client, unmodified, against our server.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::demo::Demo;
use crate::support::server::Server;

/// The official client finds us through the meta server, reads what was published, and its listener fires after a publish.
#[tokio::test]
async fn official_java_client_reads_and_is_told_of_a_publish() {
    let server = Server::start();
    let demo = Demo::create(&server, "java-demo").await;
    demo.set("timeout", "100").await;
    demo.publish().await;

    let cache = tempfile::tempdir().unwrap();
    let mut java = start_reader(&server, "java-demo", "timeout", cache.path());
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

fn start_reader(server: &Server, app_id: &str, key: &str, cache: &std::path::Path) -> Child {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop/java/target");
    assert!(
        target.join("interop.jar").exists(),
        "run tests/interop/run.sh first: it builds the Java program"
    );
    Command::new("java")
        .arg("-cp")
        .arg(format!("{0}/interop.jar:{0}/lib/*", target.display()))
        .arg(format!("-Dapp.id={app_id}"))
        .arg(format!("-Dapollo.meta={}", server.config))
        .arg(format!("-Dapollo.cache-dir={}", cache.display()))
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .args(["io.castalia.interop.Reader", "application", key])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
