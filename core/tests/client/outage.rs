//! Outages of meta servers and of all services of their lists.

use std::sync::Arc;
use std::time::Duration;

use castalia_core::discovery::ServiceUrl;
use castalia_core::testing::{Endpoint, Fault};
use castalia_core::{ErrorKind, Snapshot, Source, State};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Level;

use super::discovery::meta_server;
use super::support::{APP, Fixture, NAMESPACE, eventually, logged, record_log, settings};

/// B59: the list that replaces the dead services ends the pause of the polls.
#[tokio::test(start_paused = true)]
async fn services_that_move_during_an_outage_are_polled_soon_after_it() {
    for seed in 0..5 {
        let fixture = Fixture::new();
        let old = fixture.sibling("http://old");
        let meta = meta_server(&fixture, "http://meta", &["http://old"]);
        let client = fixture.client_with(settings("http://meta", &fixture.root).random_seed(seed));
        let config = client.config(NAMESPACE).await.unwrap();
        old.holds(1).await;
        fixture.network.disconnect(&meta);
        fixture.network.disconnect(&old);
        // The held poll ends within a minute, and 70 s follow without any server.
        eventually("the held poll ends", || old.held() == 0).await;
        sleep(Duration::from_secs(70)).await;
        fixture.publish(&[("a", "2")]);
        meta.set_services(&["http://s1"]);
        fixture.network.connect(&meta);
        let back = Instant::now();
        eventually("the value", || config.get_or("a", 0) == 2).await;
        assert!(back.elapsed() <= Duration::from_secs(20), "{seed}: {:?}", back.elapsed());
        client.close().await;
    }
}

/// B59: the same for loads, whose retries are up to two minutes apart. The meta server is asked at
/// most once in 5 s meanwhile.
#[tokio::test(start_paused = true)]
async fn a_load_that_failed_is_repeated_when_the_list_changes() {
    let fixture = Fixture::new();
    let meta = meta_server(&fixture, "http://meta", &["http://gone"]);
    let settings = settings("http://meta", &fixture.root).set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::None);
    sleep(Duration::from_secs(100)).await;
    let asked = meta.requests_of(Endpoint::Services).len();
    assert!((6..=21).contains(&asked), "{asked}");
    meta.set_services(&["http://s1"]);
    let moved = Instant::now();
    eventually("the value", || config.get_or("a", 0) == 1).await;
    assert!(moved.elapsed() <= Duration::from_secs(20), "{:?}", moved.elapsed());
}

/// B60: whatever a meta server or a proxy before it answers says nothing about a namespace or key.
#[tokio::test(start_paused = true)]
async fn a_meta_server_that_fails_is_no_namespace_that_is_missing() {
    for fault in
        [Fault::Reset(Duration::ZERO), Fault::status(503), Fault::status(404), Fault::status(401)]
    {
        let fixture = Fixture::new();
        fixture.server.fail_always(Endpoint::Services, Some(fault.clone()));
        let (client, config) = fixture.open_quietly().await;
        assert_eq!(config.state(), State::Unavailable, "{fault:?}");
        sleep(Duration::from_secs(10)).await;
        fixture.server.fail_always(Endpoint::Services, None);
        let back = Instant::now();
        eventually("the value", || config.source() == Source::Remote).await;
        assert!(back.elapsed() <= Duration::from_secs(20), "{fault:?}: {:?}", back.elapsed());
        client.close().await;
    }
}

/// B64: what it refuses was not signed with the access key of the app.
#[tokio::test(start_paused = true)]
async fn a_meta_server_that_requires_authentication_is_named_without_the_access_key() {
    for (status, advice) in [(401, "requires authentication"), (404, "check apollo.meta")] {
        let fixture = Fixture::new();
        fixture.server.fail_always(Endpoint::Services, Some(Fault::status(status)));
        let (client, config) = fixture.open_quietly().await;
        let error = config.refresh().await.unwrap_err();
        let (line, lines) = (error.to_string(), format!("{error:?}"));
        let place = format!("meta_server=http://s1, path=/services/config, status={status}");
        assert!(line.contains(advice) && line.contains(&place), "{line}");
        for misleading in ["access-key", "access key", "released"] {
            assert!(!line.contains(misleading) && !lines.contains(misleading), "{lines}");
        }
        client.close().await;
    }
}

/// B65: the queries of the start follow each other after 1, 2 and 4 s.
#[tokio::test(start_paused = true)]
async fn a_meta_server_that_returns_soon_after_the_start_is_used_soon() {
    for (seed, away) in (0..10).flat_map(|seed| [2, 5].map(|away| (seed, away))) {
        let fixture = Fixture::new();
        fixture.server.fail_always(Endpoint::Services, Some(Fault::Reset(Duration::ZERO)));
        let start = Instant::now();
        let client = fixture.client_with(fixture.settings().random_seed(seed));
        let config = client.config(NAMESPACE).await.unwrap();
        assert!(start.elapsed() <= Duration::from_millis(1100), "{:?}", start.elapsed());
        sleep_until(start + Duration::from_secs(away)).await;
        let asked = fixture.server.requests_of(Endpoint::Services).len();
        assert!(asked <= 3, "{seed}, {away} s: {asked}");
        fixture.server.fail_always(Endpoint::Services, None);
        eventually("the value", || config.source() == Source::Remote).await;
        // The next query, and up to a second during which clients use the service.
        let latest = if away == 2 { 4500 } else { 9500 };
        assert!(start.elapsed() <= Duration::from_millis(latest), "{:?}", start.elapsed());
        client.close().await;
    }
}

/// B61: while callers wait, a start asks discovery a second time.
#[tokio::test(start_paused = true)]
async fn one_failed_request_of_discovery_does_not_end_a_start() {
    for fault in [Fault::Reset(Duration::ZERO), Fault::status(503), Fault::status(404)] {
        let fixture = Fixture::new();
        fixture.server.fail_next(Endpoint::Services, fault.clone());
        let start = Instant::now();
        let (client, config) = fixture.open().await;
        assert_eq!(config.source(), Source::Remote, "{fault:?}");
        assert!(start.elapsed() <= Duration::from_millis(1100), "{:?}", start.elapsed());
        client.close().await;
    }
}

/// B81: callers are gone before the second request of discovery may be sent.
#[tokio::test(start_paused = true)]
async fn a_start_does_not_wait_for_a_request_of_discovery_that_comes_too_late() {
    for (name, value) in [
        ("apollo.discoveryQPS", "0.5"),
        ("apollo.discoveryQPS", "0.1"),
        ("castalia.start-timeout", "900"),
    ] {
        let fixture = Fixture::new();
        fixture.server.fail_next(Endpoint::Services, Fault::status(503));
        let start = Instant::now();
        let client = fixture.client_with(fixture.settings().set(name, value));
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!(config.source(), Source::None, "{name}={value}");
        assert!(start.elapsed() <= Duration::from_millis(100), "{value}: {:?}", start.elapsed());
        eventually("the value", || config.source() == Source::Remote).await;
        client.close().await;
    }
}

/// B73: the other services of the list are no reason to request the pinned one sooner.
#[tokio::test(start_paused = true)]
async fn a_pinned_service_that_is_down_is_requested_with_the_usual_pauses() {
    let fixture = Fixture::new();
    let pinned = fixture.sibling("http://pinned");
    for endpoint in [Endpoint::Config, Endpoint::Poll] {
        pinned.fail_always(endpoint, Some(Fault::status(503)));
    }
    let _meta = meta_server(&fixture, "http://meta", &["http://s1", "http://pinned"]);
    let pin = |services: &mut [ServiceUrl]| {
        let found = services.iter().find(|url| url.contains("pinned")).cloned();
        services.fill(found.unwrap());
    };
    let client = fixture.client_with(settings("http://meta", &fixture.root).order_services(pin));
    let _config = client.config(NAMESPACE).await.unwrap();
    sleep(Duration::from_secs(100)).await;
    let requests = |endpoint| pinned.requests_of(endpoint).len();
    let (loads, polls) = (requests(Endpoint::Config), requests(Endpoint::Poll));
    assert!((12..=32).contains(&loads) && (4..=10).contains(&polls), "{loads} and {polls}");
    client.close().await;
}

/// Levels of the records of a test with both texts.
fn levels(of_test: &str, text: &str) -> Vec<Level> {
    let records = logged(of_test);
    records.iter().filter(|record| record.text.contains(text)).map(|record| record.level).collect()
}

/// B120: the services that are known are used meanwhile, so that nothing else shows it.
#[tokio::test(start_paused = true)]
async fn meta_servers_that_fail_for_long_are_one_warning() {
    record_log();
    let fixture = Fixture::new();
    let meta = meta_server(&fixture, "http://b120", &["http://s1"]);
    let client = fixture.client_with(settings("http://b120", &fixture.root));
    let _config = client.config(NAMESPACE).await.unwrap();
    let before = meta.requests_of(Endpoint::Services).len();
    meta.fail_always(Endpoint::Services, Some(Fault::status(500)));
    meta.arrived(Endpoint::Services, before + 1).await;
    let fails = || levels("http://b120", "cannot refresh the list of services");
    eventually("a warning", || !fails().is_empty()).await;
    meta.arrived(Endpoint::Services, before + 4).await;
    assert_eq!(fails(), [Level::WARN]);
    meta.fail_always(Endpoint::Services, None);
    let works = || levels("http://b120", "refreshing the list of services works again");
    eventually("it works again", || !works().is_empty()).await;
    meta.arrived(Endpoint::Services, before + 7).await;
    assert_eq!((works(), fails()), (vec![Level::INFO], vec![Level::WARN]));
    client.close().await;
}

/// B122
#[tokio::test(start_paused = true)]
async fn a_start_that_loads_nothing_is_one_warning() {
    record_log();
    for (name, endpoint, fault) in [
        ("b122-refused", Endpoint::Config, Fault::status(401)),
        ("b122-failing", Endpoint::Config, Fault::status(500)),
        ("b122-late", Endpoint::Config, Fault::Reset(Duration::from_secs(10))),
        ("b122-lost", Endpoint::Services, Fault::status(500)),
    ] {
        let fixture = Fixture::new();
        let url = format!("http://{name}");
        let server = fixture.sibling(&url);
        server.fail_always(endpoint, Some(fault));
        let settings = settings(&url, &fixture.root).set("castalia.long-poll.enable", "false");
        let client = fixture.client_with(settings.set("castalia.start-timeout", "3000"));
        let config = client.config(name).await.unwrap();
        assert_eq!(config.source(), Source::None, "{name}");
        let records = logged(name).into_iter().filter(|record| record.level <= Level::WARN);
        let warnings: Vec<_> = records.map(|record| record.text).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("the namespace is empty"), "{warnings:?}");
        // Nor is it logged again once the load has failed.
        eventually("it failed", || config.last_error().is_some()).await;
        client.close().await;
        assert_eq!(levels(name, "the namespace is empty").len(), 1, "{name}");
    }
}

/// B122: the values of the file are served before the server answers.
#[tokio::test(start_paused = true)]
async fn a_late_first_release_that_cannot_be_used_is_a_warning() {
    record_log();
    for (name, text) in [("b122-broken.yaml", "size: ["), ("b122-rejected.yaml", "size: 5")] {
        let fixture = Fixture::empty();
        fixture.write_cache(name, "content=size\\: 4\n");
        fixture.server.publish(APP, name, &[("content", text)]);
        let late = Fault::Delay(Duration::from_secs(1));
        fixture.server.fail_always(Endpoint::Config, Some(late));
        let client = fixture.client_with(fixture.settings().set("castalia.start-timeout", "50"));
        let reject = |candidate: &Arc<Snapshot>| match candidate.get("size") {
            Some("5") => Err("five is refused".to_owned()),
            _ => Ok(()),
        };
        client.validate(name, reject).unwrap();
        let config = client.config(name).await.unwrap();
        assert_eq!((config.source(), config.get_or("size", 0)), (Source::Local, 4));
        eventually("it failed", || config.state() == State::Failed(ErrorKind::Parse)).await;
        client.close().await;
        let (name, failed) =
            (format!("namespace={name}"), "load failed; keeping the previous values");
        assert_eq!(levels(&name, failed), [Level::WARN], "{name}");
        assert_eq!(levels(&name, "serving fallback values"), [Level::WARN], "{name}");
    }
}
