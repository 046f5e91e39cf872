//! The Rust client against the real server: first load, push, cache file, and reads while the
//! server is dead.

use std::path::Path;
use std::time::Duration;

use castalia_core::{ChangeType, Client, Settings, Source};

use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

fn settings(server: &Server, app_id: &str, cache: &Path) -> Settings {
    Settings::new()
        .set("app.id", app_id)
        .set("apollo.meta", &server.config)
        .set("apollo.cache-dir", cache.to_str().unwrap())
        .set("apollo.longPollingInitialDelayInMills", "0")
}

/// C031, C052, C074, C098: the client reads, is notified of a publish, and writes the cache file
/// that Java clients share.
#[tokio::test]
async fn a_change_is_pushed_and_the_cache_file_is_written() {
    let server = Server::start();
    let demo = Demo::create(&server, "rust-demo").await;
    demo.set("timeout", "100").await;
    demo.publish().await;

    let cache = tempfile::tempdir().unwrap();
    let client = Client::new(settings(&server, "rust-demo", cache.path())).unwrap();
    let config = client.config("application").await.unwrap();
    assert_eq!((config.get_or("timeout", 5), config.source()), (100, Source::Remote));
    assert_eq!(config.get_or("absent", 5), 5);

    let mut changes = config.changes();
    wait_until_parked(&server).await;
    demo.set("timeout", "200").await;
    demo.set("mode", "b").await;
    demo.publish().await;
    let event =
        tokio::time::timeout(Duration::from_secs(10), changes.next()).await.unwrap().unwrap();
    let timeout = event.change("timeout").unwrap();
    let values = (timeout.old_value.as_deref(), timeout.new_value.as_deref());
    assert_eq!((values, timeout.change_type), ((Some("100"), Some("200")), ChangeType::Modified));
    assert_eq!(event.change("mode").unwrap().change_type, ChangeType::Added);
    assert_eq!(config.get_or("timeout", 5), 200);

    let file = cache.path().join("rust-demo/config-cache/rust-demo+default+application.properties");
    let text = eventually("the cache file", || async {
        std::fs::read_to_string(&file).ok().filter(|text| text.contains("timeout=200"))
    })
    .await;
    assert!(text.starts_with("#Persisted by DefaultConfig\n"), "{text}");
    client.close().await;
}

/// C042, C043: a client that starts while the server is down reads the cache file, and follows the
/// server once it is back.
#[tokio::test]
async fn a_client_comes_back_from_its_cache_file_when_the_server_is_dead() {
    let directory = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path(), Options::new());
    let demo = Demo::create(&server, "rust-demo").await;
    demo.set("timeout", "100").await;
    demo.publish().await;
    let first = Client::new(settings(&server, "rust-demo", cache.path())).unwrap();
    assert_eq!(first.config("application").await.unwrap().get_or("timeout", 5), 100);
    let file = cache.path().join("rust-demo/config-cache/rust-demo+default+application.properties");
    eventually("the cache file", || async { file.exists().then_some(()) }).await;
    first.close().await;
    let port = server.config.rsplit(':').next().unwrap().to_owned();
    server.kill();

    let second = Client::new(settings(&server, "rust-demo", cache.path())).unwrap();
    let config = second.config("application").await.unwrap();
    assert_eq!((config.get_or("timeout", 5), config.source()), (100, Source::Local));

    let server = Server::start_in(directory.path(), Options::new().flag("--config-port", &port));
    let demo = demo.on(&server);
    demo.set("timeout", "300").await;
    demo.publish().await;
    eventually("the value of the server that is back", || async {
        (config.get_or("timeout", 5) == 300 && config.source() == Source::Remote).then_some(())
    })
    .await;
    second.close().await;
}

/// Waits until the server has parked a poll, so that what is published next is pushed.
async fn wait_until_parked(server: &Server) {
    let http = Http::new(&server.config)
        .with("Authorization", &format!("Bearer {}", server.metrics_token()));
    eventually("a parked poll", || async {
        let text = http.get("/metrics").await.ok().text;
        let line = text.lines().find(|line| line.starts_with("castalia_parked_polls "))?;
        (!line.ends_with(" 0")).then_some(())
    })
    .await;
}
