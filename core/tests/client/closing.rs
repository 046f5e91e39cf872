//! Closing one namespace of a client that keeps running, a client that opens one, and what a closed
//! client keeps.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault};
use castalia_core::{ErrorKind, Interest, Source, blocking};

use super::support::{APP, Fixture, NAMESPACE, PATIENCE, add_holding_validator, eventually, pairs};

/// It is not loaded any more, its subscriptions end, and the other namespaces continue.
#[tokio::test(start_paused = true)]
async fn a_closed_namespace_is_left_alone() {
    let fixture = Fixture::new();
    fixture.server.publish(APP, "other", &[("o", "1")]);
    let (client, config) = fixture.open().await;
    let other = client.config("other").await.unwrap();
    fixture.server.holds(1).await;
    let (mut ended, mut told) = (config.changes(), other.changes());

    config.close();
    assert!(ended.next().await.is_none());
    let before = fixture.server.requests().len();
    fixture.publish(&[("a", "2")]);
    fixture.server.publish(APP, "other", &[("o", "2")]);
    assert_eq!(told.next().await.unwrap().snapshot().get("o"), Some("2"));
    tokio::time::sleep(Duration::from_secs(900)).await;
    let since = &fixture.server.requests()[before..];
    assert!(since.iter().any(|request| request.path().ends_with("/other")));
    let asked = since.iter().filter(|request| request.path().ends_with("/application"));
    assert_eq!(asked.count(), 0, "it is neither loaded nor refreshed");
    let last_poll = fixture.server.requests_of(Endpoint::Poll).pop().unwrap();
    let notifications = last_poll.parameter("notifications").unwrap();
    assert!(!notifications.contains(NAMESPACE), "{notifications}");
    let names: Vec<_> = client.metrics().namespaces.into_iter().map(|n| n.namespace).collect();
    assert_eq!(names, ["other"]);
}

/// A namespace that is opened again is loaded anew.
#[tokio::test(start_paused = true)]
async fn a_closed_namespace_can_be_opened_again() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    fixture.server.holds(1).await;
    config.close();
    fixture.publish(&[("a", "2")]);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!((config.get_or("a", 0), config.source()), (2, Source::Remote));
    let mut changes = config.changes();
    fixture.server.arrived(Endpoint::Poll, 3).await;
    fixture.publish(&[("a", "3")]);
    assert_eq!(changes.next().await.unwrap().snapshot().get("a"), Some("3"));
}

/// Another handle keeps it open until that one is dropped; its readers still return values.
#[tokio::test(start_paused = true)]
async fn the_last_handle_decides() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    let (twin, file) = (config.clone(), client.config_file(NAMESPACE).await.unwrap());
    fixture.server.holds(1).await;
    let snapshot = config.snapshot();
    config.close();
    twin.refresh().await.unwrap();
    file.close();
    twin.refresh().await.unwrap();
    drop(twin);
    eventually("closed", || client.metrics().namespaces.is_empty()).await;
    assert_eq!(snapshot.get("a"), Some("1"));
    fixture.server.holds(0).await;
}

/// Dropping a handle does not close the namespace: opening it again returns at once.
#[tokio::test(start_paused = true)]
async fn dropping_a_handle_closes_nothing() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    drop(config);
    let loads = fixture.server.requests_of(Endpoint::Config).len();
    let config = client.opened(APP, NAMESPACE).expect("it is still open");
    assert_eq!(pairs(&config).len(), 2);
    assert_eq!(fixture.server.requests_of(Endpoint::Config).len(), loads);
    client.close().await;
    assert_eq!(config.refresh().await.unwrap_err().kind(), ErrorKind::Closed);
}

/// A close that ends the wait for the first load is the reason that callers receive.
#[tokio::test(start_paused = true)]
async fn a_namespace_whose_client_is_closed_meanwhile_is_not_opened() {
    for policy in ["best-effort", "require-any", "require-all"] {
        let fixture = Fixture::new();
        fixture.server.fail_always(Endpoint::Config, Some(Fault::Hang));
        let settings = fixture.settings().set("castalia.start-policy", policy);
        let client = fixture.client_with(settings.set("castalia.namespaces", NAMESPACE));
        let (opener, reader, starter) = (client.clone(), client.clone(), client.clone());
        let opening = tokio::spawn(async move { opener.config("other").await.map(drop) });
        let reading = tokio::spawn(async move { reader.config_file(NAMESPACE).await.map(drop) });
        let starting = tokio::spawn(async move { starter.start().await });
        fixture.server.arrived(Endpoint::Config, 2).await;
        client.close().await;
        for call in [opening, reading, starting] {
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{policy}: {error}");
        }
    }
}

/// They may refer to the client, which would then never be freed.
#[tokio::test(start_paused = true)]
async fn validators_are_dropped_with_the_close() {
    for waits in [true, false] {
        let fixture = Fixture::new();
        let (client, config) = fixture.open_quietly().await;
        let validator = add_holding_validator(&client);
        config.refresh().await.unwrap();
        assert!(validator.upgrade().is_some());
        if waits {
            client.close().await;
        } else {
            client.stop();
            eventually("dropped", || validator.strong_count() == 0).await;
        }
        assert_eq!(validator.strong_count(), 0, "{waits}");
        let refused = client.validate(NAMESPACE, |_| Ok(())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed);
    }
    // A client that has opened nothing has no task to wait for.
    let client = Fixture::new().client();
    let validator = add_holding_validator(&client);
    client.stop();
    assert_eq!(validator.strong_count(), 0);
}

/// Not before the listener returns: a load that ends with the client still asks them.
#[test]
fn validators_are_dropped_after_a_close_in_a_listener() {
    let fixture = Fixture::new();
    let client = blocking::Client::from(fixture.client_with(fixture.quiet_settings()));
    let config = client.config(NAMESPACE, PATIENCE).unwrap();
    let validator = add_holding_validator(&client);
    let (inner, asked) = (client, validator.clone());
    let (sender, closed) = sync_channel(1);
    let _subscription = config.on_change(Interest::everything(), move |_| {
        inner.close(PATIENCE);
        sender.send(asked.strong_count() == 1).unwrap();
    });
    fixture.publish(&[("a", "2")]);
    config.refresh(PATIENCE).unwrap();
    assert!(closed.recv_timeout(PATIENCE).unwrap(), "dropped while the listener runs");
    let dropped = eventually("dropped", || validator.strong_count() == 0);
    blocking::runtime().unwrap().block_on(dropped);
}

/// As the destructor of C++ closes a client.
#[test]
fn validators_are_dropped_after_a_close_without_time() {
    let fixture = Fixture::new();
    let client = blocking::Client::from(fixture.client_with(fixture.quiet_settings()));
    let config = client.config(NAMESPACE, PATIENCE).unwrap();
    let validator = add_holding_validator(&client);
    config.refresh(PATIENCE).unwrap();
    assert_eq!(validator.strong_count(), 1);
    client.close(Duration::ZERO);
    let dropped = eventually("dropped", || validator.strong_count() == 0);
    blocking::runtime().unwrap().block_on(dropped);
}
