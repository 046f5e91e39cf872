//! Cache files: their location, how damage is handled, and that they are not read after a server
//! has answered.

use std::fs;
use std::time::{Duration, SystemTime};

use castalia_core::testing::{Endpoint, Fault};
use castalia_core::{ErrorKind, Source};

use super::support::{APP, Fixture, NAMESPACE, eventually, logged, obstruct, record_log};

#[tokio::test(start_paused = true)]
async fn the_file_is_where_the_java_client_looks() {
    let fixture = Fixture::new();
    let (_client, _config) = fixture.open().await;
    eventually("cache written", || fixture.cache_file(NAMESPACE).exists()).await;
    let text = fs::read_to_string(fixture.cache_file(NAMESPACE)).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "#Persisted by DefaultConfig");
    assert!(lines[1].starts_with("#Checksum: "));
    assert!(lines[2].starts_with('#') && lines[2].contains(" UTC 20"));
    assert_eq!(lines[3..], ["a=1", "b=2"]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_is_no_content() {
    record_log();
    let fixture = Fixture::new();
    fixture.network.disconnect(&fixture.server);
    fixture.write_cache(NAMESPACE, "good=1\nk=f170-damaged\\u12G4\n");
    let (_client, config) = fixture.open().await;
    let path = fixture.cache_file(NAMESPACE).display().to_string();
    assert_eq!(logged(&format!("line=2, path={path}")).len(), 1);
    assert!(logged("f170-damaged").is_empty(), "F170: values stay out of the log");
    assert_eq!(config.source(), Source::None);
    assert!(config.snapshot().is_empty());
}

/// A damaged file hides neither the one of a Java process that opened the namespace with its suffix
/// nor the one of the Go client.
#[tokio::test(start_paused = true)]
async fn a_damaged_file_hides_no_other_one() {
    record_log();
    for other in ["java", "go"] {
        let fixture = Fixture::new();
        fixture.network.disconnect(&fixture.server);
        fixture.write_cache(NAMESPACE, "a=damaged\nk=\\u12G4\n");
        let file = fixture.cache_file(NAMESPACE);
        match other {
            "java" => fixture.write_cache(&format!("{NAMESPACE}.properties"), "a=java\n"),
            _ => {
                let json = r#"{"appId":"order","configurations":{"a":"go"}}"#;
                fs::write(fixture.root.path().join("order-application.json"), json).unwrap();
            }
        }
        let settings =
            fixture.settings().set("castalia.import-dir", fixture.root.path().to_str().unwrap());
        let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
        assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Local, other));
        let skipped = logged("passed over a cache file that cannot be used");
        let path = file.display().to_string();
        assert!(skipped.iter().any(|record| record.text.contains(&path)), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_file_is_no_cache_and_comments_are_an_empty_namespace() {
    for (text, source) in [("", Source::None), ("#nothing\n!here\n", Source::Local)] {
        let fixture = Fixture::new();
        fixture.network.disconnect(&fixture.server);
        fixture.write_cache(NAMESPACE, text);
        let (_client, config) = fixture.open().await;
        assert_eq!((config.source(), config.snapshot().len()), (source, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_written_stops_nothing() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    eventually("cache written", || fixture.cache_file(NAMESPACE).exists()).await;
    let directory = fixture.cache_file(NAMESPACE).parent().unwrap().to_owned();
    obstruct(&directory).await;
    for value in ["2", "3"] {
        fixture.publish(&[("a", value)]);
        config.refresh().await.unwrap();
        assert_eq!(config.get("a").unwrap(), value);
    }
    eventually("failures counted", || client.metrics().namespaces[0].cache_failures >= 1).await;
    fs::remove_file(&directory).unwrap();
    fixture.publish(&[("a", "4")]);
    config.refresh().await.unwrap();
    eventually("written again", || {
        fs::read_to_string(fixture.cache_file(NAMESPACE)).is_ok_and(|text| text.contains("a=4"))
    })
    .await;
}

/// Only the first of several failed writes is logged, and so is the first successful one after
/// them.
#[tokio::test(start_paused = true)]
async fn a_change_of_the_disk_is_told_once() {
    record_log();
    let fixture = Fixture::empty();
    let publish = |value: &str| fixture.server.publish(APP, "f116", &[("a", value)]);
    publish("1");
    let client = fixture.client();
    let config = client.config("f116").await.unwrap();
    let file = fixture.cache_file("f116");
    let holds = |value: &str| fs::read_to_string(&file).is_ok_and(|text| text.contains(value));
    eventually("cache written", || holds("a=1")).await;
    let directory = file.parent().unwrap();
    let failures = || client.metrics().namespaces[0].cache_failures;
    let told = |what: &str| logged(&format!("{what} namespace=f116")).len();
    for round in 1..=2 {
        obstruct(directory).await;
        for _ in 0..3 {
            let before = failures();
            publish(&format!("failing {before}"));
            config.refresh().await.unwrap();
            eventually("failed again", || failures() > before).await;
        }
        fs::remove_file(directory).unwrap();
        for value in [format!("fine {round}"), format!("still {round}")] {
            publish(&value);
            config.refresh().await.unwrap();
            eventually("written again", || holds(&value)).await;
        }
        assert_eq!(told("cannot write the cache file; in-memory values are unaffected"), round);
        assert_eq!(told("writing the cache file works again"), round);
    }
}

/// B126: all namespaces of an app have their files in one directory.
#[tokio::test]
async fn a_directory_that_cannot_be_written_is_one_warning() {
    record_log();
    let fixture = Fixture::empty();
    let names: Vec<_> = (0..20).map(|at| format!("b126-{at}")).collect();
    let publish = |value: &str| {
        for name in &names {
            fixture.server.publish(APP, name, &[("a", value)]);
        }
    };
    publish("1");
    let client = fixture.client();
    let mut configs = Vec::new();
    for name in &names {
        configs.push(client.config(name).await.unwrap());
        eventually("cache written", || fixture.cache_file(name).exists()).await;
    }
    obstruct(fixture.cache_file(&names[0]).parent().unwrap()).await;
    publish("2");
    for config in &configs {
        config.refresh().await.unwrap();
    }
    eventually("all failed", || {
        client.metrics().namespaces.iter().all(|namespace| namespace.cache_failures > 0)
    })
    .await;
    let warnings =
        logged("cannot write the cache file; in-memory values are unaffected namespace=b126");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

/// A file that somebody deleted, or that could not be written, is written by the next refresh,
/// which brings nothing new.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_brings_nothing_writes_a_missing_file() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    let file = fixture.cache_file(NAMESPACE);
    eventually("cache written", || file.exists()).await;
    let directory = file.parent().unwrap();
    eventually("removed", || fs::remove_dir_all(directory).is_ok()).await;
    config.refresh().await.unwrap();
    eventually("written again", || file.exists()).await;

    obstruct(directory).await;
    fixture.server.publish(APP, NAMESPACE, &[("a", "new")]);
    config.refresh().await.unwrap();
    fs::remove_file(directory).unwrap();
    config.refresh().await.unwrap();
    let holds = || fs::read_to_string(&file).is_ok_and(|text| text.contains("a=new"));
    eventually("written after the obstacle is gone", holds).await;
}

/// B99: also if another client of the program wrote the file last, and has closed the namespace or
/// itself since.
#[tokio::test(start_paused = true)]
async fn a_client_writes_its_releases_whatever_other_clients_have_written() {
    let fixture = Fixture::new();
    let file = fixture.cache_file(NAMESPACE);
    let holds =
        |a: &str| fs::read_to_string(&file).is_ok_and(|text| text.contains(&format!("a={a}")));
    let client =
        || fixture.client_with(fixture.settings().set("castalia.long-poll.enable", "false"));
    let (first, second) = (client(), client());
    let config = first.config(NAMESPACE).await.unwrap();
    eventually("the first client has written", || holds("1")).await;
    for (of_second, of_first, closes_client) in [("2", "3", false), ("4", "5", true)] {
        fixture.publish(&[("a", of_second)]);
        let other = second.config(NAMESPACE).await.unwrap();
        eventually("the second client has written", || holds(of_second)).await;
        other.close();
        if closes_client {
            second.close().await;
        }
        fixture.publish(&[("a", of_first)]);
        config.refresh().await.unwrap();
        eventually("the first client has written again", || holds(of_first)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_with_the_same_content_writes_nothing() {
    let fixture = Fixture::new();
    let (client, _config) = fixture.open().await;
    eventually("cache written", || fixture.cache_file(NAMESPACE).exists()).await;
    client.close().await;
    let written = fixture.cache_file(NAMESPACE).metadata().unwrap().modified().unwrap();
    let (client, _config) = fixture.open().await;
    client.close().await;
    let now = fixture.cache_file(NAMESPACE).metadata().unwrap().modified().unwrap();
    assert_eq!(now, written);
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_leaves_no_trace() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("apollo.cache.file.enable", "false");
    let client = fixture.client_with(settings);
    client.config(NAMESPACE).await.unwrap();
    client.close().await;
    assert_eq!(fs::read_dir(fixture.root.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cache_file_of_the_go_client_is_taken_over() {
    let fixture = Fixture::new();
    fixture.network.disconnect(&fixture.server);
    let backup = fixture.root.path().join("order-application.json");
    let json = r#"{"appId":"order","releaseKey":"k","configurations":{"a":"go"}}"#;
    fs::write(&backup, json).unwrap();
    let settings =
        fixture.settings().set("castalia.import-dir", fixture.root.path().to_str().unwrap());
    let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Local, "go"));
    assert!(backup.exists() && fixture.cache_file(NAMESPACE).exists());
}

#[tokio::test(start_paused = true)]
async fn each_app_id_has_its_own_directory() {
    let fixture = Fixture::new();
    fixture.server.publish("stock", NAMESPACE, &[("s", "1")]);
    let (client, _config) = fixture.open().await;
    client.config_of("stock", NAMESPACE).await.unwrap();
    let other = fixture.root.path().join("stock/config-cache/stock+default+application.properties");
    let own = fixture.cache_file(NAMESPACE);
    eventually("both are written", || other.exists() && own.exists()).await;
}

/// After a server has answered, cache files are not read again.
#[tokio::test(start_paused = true)]
async fn what_a_server_said_outlives_it() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    eventually("cache written", || fixture.cache_file(NAMESPACE).exists()).await;
    fixture.write_cache(NAMESPACE, "a=tampered\n");
    fixture.server.fail_always(Endpoint::Config, Some(Fault::status(503)));
    let error = config.refresh().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Remote, "1"));
    assert_eq!(client.metrics().namespaces[0].app_id, APP);
}

/// Values of a file have its modification time.
#[tokio::test(start_paused = true)]
async fn content_of_a_file_is_as_old_as_the_file() {
    let fixture = Fixture::new();
    fixture.network.disconnect(&fixture.server);
    fixture.write_cache(NAMESPACE, "a=1\n");
    let written = SystemTime::now() - Duration::from_secs(3 * 86_400);
    fs::File::open(fixture.cache_file(NAMESPACE)).unwrap().set_modified(written).unwrap();
    let (client, config) = fixture.open().await;
    assert_eq!((config.source(), config.snapshot().loaded_at()), (Source::Local, written));
    let metrics = &client.metrics().namespaces[0];
    assert_eq!((metrics.updated_at, metrics.contacted_at), (written, None));
    fixture.network.connect(&fixture.server);
    eventually("loaded", || config.source() == Source::Remote).await;
    assert!(config.snapshot().loaded_at() > written);
}

/// If Apollo's directory does not exist, files are in the user's cache directory, and never in the
/// working directory.
#[tokio::test(start_paused = true)]
async fn without_apollos_place_files_are_in_the_users_cache_directory() {
    record_log();
    let fixture = Fixture::new();
    let variables = [("XDG_CACHE_HOME".to_owned(), fixture.root.path().display().to_string())];
    let place = fixture.root.path().join("castalia");
    // Apollo's directory may exist on this machine, so it is configured to one that cannot be used.
    let blocked = fixture.root.path().join("in-the-way");
    fs::write(&blocked, "").unwrap();
    let settings = castalia_core::Settings::from_variables(variables.into())
        .set("app.id", APP)
        .set("apollo.meta", fixture.server.url())
        .set("apollo.cache-dir", blocked.to_str().unwrap());
    let client = fixture.client_with(settings);
    client.config(NAMESPACE).await.unwrap();
    client.close().await;
    let file = format!("{APP}/config-cache/{APP}+default+{NAMESPACE}.properties");
    assert!(place.join(file).exists());
    assert!(!std::path::Path::new("config-cache").exists());
    let path = blocked.display().to_string();
    assert_eq!(
        logged("cannot use the cache directory; using another one")
            .iter()
            .filter(|r| r.text.contains(&path))
            .count(),
        1
    );
}

/// The same without a configured directory.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn the_place_of_cache_files_is_a_setting_and_logged_once() {
    record_log();
    let fixture = Fixture::new();
    let root = fixture.root.path().display().to_string();
    let variables = [("XDG_CACHE_HOME".to_owned(), root.clone())];
    let settings = castalia_core::Settings::from_variables(variables.into())
        .set("app.id", APP)
        .set("apollo.meta", fixture.server.url());
    let client = fixture.client_with(settings);
    let mut settings = client.settings().iter();
    let place = settings.find(|setting| setting.name == "apollo.cache-dir").unwrap();
    if fs::metadata("/opt/data").is_ok() {
        assert_eq!(place.value, "/opt/data");
    } else {
        assert_eq!(place.value, format!("{root}/castalia"));
        assert_eq!(
            logged(&format!(
                "this directory for cache files; apollo.cache-dir selects another one path={root}"
            ))
            .len(),
            1
        );
    }
}
