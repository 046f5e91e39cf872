//! Closing one namespace of a client that keeps running.

use std::time::Duration;

use castalia_core::testing::Endpoint;
use castalia_core::{ErrorKind, Source};

use super::support::{APP, Fixture, NAMESPACE, eventually, pairs};

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
