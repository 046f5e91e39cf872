//! The cache file as the source of values: when they come late, and when the release is broken.

use std::fs;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use castalia_core::testing::{Endpoint, Fault};
use castalia_core::{Client, ErrorKind, Source, State};
use tracing::Level;

use super::support::{APP, Fixture, NAMESPACE, eventually, logged, record_log};

const YAML: &str = "conf.yaml";

/// Rejects nothing, and holds each snapshot back until the sender is dropped, like a slow disk.
fn hold_back(client: &Client) -> std::sync::mpsc::SyncSender<()> {
    let (sender, receiver) = sync_channel(0);
    let receiver: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(receiver));
    let wait = move |_: &Arc<_>| {
        let _ = receiver.lock().unwrap().recv();
        Ok(())
    };
    client.validate(NAMESPACE, wait).unwrap();
    sender
}

/// They are served when they come, however much later than the start timeout that is, whether the
/// server refuses, fails or does not answer.
#[tokio::test]
async fn fallback_values_that_come_late_are_served() {
    for fault in [Some(Fault::status(503)), Some(Fault::Hang), None] {
        let fixture = Fixture::new();
        fixture.write_cache(NAMESPACE, "a=cached\n");
        match fault {
            Some(fault) => fixture.server.fail_always(Endpoint::Config, Some(fault)),
            None => fixture.network.disconnect(&fixture.server),
        }
        let settings = fixture.settings().set("castalia.start-timeout", "50");
        let client = fixture.client_with(settings);
        let held = hold_back(&client);
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!(config.source(), Source::None);
        drop(held);
        eventually("the cached values", || config.source() == Source::Local).await;
        assert_eq!(config.get("a").unwrap(), "cached");
        client.close().await;
    }
}

/// A server that answers first is not overtaken by an older file.
#[tokio::test]
async fn fallback_values_never_replace_a_release() {
    let fixture = Fixture::new();
    fixture.write_cache(NAMESPACE, "a=cached\n");
    fixture.server.fail_always(Endpoint::Config, Some(Fault::status(503)));
    let settings = fixture.settings().set("castalia.start-timeout", "50");
    let client = fixture.client_with(settings);
    let (entered, examined) = sync_channel(8);
    let (release, held) = sync_channel::<()>(0);
    let held = Mutex::new(held);
    let hold_cached = move |snapshot: &Arc<castalia_core::Snapshot>| {
        if snapshot.get("a") == Some("cached") {
            entered.send(()).unwrap();
            let _ = held.lock().unwrap().recv();
        }
        Ok(())
    };
    client.validate(NAMESPACE, hold_cached).unwrap();
    let config = client.config(NAMESPACE).await.unwrap();
    tokio::task::spawn_blocking(move || examined.recv()).await.unwrap().unwrap();
    fixture.server.fail_always(Endpoint::Config, None);
    config.refresh().await.unwrap();
    assert_eq!(config.source(), Source::Remote);
    drop(release);
    client.close().await;
    assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Remote, "1"));
}

/// A release that cannot be parsed must not take the values away that the last run had, neither in
/// this start nor in the next.
#[tokio::test(start_paused = true)]
async fn a_broken_first_release_leaves_the_cached_values() {
    let fixture = Fixture::empty();
    fixture.write_cache(YAML, "content=size\\: 4\\n\n");
    let before = fs::read_to_string(fixture.cache_file(YAML)).unwrap();
    fixture.server.publish(APP, YAML, &[("content", "size: [")]);
    let client = fixture.client();
    let config = client.config(YAML).await.unwrap();
    assert_eq!(config.get_or("size", 0), 4);
    assert_eq!(config.snapshot().problem().unwrap().kind(), ErrorKind::Parse);
    assert_eq!(config.state(), State::Failed(ErrorKind::Parse));
    fixture.server.publish(APP, YAML, &[("content", "size: 5")]);
    config.refresh().await.unwrap();
    assert_eq!((config.get_or("size", 0), config.source()), (5, Source::Remote));
    eventually("the file", || {
        fs::read_to_string(fixture.cache_file(YAML)).unwrap().contains("size\\: 5")
    })
    .await;
    fixture.server.publish(APP, YAML, &[("content", "size: }")]);
    config.refresh().await.unwrap();
    client.close().await;
    assert_eq!((config.get_or("size", 0), config.source()), (5, Source::Remote));
    let after = fs::read_to_string(fixture.cache_file(YAML)).unwrap();
    assert!(after.contains("size\\: 5") && after != before, "{after}");
}

/// Without cached values there are none at all, and the start policy does not accept that.
#[tokio::test(start_paused = true)]
async fn a_broken_first_release_is_no_start() {
    for (policy, has_file, is_accepted) in [
        ("best-effort", false, true),
        ("require-any", false, false),
        ("require-all", false, false),
        ("require-all", true, true),
        ("require-all-remote", true, false),
    ] {
        let fixture = Fixture::empty();
        if has_file {
            fixture.write_cache(YAML, "content=size\\: 4\n");
        }
        fixture.server.publish(APP, YAML, &[("content", "size: [")]);
        let client = fixture.client_with(fixture.settings().set("castalia.start-policy", policy));
        match client.config(YAML).await {
            Ok(_) => assert!(is_accepted, "{policy}, {has_file}"),
            Err(error) => {
                assert!(!is_accepted, "{policy}, {has_file}: {error}");
                assert_eq!(error.kind(), ErrorKind::Parse);
            }
        }
    }
}

/// As one text, a document needs no parser: it is accepted, kept for a start without a server, and
/// its release is known, so that it is loaded once.
#[tokio::test(start_paused = true)]
async fn a_text_need_not_be_parsed() {
    let fixture = Fixture::empty();
    for text in ["size: [", "size: }"] {
        fixture.server.publish(APP, YAML, &[("content", text)]);
        let settings = fixture.settings().set("castalia.start-policy", "require-all-remote");
        let client = fixture.client_with(settings);
        let file = client.config_file(YAML).await.unwrap();
        assert_eq!((file.source(), file.content().as_deref()), (Source::Remote, Some(text)));
        file.refresh().await.unwrap();
        let loads = fixture.server.requests_of(Endpoint::Config);
        assert!(loads.last().unwrap().parameter("releaseKey").is_some_and(|key| !key.is_empty()));
        client.close().await;
        fixture.network.disconnect(&fixture.server);
        let later = fixture.client();
        let file = later.config_file(YAML).await.unwrap();
        assert_eq!((file.source(), file.content().as_deref()), (Source::Local, Some(text)));
        later.close().await;
        fixture.network.connect(&fixture.server);
    }
}

/// A broken release that arrives while the file is read does not take its values away, and keeps
/// its own text.
#[tokio::test]
async fn a_broken_release_and_late_fallback_values_are_combined() {
    for file_is_first in [true, false] {
        let fixture = Fixture::empty();
        fixture.write_cache(YAML, "content=size\\: 4\n");
        fixture.server.fail_always(Endpoint::Config, Some(Fault::status(503)));
        let client = fixture.client_with(fixture.settings().set("castalia.start-timeout", "50"));
        let (entered, examined) = sync_channel(8);
        let (release, held) = sync_channel::<()>(0);
        let held = Mutex::new(held);
        let hold = move |snapshot: &Arc<castalia_core::Snapshot>| {
            let is_file = snapshot.problem().is_none();
            if is_file != file_is_first {
                entered.send(()).unwrap();
                let _ = held.lock().unwrap().recv();
            }
            Ok(())
        };
        client.validate(YAML, hold).unwrap();
        let config = client.config(YAML).await.unwrap();
        if file_is_first {
            // A slow disk may answer after the start timeout.
            eventually("the file", || config.get_or("size", 0) == 4).await;
        }
        let mut changes = config.changes().key("size");
        fixture.server.publish(APP, YAML, &[("content", "size: [")]);
        let refreshed = async {
            fixture.server.fail_always(Endpoint::Config, None);
            config.refresh().await.unwrap();
        };
        let unblocked = async {
            tokio::task::spawn_blocking(move || examined.recv()).await.unwrap().unwrap();
            if file_is_first {
                drop(release);
            } else {
                eventually("the release", || config.snapshot().problem().is_some()).await;
                drop(release);
            }
        };
        tokio::join!(refreshed, unblocked);
        if !file_is_first {
            let event = changes.next().await.unwrap();
            assert_eq!(event.change("size").unwrap().new_value.as_deref(), Some("4"));
        }
        eventually("the release", || config.snapshot().problem().is_some()).await;
        assert_eq!(config.get_or("size", 0), 4);
        let snapshot = config.snapshot();
        assert_eq!(snapshot.content(), Some("size: ["));
        assert_eq!(snapshot.problem().unwrap().kind(), ErrorKind::Parse);
        assert!(!snapshot.release_key().is_empty());
        client.close().await;
    }
}

/// The seed of a program, too, outlives a document that cannot be parsed, although that is cached.
#[tokio::test(start_paused = true)]
async fn a_cached_document_that_cannot_be_parsed_hides_no_seed() {
    let fixture = Fixture::empty();
    fixture.server.publish(APP, YAML, &[("content", "size: [")]);
    for is_reachable in [true, false] {
        let settings = fixture.settings().set("castalia.start-policy", "require-all");
        let settings = settings.seed(YAML, [("content", "size: 3")]);
        let client = fixture.client_with(settings);
        let config = client.config(YAML).await.unwrap();
        assert_eq!(config.get_or("size", 0), 3, "{is_reachable}");
        assert_eq!(config.snapshot().content(), Some("size: ["), "{is_reachable}");
        client.close().await;
        assert!(fixture.cache_file(YAML).exists());
        fixture.network.disconnect(&fixture.server);
    }
}

/// A validator judges the values that readers would see.
#[tokio::test(start_paused = true)]
async fn a_validator_sees_the_cached_values_of_a_broken_release() {
    let fixture = Fixture::empty();
    fixture.write_cache(YAML, "content=size\\: 4\n");
    fixture.server.publish(APP, YAML, &[("content", "size: [")]);
    let client = fixture.client();
    let require = |now: &Arc<castalia_core::Snapshot>| match now.get("size") {
        Some(_) => Ok(()),
        None => Err("no size".to_owned()),
    };
    client.validate(YAML, require).unwrap();
    let config = client.config(YAML).await.unwrap();
    assert_eq!((config.get_or("size", 0), config.snapshot().content()), (4, Some("size: [")));
}

/// A listed namespace without values is no start either, and is judged once.
#[tokio::test(start_paused = true)]
async fn a_broken_listed_namespace_is_no_start() {
    for policy in ["require-any", "require-all", "require-all-remote"] {
        let fixture = Fixture::empty();
        fixture.server.publish(APP, YAML, &[("content", "size: [")]);
        let settings = fixture.settings().set("castalia.start-policy", policy);
        let client = fixture.client_with(settings.set("castalia.namespaces", YAML));
        assert_eq!(client.start().await.unwrap_err().kind(), ErrorKind::Parse, "{policy}");
        assert_eq!(client.config(YAML).await.unwrap_err().kind(), ErrorKind::Parse, "{policy}");
        client.config_file(YAML).await.unwrap();
    }
}

/// B141: no server is missing. Only a namespace that has no values is a warning.
#[tokio::test(start_paused = true)]
async fn local_mode_warns_of_no_missing_server() {
    record_log();
    let fixture = Fixture::empty();
    fixture.write_cache("b141-file", "a=1\n");
    let settings = fixture.settings().set("env", "LOCAL").seed("b141-seed", [("a", "1")]);
    let client = fixture.client_with(settings);
    let records = |name: &str| logged(&format!("namespace={name}"));
    for name in ["b141-file", "b141-seed"] {
        assert_eq!(client.config(name).await.unwrap().get_or("a", 0), 1);
        let records = records(name);
        assert!(records.iter().any(|record| record.level == Level::INFO), "{records:?}");
        assert!(records.iter().all(|record| record.level > Level::WARN), "{records:?}");
    }
    assert_eq!(client.config("b141-none").await.unwrap().source(), Source::None);
    let records = records("b141-none").into_iter().filter(|record| record.level <= Level::WARN);
    let warnings: Vec<_> = records.map(|record| record.text).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("the namespace is empty"), "{warnings:?}");
    assert!(!warnings[0].contains("error="), "{warnings:?}");
    client.close().await;
}
