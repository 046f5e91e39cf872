//! Values: formats, precedence, typed reads, structures, validators and seeds.

use castalia_core::{ChangeType, ErrorKind, Settings, Source, State};
use serde::Deserialize;

use super::support::{
    APP, Fixture, NAMESPACE, eventually, logged, patient_settings, record_log, scratch,
};

#[tokio::test(start_paused = true)]
async fn invalid_yaml_keeps_the_last_good_values() {
    let fixture = Fixture::empty();
    let publish = |text: &str| fixture.server.publish(APP, "conf.yaml", &[("content", text)]);
    publish("a: 1\nb: {c: yes}\n");
    let client = fixture.client_with(fixture.quiet_settings());
    let config = client.config("conf.yaml").await.unwrap();
    let file = client.config_file("conf.yaml").await.unwrap();
    let (mut changes, mut texts) = (config.changes(), file.changes());
    assert_eq!(config.get("b.c").unwrap(), "true");

    publish("a: [broken\n");
    config.refresh().await.unwrap();
    assert_eq!(config.get("a").unwrap(), "1");
    assert_eq!(file.content().as_deref(), Some("a: [broken\n"));
    assert_eq!(texts.next().await.unwrap().changes().len(), 1);
    assert_eq!(config.last_error().unwrap().kind(), ErrorKind::Parse);
    assert_eq!(config.state(), State::Failed(ErrorKind::Parse));

    publish("a: 2\nb: {c: no}\n");
    config.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!(event.change("a").unwrap().old_value.as_deref(), Some("1"));
    assert_eq!(event.change("b.c").unwrap().new_value.as_deref(), Some("false"));
    assert_eq!(config.last_error().map(|error| error.kind()), None);
}

#[tokio::test(start_paused = true)]
async fn an_overlay_hides_the_servers_value() {
    let fixture = Fixture::new();
    let overlay = [("a", "override"), ("only", "there")];
    let overlay = overlay.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let client = fixture.client_with(fixture.quiet_settings().overlay(overlay));
    let config = client.config(NAMESPACE).await.unwrap();
    let mut changes = config.changes();
    fixture.publish(&[("a", "9"), ("b", "3")]);
    config.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!(event.changes().keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(
        (config.get("a").unwrap().as_str(), config.get("only").unwrap().as_str()),
        ("override", "there")
    );
    assert_eq!(config.snapshot().keys().collect::<Vec<_>>(), ["a", "b"]);
}

/// Defaults are included in the keys and replace deleted values.
#[tokio::test(start_paused = true)]
async fn defaults_stand_below_the_release() {
    let fixture = Fixture::new();
    let settings = fixture.quiet_settings().defaults(NAMESPACE, [("b", "0"), ("z", "26")]);
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.snapshot().keys().collect::<Vec<_>>(), ["a", "b", "z"]);
    let mut changes = config.changes();
    fixture.publish(&[("a", "1"), ("z", "26")]);
    config.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!(event.changes().len(), 1, "z is the same from the release");
    let change = event.change("b").unwrap();
    assert_eq!((change.change_type.name(), change.new_value.as_deref()), ("MODIFIED", Some("0")));
}

/// B82
#[tokio::test(start_paused = true)]
async fn defaults_of_an_app_id_are_those_of_the_namespace_of_this_app() {
    let fixture = Fixture::new();
    let settings = fixture
        .quiet_settings()
        .defaults(NAMESPACE, [("y", "of any app"), ("z", "of any app")])
        .defaults("order+application", [("z", "of this app")])
        .defaults("stock+application", [("z", "of another app")]);
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.snapshot().keys().collect::<Vec<_>>(), ["a", "b", "y", "z"]);
    assert_eq!(config.get("y").as_deref(), Some("of any app"));
    assert_eq!(config.get("z").as_deref(), Some("of this app"));
    // B125
    let other = client.config_of("stock", NAMESPACE).await.unwrap();
    assert_eq!(other.get("z").as_deref(), Some("of another app"));
    assert!(other.get("y").is_none());
}

/// A key that is added or deleted in the release is unchanged for readers if the overlay has it.
#[tokio::test(start_paused = true)]
async fn what_the_overlay_hides_is_no_change() {
    let fixture = Fixture::new();
    let overlay = [("a".to_owned(), "over".to_owned()), ("new".to_owned(), "over".to_owned())];
    let client = fixture.client_with(fixture.quiet_settings().overlay(overlay));
    let config = client.config(NAMESPACE).await.unwrap();
    let mut changes = config.changes();
    fixture.publish(&[("b", "3"), ("new", "1")]);
    config.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!(event.changes().keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(config.get("a").as_deref(), Some("over"));
}

/// If the environment has the key it is modified, or unchanged if the values are equal.
#[tokio::test(start_paused = true)]
async fn what_the_environment_stands_in_for_is_modified() {
    let fixture = Fixture::new();
    let variables = [("b", "env"), ("c", "env"), ("d", "env")];
    let variables = variables.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let settings = Settings::from_variables(variables.into())
        .set("app.id", APP)
        .set("apollo.meta", "http://s1")
        .set("apollo.cache.file.enable", "false")
        .set("castalia.long-poll.enable", "false")
        .set("castalia.env-fallback", "true");
    let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    let mut changes = config.changes();
    fixture.publish(&[("a", "1"), ("c", "3"), ("d", "env")]);
    config.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    let seen = |key: &str| {
        let change = event.change(key).unwrap();
        (change.change_type, change.old_value.as_deref(), change.new_value.as_deref())
    };
    assert_eq!(seen("b"), (ChangeType::Modified, Some("2"), Some("env")));
    assert_eq!(seen("c"), (ChangeType::Modified, Some("env"), Some("3")));
    assert_eq!(event.changes().len(), 2);
}

/// Environment variables replace missing keys only if the settings enable it.
#[tokio::test(start_paused = true)]
async fn the_environment_answers_only_when_asked_to() {
    for (switch, expected) in [("false", None), ("true", Some("/root"))] {
        let fixture = Fixture::new();
        let variables = [("HOME", "/root"), ("a", "env"), ("APP_ID", APP)];
        let variables = variables.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let settings = Settings::from_variables(variables.into())
            .set("apollo.meta", "http://s1")
            .set("apollo.cache.file.enable", "false")
            .set("castalia.env-fallback", switch);
        let client = fixture.client_with(settings);
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!(config.get("HOME").as_deref(), expected);
        assert_eq!(config.get("a").unwrap(), "1");
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Pool {
    size: u16,
    name: Option<String>,
}

/// A typed watch keeps the last good structure and reports the error of the newest release.
#[tokio::test]
async fn a_watch_keeps_the_last_good_structure() {
    let fixture = Fixture::empty();
    fixture.publish(&[("size", "4")]);
    let (client, config) = fixture.open_quietly().await;
    let watch = config.watch::<Pool>().unwrap();
    assert_eq!(*watch.get(), Pool { size: 4, name: None });
    fixture.publish(&[("size", "many")]);
    config.refresh().await.unwrap();
    eventually("the bad value is reported", || watch.last_error().is_some()).await;
    assert_eq!(watch.get().size, 4);
    fixture.publish(&[("size", "8"), ("name", "main")]);
    config.refresh().await.unwrap();
    eventually("the good value arrives", || watch.last_error().is_none()).await;
    assert_eq!(*watch.get(), Pool { size: 8, name: Some("main".into()) });
    let error = config.watch_with(|snapshot| snapshot.get_json::<u8>("name")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    client.close().await;
}

/// The error of a document quotes values, so the log contains only its kind.
#[tokio::test]
async fn a_watch_logs_no_value() {
    record_log();
    let fixture = Fixture::empty();
    let publish = |text: &str| fixture.server.publish(APP, "watched.json", &[("content", text)]);
    publish(r#"{"size": 4}"#);
    let client = fixture.client_with(fixture.quiet_settings());
    let config = client.config("watched.json").await.unwrap();
    let watch = config.watch::<Pool>().unwrap();
    publish(r#"{"size": "f170-many"}"#);
    config.refresh().await.unwrap();
    eventually("the bad value is reported", || watch.last_error().is_some()).await;
    assert!(watch.last_error().unwrap().to_string().contains("f170-many"));
    assert_eq!(logged("keeping the last good value namespace=watched.json kind=Parse").len(), 1);
    assert!(logged("f170-many").is_empty());
    client.close().await;
}

/// A rejected release is not applied, and the state shows it.
#[tokio::test(start_paused = true)]
async fn a_refused_release_is_not_applied() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    client
        .validate(NAMESPACE, |snapshot| match snapshot.get_or("a", 0) {
            0..10 => Ok(()),
            other => Err(format!("a must be below 10, but is {other}")),
        })
        .unwrap();
    fixture.publish(&[("a", "11")]);
    for _ in 0..3 {
        let error = config.refresh().await.unwrap_err();
        assert!(error.to_string().contains("a must be below 10, but is 11"), "{error}");
    }
    assert_eq!((config.get_or("a", 0), config.snapshot().release_key()), (1, "k1"));
    assert_eq!(config.state(), State::Failed(ErrorKind::Parse));
    let metrics = client.metrics();
    assert_eq!((metrics.namespaces[0].refusals, metrics.error_count), (1, 1));
    fixture.publish(&[("a", "5")]);
    config.refresh().await.unwrap();
    assert_eq!((config.get_or("a", 0), config.state()), (5, State::Ready));
}

/// A validator that rejects the first release leaves the values of the cache file.
#[tokio::test(start_paused = true)]
async fn a_refused_first_release_gives_way_to_the_cache() {
    let fixture = Fixture::new();
    fixture.write_cache(NAMESPACE, "a=0\n");
    let client = fixture.client();
    client
        .validate(NAMESPACE, |s| (s.get("a") == Some("0")).then_some(()).ok_or("no".into()))
        .unwrap();
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Local, "0"));
}

/// Without a server the order is cache file, seed file, seed in code.
#[tokio::test(start_paused = true)]
async fn seeds_stand_in_for_a_first_release() {
    let fixture = Fixture::new();
    fixture.network.disconnect(&fixture.server);
    let seeds = fixture.root.path().join("seeds");
    std::fs::create_dir(&seeds).unwrap();
    let settings = || {
        let settings = fixture.settings().set("castalia.seed-dir", seeds.to_str().unwrap());
        settings.seed(NAMESPACE, [("a", "in code")])
    };
    let read = async || {
        let client = fixture.client_with(settings());
        let config = client.config(NAMESPACE).await.unwrap();
        let read = (config.source(), config.get("a").unwrap().to_string());
        client.close().await;
        read
    };
    assert_eq!(read().await, (Source::Static, "in code".to_owned()));
    std::fs::write(seeds.join("order+default+application.properties"), "a=seed file\n").unwrap();
    assert_eq!(read().await, (Source::Static, "seed file".to_owned()));
    fixture.write_cache(NAMESPACE, "a=cache file\n");
    assert_eq!(read().await, (Source::Local, "cache file".to_owned()));
    assert!(fixture.cache_file("other").parent().unwrap().exists());
}

/// Tests and offline programs need only seeds.
#[tokio::test(start_paused = true)]
async fn local_mode_with_seeds_needs_nothing_else() {
    let fixture = Fixture::new();
    let settings =
        fixture.settings().set("env", "LOCAL").seed("conf.yaml", [("content", "a: {b: 1}")]);
    let config = fixture.client_with(settings).config("conf.yaml").await.unwrap();
    assert_eq!((config.source(), config.state()), (Source::Static, State::Ready));
    assert_eq!(config.get_or("a.b", 0), 1);
    assert!(fixture.server.requests().is_empty());
}

#[tokio::test]
async fn odd_and_large_values_are_exact() {
    let server = castalia_core::testing::Server::start().await.unwrap();
    let root = scratch();
    let long = "é".repeat(500_000);
    let many: Vec<_> = (0..10_000).map(|n| (format!("key.{n}"), n.to_string())).collect();
    let mut values: Vec<_> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    values.extend([("nul", "a\0b"), ("emoji", "😀"), ("long", long.as_str())]);
    for gzip in [false, true] {
        server.set_gzip(gzip);
        server.publish(APP, NAMESPACE, &values);
        let settings = patient_settings(server.url(), &root);
        let client = castalia_core::Client::new(settings).unwrap();
        let config = client.config(NAMESPACE).await.unwrap();
        let snapshot = config.snapshot();
        assert_eq!(snapshot.iter().collect::<Vec<_>>(), values);
        client.close().await;
    }
}
