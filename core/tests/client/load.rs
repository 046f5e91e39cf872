//! Loading a namespace: requests, the meaning of each status, and the fallback without a server.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault};
use castalia_core::{ErrorKind, Source, StartPolicy, State};
use tokio::time::Instant;

use super::support::{APP, Fixture, NAMESPACE, eventually, logged, pairs, record_log};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn a_normal_start_takes_one_load_without_a_release_key() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("apollo.longPollingInitialDelayInMills", "2000");
    let client = fixture.client_with(settings);
    let start = Instant::now();
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.get("a").unwrap(), "1");
    assert_eq!((config.source(), config.state()), (Source::Remote, State::Ready));
    assert!(start.elapsed() < ms(50));

    let polls = fixture.server.arrived(Endpoint::Poll, 1).await;
    assert!((2000..=2550).contains(&(polls[0].at - start).as_millis()));
    let loads = fixture.server.requests_of(Endpoint::Config);
    let before = loads.iter().filter(|load| load.at < polls[0].at);
    assert_eq!(before.count(), 1);
    assert_eq!(loads[0].path_and_query, "/configs/order/default/application?ip=10.0.0.1");
}

/// Attempts are one second apart, and the retry follows after about five seconds; there is one
/// event with all keys.
#[tokio::test(start_paused = true)]
async fn a_failed_first_load_is_retried_and_then_told() {
    let fixture = Fixture::new();
    for _ in 0..2 {
        fixture.server.fail_next(Endpoint::Config, Fault::status(500));
    }
    let (_client, config) = {
        let client =
            fixture.client_with(fixture.settings().set("castalia.long-poll.enable", "false"));
        let config = client.config(NAMESPACE).await.unwrap();
        (client, config)
    };
    assert_eq!(config.source(), Source::None);
    assert_eq!(config.state(), State::Unavailable);
    assert_eq!(config.get_or("a", 7), 7);
    let mut changes = config.changes();
    let event = changes.next().await.unwrap();
    let kinds: Vec<_> =
        event.changes().iter().map(|(k, c)| (k.as_str(), c.change_type.name())).collect();
    assert_eq!(kinds, [("a", "ADDED"), ("b", "ADDED")]);
    assert_eq!(config.source(), Source::Remote);
    let at: Vec<_> = fixture.server.requests_of(Endpoint::Config).iter().map(|r| r.at).collect();
    assert!((990..=1010).contains(&(at[1] - at[0]).as_millis()));
    assert!((4000..=6000).contains(&(at[2] - at[1]).as_millis()));
}

#[tokio::test(start_paused = true)]
async fn a_missing_release_costs_one_request_and_comes_by_push() {
    let fixture = Fixture::empty();
    let start = Instant::now();
    let (_client, config) = fixture.open().await;
    assert!(start.elapsed() < ms(50));
    assert_eq!(config.source(), Source::None);
    assert_eq!(config.state(), State::Failed(ErrorKind::NotFound));
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), 1);

    let mut changes = config.changes();
    fixture.server.holds(1).await;
    fixture.publish(&[("a", "1")]);
    let published = Instant::now();
    let event = changes.next().await.unwrap();
    assert!(published.elapsed() < ms(2000));
    assert_eq!(event.change("a").unwrap().change_type.name(), "ADDED");
}

#[tokio::test(start_paused = true)]
async fn an_empty_release_is_loaded_at_once() {
    let fixture = Fixture::empty();
    fixture.publish(&[]);
    let (_client, config) = fixture.open().await;
    assert_eq!(config.source(), Source::Remote);
    assert_eq!(config.snapshot().len(), 0);
    assert_eq!(config.get_or("a", 3), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refused_signature_is_not_hammered() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("right"));
    fixture.write_cache(NAMESPACE, "a=cached\n");
    let (_client, config) = fixture.open().await;
    assert_eq!(config.state(), State::Failed(ErrorKind::Unauthorized));
    assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Local, "cached"));
    assert!(config.last_error().unwrap().message().contains("no secret is set"));
    tokio::time::sleep(Duration::from_secs(59)).await;
    let requests = fixture.server.requests();
    let asked = requests.iter().filter(|r| r.endpoint != Endpoint::Services);
    assert!(asked.count() <= 4);
}

/// A malformed request is not sent to the next service, and the error quotes the response.
#[tokio::test(start_paused = true)]
async fn a_bad_request_ends_the_pass() {
    for status in [400, 405] {
        let fixture = Fixture::new();
        let second = fixture.sibling("http://s2");
        fixture.server.set_services(&["http://s1", "http://s2"]);
        let answer = format!("no such thing{}", "!".repeat(1000));
        for server in [&fixture.server, &second] {
            server.fail_always(Endpoint::Config, Some(Fault::body(status, &answer)));
        }
        let (_client, config) = fixture.open_quietly().await;
        assert_eq!(config.state(), State::Failed(ErrorKind::BadRequest));
        let asked = [&fixture.server, &second].map(|s| s.requests_of(Endpoint::Config).len());
        assert_eq!(asked.iter().sum::<usize>(), 1, "{status}: {asked:?}");
        let error = config.last_error().unwrap().to_string();
        assert!(error.contains("no such thing!") && error.len() < 600, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_corrected_once_the_server_says_so() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("right"));
    fixture.server.set_clock_offset(300);
    let settings = fixture.settings().set("apollo.access-key.secret", "right");
    let settings = settings.set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote);
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), 2);
    let skew = client.metrics().clock_skew_ms;
    assert!((270_000..=301_000).contains(&skew), "{skew}");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_brings_nothing_changes_nothing() {
    let fixture = Fixture::new();
    let client = fixture.client_with(fixture.settings().set("castalia.long-poll.enable", "false"));
    let config = client.config(NAMESPACE).await.unwrap();
    let mut changes = config.changes();
    eventually("cache written", || fixture.cache_file(NAMESPACE).exists()).await;
    let written = fixture.cache_file(NAMESPACE).metadata().unwrap().modified().unwrap();
    let loads = fixture.server.arrived(Endpoint::Config, 2).await;
    assert_eq!(loads[1].parameter("releaseKey").as_deref(), Some("k1"));
    let gap = (loads[1].at - loads[0].at).as_secs();
    assert!((269..=331).contains(&gap), "{gap} s");
    client.close().await;
    assert!(changes.next().await.is_none());
    let now = fixture.cache_file(NAMESPACE).metadata().unwrap().modified().unwrap();
    assert_eq!(now, written);
}

#[tokio::test(start_paused = true)]
async fn not_modified_without_a_release_is_an_error_that_is_retried() {
    let fixture = Fixture::new();
    fixture.server.fail_next(Endpoint::Config, Fault::status(304));
    let (_client, config) = fixture.open().await;
    assert_eq!(config.source(), Source::Remote);
    assert!(fixture.server.requests_of(Endpoint::Config).len() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_bad_body_leaves_the_old_values() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("castalia.body-limit", "1000");
    let settings = settings.set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    let huge = "x".repeat(2000);
    let faults = [
        Fault::body(200, "{broken"),
        Fault::Truncated,
        Fault::body(200, &huge),
        // A gateway's error page in JSON.
        Fault::body(200, r#"{"status":500}"#),
        Fault::body(200, ""),
        Fault::body(200, "<html>Sign in to the network</html>"),
        Fault::body(200, r#"{"appId":"order","configurations":"a"}"#),
        Fault::body(200, r#"{"appId":"order","configurations":[]}"#),
    ];
    let count = faults.len();
    for (index, fault) in faults.into_iter().enumerate() {
        fixture.server.fail_next(Endpoint::Config, fault);
        let value = index.to_string();
        fixture.server.data().publish_quietly(APP, "default", NAMESPACE, &[("a", &value)]);
        config.refresh().await.unwrap_err();
        assert_ne!(config.get("a").unwrap(), value.as_str());
        config.refresh().await.unwrap();
        assert_eq!(config.get("a").unwrap(), value.as_str());
    }
    assert_eq!(client.metrics().error_count, count as u64);
}

#[tokio::test(start_paused = true)]
async fn ten_hanging_namespaces_open_within_the_budget() {
    let fixture = Fixture::new();
    fixture.server.fail_always(Endpoint::Config, Some(Fault::Hang));
    let client = fixture.client();
    let start = Instant::now();
    let names: Vec<_> = (0..10).map(|n| format!("n{n}")).collect();
    for name in &names {
        fixture.write_cache(name, "a=cached\n");
    }
    let opened = names.iter().map(|name| client.config(name));
    for config in futures_util::future::join_all(opened).await {
        assert_eq!(config.unwrap().source(), Source::Local);
    }
    assert!(start.elapsed() <= ms(15_500));
}

#[tokio::test(start_paused = true)]
async fn refused_connections_fall_back_to_the_cache_within_a_second() {
    let fixture = Fixture::new();
    fixture.network.disconnect(&fixture.server);
    fixture.write_cache(NAMESPACE, "a=cached\n");
    let start = Instant::now();
    let (_client, config) = fixture.open().await;
    assert!(start.elapsed() < ms(1200));
    assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Local, "cached"));
}

/// The error of an unreachable address names the meta server that returned it, and the remedy.
#[tokio::test(start_paused = true)]
async fn an_unreachable_service_is_named_with_its_meta_server() {
    let fixture = Fixture::new();
    fixture.server.set_services(&["http://172.17.0.2:8080"]);
    let (_client, config) = fixture.open().await;
    let error = config.last_error().unwrap().to_string();
    for part in
        ["service_url=http://172.17.0.2:8080", "meta_server=http://s1", "apollo.config-service"]
    {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn coming_back_from_the_cache_tells_the_difference() {
    let fixture = Fixture::empty();
    fixture.publish(&[("a", "1"), ("b", "3"), ("c", "4")]);
    fixture.network.disconnect(&fixture.server);
    fixture.write_cache(NAMESPACE, "a=1\nb=2\n");
    let (_client, config) = fixture.open().await;
    assert_eq!(config.source(), Source::Local);
    let mut changes = config.changes();
    fixture.network.connect(&fixture.server);
    let event = changes.next().await.unwrap();
    let kinds: Vec<_> =
        event.changes().iter().map(|(k, c)| (k.as_str(), c.change_type.name())).collect();
    assert_eq!(kinds, [("b", "MODIFIED"), ("c", "ADDED")]);
    assert_eq!((event.source(), config.source()), (Source::Remote, Source::Remote));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_server_costs_no_more_than_its_limit() {
    let fixture = Fixture::new();
    let second = fixture.sibling("http://s2");
    fixture.server.set_services(&["http://s1", "http://s2"]);
    fixture.server.fail_always(Endpoint::Config, Some(Fault::Hang));
    let start = Instant::now();
    let (_client, config) = fixture.open().await;
    assert_eq!(config.source(), Source::Remote);
    assert!(start.elapsed() <= ms(7000));
    assert_eq!(
        second.requests_of(Endpoint::Config)[0].path(),
        "/configs/order/default/application"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_gets_it() {
    // In seconds, or as a date by the server's clock, which may be wrong.
    let begun = std::time::Instant::now();
    let moment = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
        + chrono::Duration::seconds(309);
    for (clock_offset, patience) in [(0, "7".to_owned()), (300, moment.to_rfc2822())] {
        let fixture = Fixture::new();
        fixture.server.set_clock_offset(clock_offset);
        fixture.server.fail_next(Endpoint::Config, Fault::header(503, "Retry-After", &patience));
        let (_client, config) = fixture.open_quietly().await;
        assert_eq!(config.source(), Source::Remote);
        let loads = fixture.server.requests_of(Endpoint::Config);
        let waited = (loads[1].at - loads[0].at).as_secs_f64();
        // The time until a date is real: less is left of it on a machine that stopped meanwhile.
        let least = if clock_offset == 0 { 7.0 } else { 7.0 - begun.elapsed().as_secs_f64() };
        assert!((least..=10.0).contains(&waited), "{patience}: {waited}");
    }
}

/// `Retry-After` is limited to two minutes.
#[tokio::test(start_paused = true)]
async fn a_server_gets_two_minutes_at_most() {
    let fixture = Fixture::new();
    let patience = Fault::header(503, "Retry-After", "86400");
    fixture.server.fail_next(Endpoint::Config, patience);
    let client = fixture.client_with(fixture.quiet_settings());
    let _config = client.config(NAMESPACE).await.unwrap();
    let loads = fixture.server.arrived(Endpoint::Config, 2).await;
    let waited = (loads[1].at - loads[0].at).as_secs_f64();
    assert!((100.0..=150.0).contains(&waited), "{waited}");
}

/// A namespace is loaded at most twice a second, independently of the others.
#[tokio::test(start_paused = true)]
async fn loads_of_a_namespace_are_limited() {
    let fixture = Fixture::new();
    fixture.server.publish(APP, "other", &[("k", "v")]);
    let settings = fixture.settings().set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    let start = Instant::now();
    for _ in 0..10 {
        config.refresh().await.unwrap();
    }
    let took = start.elapsed().as_secs_f64();
    assert!((4.0..=6.0).contains(&took), "{took}");
    let start = Instant::now();
    client.config("other").await.unwrap();
    assert!(start.elapsed() < ms(400));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_openers_share_one_load() {
    let fixture = Fixture::new();
    fixture.server.fail_next(Endpoint::Config, Fault::Delay(ms(200)));
    let settings = fixture.settings().set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let opened = (0..100).map(|_| client.config(NAMESPACE));
    for config in futures_util::future::join_all(opened).await {
        assert_eq!(config.unwrap().get("b").unwrap(), "2");
    }
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn refreshes_of_a_fleet_are_spread() {
    let fixture = Fixture::new();
    let start = Instant::now();
    let mut clients = Vec::new();
    for seed in 0..1000 {
        let settings = fixture.settings().random_seed(seed);
        let settings = settings.set("castalia.long-poll.enable", "false");
        let settings = settings.set("apollo.cache.file.enable", "false");
        let client = fixture.client_with(settings);
        let config = client.config(NAMESPACE).await.unwrap();
        clients.push((client, config));
    }
    let loads = fixture.server.arrived(Endpoint::Config, 2000).await;
    let mut at: Vec<_> = loads[1000..].iter().map(|load| (load.at - start).as_secs_f64()).collect();
    at.sort_by(f64::total_cmp);
    assert!(at[999] - at[0] >= 55.0, "{} to {}", at[0], at[999]);
}

#[tokio::test(start_paused = true)]
async fn the_properties_suffix_makes_no_second_namespace() {
    let fixture = Fixture::empty();
    fixture.server.publish(APP, "a", &[("k", "v")]);
    let settings = fixture.settings().set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let first = client.config("a.properties").await.unwrap();
    let second = client.config("a").await.unwrap();
    assert_eq!(pairs(&first), pairs(&second));
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), 1);
    eventually("cache written", || fixture.cache_file("a").exists()).await;
    let files = std::fs::read_dir(fixture.cache_file("a").parent().unwrap()).unwrap();
    assert_eq!(files.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_strict_start_names_what_is_missing() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("castalia.start-policy", "require-all");
    let settings = settings.set("castalia.namespaces", "application, missing");
    let client = fixture.client_with(settings);
    let error = client.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("missing: not found"), "{error}");
    fixture.server.publish(APP, "missing", &[("k", "v")]);
    let open = client.opened(APP, NAMESPACE).unwrap();
    assert_eq!(open.get("a").unwrap(), "1");
    eventually("the missing namespace comes by push", || {
        client.opened(APP, "missing").is_some_and(|config| config.source() == Source::Remote)
    })
    .await;
    client.start().await.unwrap();
}

/// Any or all, from any source or from a server.
#[tokio::test(start_paused = true)]
async fn each_start_policy_asks_for_what_it_says() {
    let is_met = async |policy: &str, released: &[&str], cached: &[&str]| {
        let fixture = Fixture::empty();
        for name in released {
            fixture.server.publish(APP, name, &[("a", "1")]);
        }
        if released.is_empty() {
            fixture.server.fail_always(Endpoint::Config, Some(Fault::status(500)));
        }
        for name in cached {
            fixture.write_cache(name, "a=cached\n");
        }
        let settings = fixture.settings().set("castalia.long-poll.enable", "false");
        let settings = settings.set("castalia.namespaces", "x, y");
        let client = fixture.client_with(settings.set("castalia.start-policy", policy));
        let is_met = client.start().await.is_ok();
        client.close().await;
        is_met
    };
    for (policy, one_released, all_cached, all_released) in [
        ("best-effort", true, true, true),
        ("require-any", true, true, true),
        ("require-any-remote", true, false, true),
        ("require-all", false, true, true),
        ("require-all-remote", false, false, true),
    ] {
        assert_eq!(is_met(policy, &["x"], &[]).await, one_released, "{policy}");
        assert_eq!(is_met(policy, &[], &["x", "y"]).await, all_cached, "{policy}");
        assert_eq!(is_met(policy, &["x", "y"], &[]).await, all_released, "{policy}");
        assert_eq!(is_met(policy, &[], &[]).await, policy == "best-effort", "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn local_mode_reads_the_file_and_opens_no_socket() {
    let fixture = Fixture::new();
    fixture.write_cache(NAMESPACE, "a=local\n");
    for file_cache in ["true", "false"] {
        let settings = fixture.settings().set("env", "LOCAL");
        let client = fixture.client_with(settings.set("apollo.cache.file.enable", file_cache));
        let config = client.config(NAMESPACE).await.unwrap();
        assert_eq!((config.source(), config.get("a").unwrap().as_str()), (Source::Local, "local"));
        config.refresh().await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        client.close().await;
    }
    assert!(fixture.server.requests().is_empty());
}

/// Some databases find a name in another case, but its changes are not pushed: the log says so.
#[tokio::test(start_paused = true)]
async fn a_name_in_another_case_is_told() {
    record_log();
    let fixture = Fixture::new();
    let body = r#"{"appId":"order","cluster":"default","namespaceName":"Billing","releaseKey":"k","configurations":{"a":"1"}}"#;
    fixture.server.fail_next(Endpoint::Config, Fault::body(200, body));
    let client = fixture.client_with(fixture.quiet_settings());
    assert_eq!(client.config("billing").await.unwrap().get_or("a", 0), 1);
    let told = logged("a name differs in case");
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("billing") && told[0].text.contains("Billing"), "{told:?}");
}

/// An empty configuration is never silent: the state and a warning show it, and a start policy
/// rejects it.
#[tokio::test(start_paused = true)]
async fn without_server_and_cache_file_the_state_and_the_log_say_so() {
    record_log();
    let fixture = Fixture::new();
    fixture.network.disconnect(&fixture.server);
    let client = fixture.client();
    let config = client.config("b6-empty").await.unwrap();
    assert_eq!((config.source(), config.state()), (Source::None, State::Unavailable));
    assert_eq!(config.state().name(), "Unavailable");
    assert_eq!(client.metrics().namespaces[0].state, State::Unavailable);
    let warned = logged("there is no usable cache file; reads return their defaults");
    let warned = warned.iter().filter(|record| record.text.contains("namespace=b6-empty"));
    assert_eq!(warned.map(|record| record.level).collect::<Vec<_>>(), [tracing::Level::WARN]);

    let strict = fixture.client_with(fixture.settings().start_policy(StartPolicy::RequireAll));
    let error = strict.config("b6-empty").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);

    fixture.server.publish(APP, "b6-empty", &[("a", "1")]);
    fixture.network.connect(&fixture.server);
    eventually("it is loaded", || config.state() == State::Ready).await;
    fixture.network.disconnect(&fixture.server);
    assert!(config.refresh().await.is_err());
    assert_eq!(config.state(), State::Failed(ErrorKind::Transport), "there is content");
}
