//! Incremental responses are applied to the release whose key was sent, and to nothing else.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault};

use super::support::{APP, Fixture, NAMESPACE, eventually, pairs};

fn incremental(release_key: &str, changes: &str) -> String {
    format!(
        r#"{{"appId":"order","cluster":"default","namespaceName":"application","releaseKey":"{release_key}",
        "configSyncType":"IncrementalSync","configurationChanges":{changes}}}"#
    )
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[tokio::test(start_paused = true)]
async fn changes_apply_to_the_known_release() {
    let fixture = Fixture::new();
    fixture.server.set_incremental(true);
    let (_client, config) = fixture.open().await;
    let mut changes = config.changes();
    fixture.server.arrived(Endpoint::Poll, 2).await;
    fixture.publish(&[("b", "9"), ("c", "3")]);
    let event = changes.next().await.unwrap();
    assert_eq!(event.changes().len(), 3);
    assert_eq!(pairs(&config), [pair("b", "9"), pair("c", "3")]);
    config.refresh().await.unwrap();
    let last = fixture.server.requests_of(Endpoint::Config).pop().unwrap();
    assert_eq!(last.parameter("releaseKey").as_deref(), Some("k2"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kind_of_answer_leaves_the_old_values() {
    let fixture = Fixture::new();
    let client = fixture.client_with(fixture.settings().set("castalia.long-poll.enable", "false"));
    let config = client.config(NAMESPACE).await.unwrap();
    for kind in ["incrementalsync", "Foo"] {
        let body = incremental("k9", "[]").replace("IncrementalSync", kind);
        fixture.server.fail_next(Endpoint::Config, Fault::body(200, &body));
        config.refresh().await.unwrap_err();
        assert_eq!(pairs(&config), [pair("a", "1"), pair("b", "2")]);
        assert_eq!(config.snapshot().release_key(), "k1");
    }
}

#[tokio::test(start_paused = true)]
async fn changes_without_a_base_are_fetched_in_full() {
    let fixture = Fixture::new();
    let body =
        incremental("k9", r#"[{"key":"z","newValue":"1","configurationChangeType":"ADDED"}]"#);
    fixture.server.fail_next(Endpoint::Config, Fault::body(200, &body));
    let (_client, config) = fixture.open().await;
    assert_eq!(pairs(&config), [pair("a", "1"), pair("b", "2")]);
    let loads = fixture.server.requests_of(Endpoint::Config);
    assert!(loads[..2].iter().all(|load| load.parameter("releaseKey").is_none()));
}

/// B47: Apollo's servers compute the changes to a merged release from the parts that they find,
/// which excludes one that was rolled back.
#[tokio::test(start_paused = true)]
async fn changes_to_a_merged_release_are_fetched_in_full() {
    let fixture = Fixture::new();
    let merged = r#"{"appId":"order","cluster":"default","namespaceName":"application",
        "releaseKey":"a2+b1","configurations":{"a":"bad","b":"2"}}"#;
    fixture.server.fail_next(Endpoint::Config, Fault::body(200, merged));
    let (_client, config) = fixture.open_quietly().await;
    assert_eq!(pairs(&config), [pair("a", "bad"), pair("b", "2")]);
    fixture.server.fail_next(Endpoint::Config, Fault::status(304));
    config.refresh().await.unwrap();
    assert_eq!(config.snapshot().release_key(), "a2+b1");

    fixture.server.fail_next(Endpoint::Config, Fault::body(200, &incremental("a1+b1", "[]")));
    config.refresh().await.unwrap();
    assert_eq!(pairs(&config), [pair("a", "1"), pair("b", "2")]);
    let loads = fixture.server.requests_of(Endpoint::Config);
    let keys: Vec<_> = loads.iter().map(|load| load.parameter("releaseKey")).collect();
    let merged = Some("a2+b1".to_owned());
    assert_eq!(keys, [None, merged.clone(), merged, None]);
}

#[tokio::test(start_paused = true)]
async fn odd_changes_are_ignored_and_empty_ones_make_no_event() {
    let fixture = Fixture::new();
    let client = fixture.client_with(fixture.settings().set("castalia.long-poll.enable", "false"));
    let config = client.config(NAMESPACE).await.unwrap();
    eventually("cache written", || fixture.cache_file(NAMESPACE).exists()).await;
    let written = fixture.cache_file(NAMESPACE).metadata().unwrap().modified().unwrap();
    let mut changes = config.changes();

    fixture.server.fail_next(Endpoint::Config, Fault::body(200, &incremental("k8", "[]")));
    config.refresh().await.unwrap();
    assert_eq!(config.snapshot().release_key(), "k8");
    let odd = r#"[{"key":"a","newValue":"x","configurationChangeType":"RENAMED"},
        {"key":"b","configurationChangeType":"MODIFIED"}]"#;
    fixture.server.fail_next(Endpoint::Config, Fault::body(200, &incremental("k9", odd)));
    assert_eq!(fixture.cache_file(NAMESPACE).metadata().unwrap().modified().unwrap(), written);
    config.refresh().await.unwrap();
    assert_eq!(pairs(&config), [pair("a", "1")]);
    let event = changes.next().await.unwrap();
    assert_eq!((event.sequence(), event.changes().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn full_and_incremental_answers_may_alternate() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open_quietly().await;
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..1000 {
        fixture.server.set_incremental(random.bool());
        let keys = random.usize(0..6);
        let values: Vec<_> =
            (0..keys).map(|_| (format!("k{}", random.u8(0..8)), round.to_string())).collect();
        let values: Vec<_> = values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let release = fixture.server.publish(APP, NAMESPACE, &values);
        config.refresh().await.unwrap();
        let mut known = pairs(&config);
        known.sort();
        let mut served: Vec<_> = release.values.into_iter().collect();
        served.sort();
        assert_eq!(known, served);
        assert_eq!(config.snapshot().release_key(), release.key);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}
