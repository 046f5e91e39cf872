//! The long poll: its requests, how changes arrive, and how failures are handled.

use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault, Server};
use tokio::time::Instant;

use super::support::{APP, Fixture, NAMESPACE, eventually, logged, record_log, settings};

#[tokio::test(start_paused = true)]
async fn the_first_poll_knows_nothing() {
    let fixture = Fixture::new();
    let (_client, _config) = fixture.open().await;
    let poll = &fixture.server.arrived(Endpoint::Poll, 1).await[0];
    let known = poll.parameter("notifications").unwrap();
    assert_eq!(known, r#"[{"namespaceName":"application","notificationId":-1}]"#);
    assert_eq!(poll.parameter("appId").as_deref(), Some(APP));
    assert_eq!(poll.parameter("cluster").as_deref(), Some("default"));
    assert_eq!(poll.parameter("ip").as_deref(), Some("10.0.0.1"));
    assert_eq!(poll.parameter("label"), None);
}

/// Without the data center in the poll, servers would not announce its releases.
#[tokio::test(start_paused = true)]
async fn the_data_center_is_in_the_poll() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("idc", "SHA").set("apollo.cluster", "C1");
    let config = fixture.client_with(settings).config(NAMESPACE).await.unwrap();
    let poll = &fixture.server.arrived(Endpoint::Poll, 1).await[0];
    assert_eq!(poll.parameter("dataCenter").as_deref(), Some("SHA"));
    assert_eq!(poll.parameter("cluster").as_deref(), Some("C1"));
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let mut changes = config.changes();
    fixture.server.data().publish(APP, "SHA", NAMESPACE, &[("a", "2")]);
    assert_eq!(changes.next().await.unwrap().snapshot().get("a"), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn a_release_reaches_listeners_and_the_next_poll() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    let mut changes = config.changes();
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let loads = fixture.server.requests_of(Endpoint::Config).len();
    fixture.publish(&[("a", "1"), ("b", "9")]);
    let published = Instant::now();
    let event = changes.next().await.unwrap();
    assert!(published.elapsed() < Duration::from_secs(1));
    let change = event.change("b").unwrap();
    assert_eq!((change.old_value.as_deref(), change.new_value.as_deref()), (Some("2"), Some("9")));
    assert_eq!(event.changes().len(), 1);
    assert_eq!((event.old_release_key(), event.release_key(), event.sequence()), ("k1", "k2", 1));

    let load = &fixture.server.requests_of(Endpoint::Config)[loads];
    let messages = load.parameter("messages").unwrap();
    assert_eq!(messages, r#"{"details":{"order+default+application":11}}"#);
    assert_eq!(load.parameter("releaseKey").as_deref(), Some("k1"));
    let poll = &fixture.server.arrived(Endpoint::Poll, 3).await[2];
    let known = poll.parameter("notifications").unwrap();
    assert_eq!(known, r#"[{"namespaceName":"application","notificationId":11}]"#);
}

#[tokio::test(start_paused = true)]
async fn the_server_that_announced_is_asked_first() {
    for seed in 0..20 {
        let fixture = Fixture::new();
        let second = fixture.sibling("http://s2");
        fixture.server.set_services(&["http://s1", "http://s2"]);
        let client = fixture.client_with(fixture.settings().random_seed(seed));
        let config = client.config(NAMESPACE).await.unwrap();
        let mut changes = config.changes();
        eventually("a poll is held after the first answers", || {
            fixture.server.held() + second.held() == 1
        })
        .await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let announcer = if second.held() == 1 { &second } else { &fixture.server };
        let other = if second.held() == 1 { &fixture.server } else { &second };
        let counts = |s: &Server| s.requests_of(Endpoint::Config).len();
        let before = (counts(announcer), counts(other));
        fixture.publish(&[("a", "2")]);
        changes.next().await.unwrap();
        assert_eq!((counts(announcer), counts(other)), (before.0 + 1, before.1));
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_poll_changes_the_server_every_third_time() {
    let fixture = Fixture::empty();
    let data = fixture.server.data().clone();
    let others = ["http://s2", "http://s3"].map(|url| Server::in_memory(url, data.clone()));
    for other in &others {
        fixture.network.connect(other);
    }
    fixture.server.set_services(&["http://s1", "http://s2", "http://s3"]);
    let (_client, _config) = fixture.open().await;
    let servers = [&fixture.server, &others[0], &others[1]];
    let polls = || servers.map(|server| server.requests_of(Endpoint::Poll));
    tokio::time::sleep(Duration::from_secs(13_000)).await;
    let mut order: Vec<_> = polls()
        .iter()
        .enumerate()
        .flat_map(|(index, polls)| polls.iter().map(move |poll| (poll.at, index)))
        .collect();
    order.sort();
    let changed = order[..201].windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    assert!((42..=92).contains(&changed), "{changed}");
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_to_two_minutes_and_an_answer_resets_them() {
    let fixture = Fixture::new();
    fixture.server.fail_always(Endpoint::Poll, Some(Fault::status(500)));
    let (_client, _config) = fixture.open().await;
    let wait = fixture.server.arrived(Endpoint::Poll, 10);
    let polls = tokio::time::timeout(Duration::from_secs(900), wait).await.unwrap();
    let gaps: Vec<_> =
        polls.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect();
    for (gap, expected) in gaps.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0, 120.0]) {
        assert!((expected * 0.8 - 0.02..=expected * 1.2 + 0.52).contains(gap), "{gaps:?}");
    }
    fixture.server.fail_always(Endpoint::Poll, None);
    fixture.server.fail_next(Endpoint::Poll, Fault::status(304));
    fixture.server.fail_next(Endpoint::Poll, Fault::status(500));
    let polls = fixture.server.arrived(Endpoint::Poll, 13).await;
    let gap = (polls[12].at - polls[11].at).as_secs_f64();
    assert!((0.79..=1.71).contains(&gap), "{gap}");
}

/// 404 means that the address is probably not that of a config service, which the log says.
#[tokio::test(start_paused = true)]
async fn a_missing_poll_is_told_with_a_hint() {
    record_log();
    let fixture = Fixture::empty();
    let other = fixture.sibling("http://f098");
    other.publish(APP, NAMESPACE, &[("a", "1")]);
    other.fail_always(Endpoint::Poll, Some(Fault::status(404)));
    let client = fixture.client_with(settings(other.url(), &fixture.root));
    client.config(NAMESPACE).await.unwrap();
    let polls = other.arrived(Endpoint::Poll, 4).await;
    assert!(polls[3].at - polls[2].at >= Duration::from_millis(3200), "it backs off");
    let records = logged("service_url=http://f098");
    let told = records.iter().find(|record| record.level == tracing::Level::WARN).unwrap();
    let hint = "hint=the address is probably not that of a config service";
    assert!(told.text.contains(hint), "{}", told.text);
}

#[tokio::test(start_paused = true)]
async fn polls_that_a_proxy_cuts_off_do_not_slow_down() {
    for fault in
        [Fault::Hang, Fault::Delay(Duration::from_secs(60)), Fault::Reset(Duration::from_secs(60))]
    {
        let fixture = Fixture::new();
        fixture.server.fail_always(Endpoint::Poll, Some(fault.clone()));
        if let Fault::Delay(_) = fault {
            // The usual case: the timeout of a gateway.
            fixture.server.fail_always(Endpoint::Poll, Some(Fault::Reset(Duration::from_secs(60))));
        }
        let (_client, _config) = fixture.open().await;
        let polls = fixture.server.arrived(Endpoint::Poll, 6).await;
        let held = if fault == Fault::Hang { 90.0 } else { 60.0 };
        for pair in polls.windows(2) {
            let gap = (pair[1].at - pair[0].at).as_secs_f64();
            assert!((held + 0.9..=held + 1.6).contains(&gap), "{gap}");
        }
    }
}

/// B51: a process that is stopped accepts a poll and never answers it.
#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_a_poll_is_left() {
    record_log();
    for seed in 0..10 {
        let fixture = Fixture::new();
        let frozen = fixture.sibling("http://b51-frozen");
        fixture.server.set_services(&["http://b51-frozen", "http://s1"]);
        frozen.fail_always(Endpoint::Poll, Some(Fault::Hang));
        let client = fixture.client_with(fixture.settings().random_seed(seed));
        let config = client.config(NAMESPACE).await.unwrap();
        frozen.arrived(Endpoint::Poll, 1).await;
        // Its timeout, and the pause.
        tokio::time::sleep(Duration::from_secs(93)).await;
        assert_eq!(fixture.server.held(), 1, "{seed}");
        // Several polls of the other service.
        tokio::time::sleep(Duration::from_secs(240)).await;
        assert_eq!(frozen.requests_of(Endpoint::Poll).len(), 1, "{seed}");
        fixture.publish(&[("a", "2")]);
        let published = Instant::now();
        eventually("the value", || config.get_or("a", 0) == 2).await;
        assert!(published.elapsed() < Duration::from_secs(3), "{seed}");

        // One failure of the other service costs a trial of the frozen one, and no whole timeout.
        fixture.server.holds(1).await;
        fixture.server.fail_next(Endpoint::Poll, Fault::Reset(Duration::ZERO));
        fixture.publish(&[("a", "3")]);
        frozen.arrived(Endpoint::Poll, 2).await;
        let tried = Instant::now();
        fixture.server.holds(1).await;
        assert!(tried.elapsed() < Duration::from_secs(15), "{seed}: {:?}", tried.elapsed());
        client.close().await;
    }
    let told = logged("did not answer a long poll");
    assert!(told.iter().any(|record| record.text.contains("service_url=http://b51-frozen")));
}

/// The HTTP client may lose the first poll after a failure. If the server is silent, the next one
/// waits for the whole timeout as before.
#[tokio::test(start_paused = true)]
async fn a_poll_that_is_lost_after_a_failure_is_sent_again_soon() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    for fault in [Fault::status(500), Fault::Hang] {
        fixture.server.fail_next(Endpoint::Poll, fault);
    }
    fixture.publish(&[("a", "2")]);
    let polls = fixture.server.arrived(Endpoint::Poll, 5).await;
    let gap = (polls[4].at - polls[3].at).as_secs_f64();
    assert!((8.0..12.5).contains(&gap), "{gap}");
    fixture.publish(&[("a", "3")]);
    eventually("the value", || config.get("a").as_deref() == Some("3")).await;

    fixture.server.fail_always(Endpoint::Poll, Some(Fault::Hang));
    fixture.publish(&[("a", "4")]);
    let before = fixture.server.requests_of(Endpoint::Poll).len();
    let polls = fixture.server.arrived(Endpoint::Poll, before + 3).await;
    let gap = (polls[before + 2].at - polls[before + 1].at).as_secs_f64();
    assert!((90.0..93.0).contains(&gap), "{gap}");
}

#[tokio::test(start_paused = true)]
async fn an_early_reset_is_a_failure() {
    let fixture = Fixture::new();
    fixture.server.fail_always(Endpoint::Poll, Some(Fault::Reset(Duration::from_secs(2))));
    let (_client, _config) = fixture.open().await;
    let polls = fixture.server.arrived(Endpoint::Poll, 6).await;
    let gap = (polls[5].at - polls[4].at).as_secs_f64();
    assert!(gap > 14.0, "{gap}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_opened_during_a_held_poll_is_watched_at_once() {
    let fixture = Fixture::new();
    fixture.server.publish(APP, "late", &[("k", "1")]);
    let (client, _config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let late = client.config("late").await.unwrap();
    let mut changes = late.changes();
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.server.publish(APP, "late", &[("k", "2")]);
    let published = Instant::now();
    changes.next().await.unwrap();
    assert!(published.elapsed() <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_lower_notification_id_is_followed() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    let lower = r#"[{"namespaceName":"application","notificationId":3}]"#;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    fixture.server.data().set_message(APP, "default", NAMESPACE, 3);
    let loads = fixture.server.requests_of(Endpoint::Config).len();
    // A server may respond although the id is lower, for instance with an older database.
    fixture.server.fail_next(Endpoint::Poll, Fault::body(200, lower));
    eventually("a poll carries the lower id", || {
        let polls = fixture.server.requests_of(Endpoint::Poll);
        polls.last().unwrap().parameter("notifications").as_deref() == Some(lower)
    })
    .await;
    assert!(fixture.server.requests_of(Endpoint::Config).len() > loads);
    let mut changes = config.changes();
    fixture.publish(&[("a", "restored")]);
    changes.next().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_announced_release_is_fetched_although_loads_fail() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let mut changes = config.changes();
    for _ in 0..3 {
        fixture.server.fail_next(Endpoint::Config, Fault::status(500));
    }
    fixture.publish(&[("a", "2")]);
    let published = Instant::now();
    changes.next().await.unwrap();
    let elapsed = published.elapsed().as_secs_f64();
    assert!((5.0..=9.5).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn a_lagging_server_is_asked_again_soon() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let mut changes = config.changes();
    fixture.server.fail_always(Endpoint::Config, Some(Fault::status(304)));
    fixture.publish(&[("a", "2")]);
    let published = Instant::now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    fixture.server.fail_always(Endpoint::Config, None);
    changes.next().await.unwrap();
    assert!(published.elapsed() <= Duration::from_secs(4));
}

/// B48: a server that is behind the one that sent the announcement may not know the namespace.
#[tokio::test(start_paused = true)]
async fn an_announced_release_that_is_not_found_is_rechecked() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let mut changes = config.changes();
    for _ in 0..3 {
        fixture.server.fail_next(Endpoint::Config, Fault::status(404));
    }
    fixture.publish(&[("a", "2")]);
    let published = Instant::now();
    changes.next().await.unwrap();
    assert!(published.elapsed() <= Duration::from_secs(11), "{:?}", published.elapsed());
}

/// B48: the first poll of a namespace that has no release knows no notification.
#[tokio::test(start_paused = true)]
async fn the_first_release_that_is_not_found_is_rechecked() {
    let fixture = Fixture::empty();
    let (_client, config) = fixture.open().await;
    fixture.server.holds(1).await;
    fixture.server.fail_next(Endpoint::Config, Fault::status(404));
    fixture.publish(&[("a", "1")]);
    let published = Instant::now();
    eventually("the value", || config.get_or("a", 0) == 1).await;
    assert!(published.elapsed() <= Duration::from_secs(10), "{:?}", published.elapsed());
}

/// Three rechecks, and six retries that take about five minutes.
#[tokio::test(start_paused = true)]
async fn a_deleted_namespace_is_left_alone_after_the_rechecks() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let loads = fixture.server.requests_of(Endpoint::Config).len();
    fixture.server.data().withdraw(APP, "default", NAMESPACE);
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), loads + 10);
    assert_eq!(config.get_or("a", 0), 1);
}

#[tokio::test(start_paused = true)]
async fn app_ids_do_not_mix() {
    let fixture = Fixture::new();
    fixture.server.publish("stock", NAMESPACE, &[("a", "s")]);
    let (client, config) = fixture.open().await;
    let other = client.config_of("stock", NAMESPACE).await.unwrap();
    let (mut changes, mut others) = (config.changes(), other.changes());
    fixture.server.holds(2).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    fixture.server.publish("stock", NAMESPACE, &[("a", "t")]);
    let event = others.next().await.unwrap();
    assert_eq!(event.identity().app_id, "stock");
    let quiet = tokio::time::timeout(Duration::from_secs(30), changes.next()).await;
    assert!(quiet.is_err(), "the other app saw nothing");
    for load in fixture.server.requests_of(Endpoint::Config) {
        let app = load.path().split('/').nth(2).unwrap();
        let messages = load.parameter("messages").unwrap_or_default();
        assert!(messages.is_empty() || messages.contains(&format!("\"{app}+")), "{messages}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_releases_is_polled_twice_a_second() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let mut changes = config.changes();
    for number in 0..50 {
        fixture.publish(&[("n", &number.to_string())]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut last = 0;
    loop {
        let event = changes.next().await.unwrap();
        assert!(event.sequence() > last);
        last = event.sequence();
        if event.snapshot().get("n") == Some("49") {
            break;
        }
    }
    let polls = fixture.server.requests_of(Endpoint::Poll);
    for window in polls.windows(12) {
        assert!(window[11].at - window[0].at > Duration::from_secs(4));
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_poll_changes_come_with_the_refresh() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    let mut changes = config.changes();
    fixture.publish(&[("a", "2")]);
    let published = Instant::now();
    changes.next().await.unwrap();
    assert!(published.elapsed() <= Duration::from_secs(331));
    assert!(fixture.server.requests_of(Endpoint::Poll).is_empty());
}

/// Without changes a client polls once in the time that a poll is held.
#[tokio::test(start_paused = true)]
async fn a_quiet_hour_costs_sixty_polls() {
    let fixture = Fixture::new();
    let (_client, _config) = fixture.open().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let polls = fixture.server.requests_of(Endpoint::Poll).len();
    assert!((59..=62).contains(&polls), "{polls}");
    let loads = fixture.server.requests_of(Endpoint::Config).len();
    assert!((12..=16).contains(&loads), "{loads}");
}

/// A release between the first load and the first poll is not missed.
#[tokio::test(start_paused = true)]
async fn a_release_before_the_first_poll_arrives() {
    let fixture = Fixture::new();
    let settings = fixture.settings().set("apollo.longPollingInitialDelayInMills", "2000");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    let mut changes = config.changes();
    fixture.publish(&[("a", "2")]);
    changes.next().await.unwrap();
    assert_eq!(config.get("a").unwrap(), "2");
}

/// With default settings except for the address.
#[tokio::test(start_paused = true)]
async fn a_release_right_after_the_start_arrives_in_milliseconds() {
    let fixture = Fixture::new();
    let settings = castalia_core::Settings::new()
        .set("app.id", APP)
        .set("apollo.meta", fixture.server.url())
        .set("apollo.cache.file.enable", "false");
    let client = fixture.client_with(settings);
    let config = client.config(NAMESPACE).await.unwrap();
    let mut changes = config.changes();
    for value in ["2", "3"] {
        let published = Instant::now();
        fixture.publish(&[("a", value)]);
        changes.next().await.unwrap();
        assert_eq!(config.get("a").unwrap(), value);
        let after = published.elapsed();
        let limit = if value == "2" { 50 } else { 600 };
        assert!(after < Duration::from_millis(limit), "{value} arrived after {after:?}");
    }
}
