//! Opening, closing and dropping clients, with and without a runtime of the caller.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use castalia_core::testing::{Endpoint, Server};
use castalia_core::{Client, ErrorKind, Interest, Source, blocking};

use super::support::{APP, Fixture, NAMESPACE, PATIENCE, eventually, patient_settings, scratch};

/// Longest time to close. With a task that does not end it takes 5 s.
const CLOSED: Duration = Duration::from_millis(2100);
/// Clients of which the one that closes in the shortest time counts: other tests may use the
/// processors while the others do.
const TRIES: usize = 3;

#[tokio::test]
async fn close_ends_the_held_poll_and_reads_go_on() {
    let server = Server::start().await.unwrap();
    let root = scratch();
    server.publish(APP, NAMESPACE, &[("a", "1")]);
    let mut quickest = Duration::MAX;
    for _ in 0..TRIES {
        let polls = server.requests_of(Endpoint::Poll).len();
        let client = Client::new(patient_settings(server.url(), &root)).unwrap();
        let config = client.config(NAMESPACE).await.unwrap();
        server.arrived(Endpoint::Poll, polls + 2).await;
        server.holds(1).await;
        let start = Instant::now();
        client.close().await;
        quickest = quickest.min(start.elapsed());
        server.holds(0).await;
        client.close().await;
        assert_eq!(config.get("a").unwrap(), "1");
        assert_eq!(config.refresh().await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(client.config("other").await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(client.start().await.unwrap_err().kind(), ErrorKind::Closed);
        assert!(config.changes().next().await.is_none(), "nothing will change any more");
    }
    assert!(quickest < CLOSED, "{quickest:?}");
}

/// A listener that hangs delays closing by two seconds, and no longer.
#[tokio::test(start_paused = true)]
async fn close_waits_two_seconds_for_a_hanging_listener() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    // The clock is paused while the listener runs, and advanced only by the test.
    let (entered, mut running) = tokio::sync::mpsc::channel(1);
    let (release, hanging) = std::sync::mpsc::sync_channel::<()>(0);
    let _subscription = config.on_change(Interest::everything(), move |_| {
        entered.try_send(()).unwrap();
        let _ = hanging.recv();
    });
    fixture.publish(&[("a", "2")]);
    config.refresh().await.unwrap();
    running.recv().await.unwrap();
    let close = tokio::spawn(async move { client.close().await });
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_millis(1990)).await;
    tokio::task::yield_now().await;
    assert!(!close.is_finished());
    tokio::time::advance(Duration::from_millis(20)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(close.is_finished());
    assert_eq!(config.get_or("a", 0), 2);
    drop(release);
}

/// Dropping the last handle stops the client.
#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_poll() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    fixture.server.holds(1).await;
    drop(client);
    let mut changes = config.changes();
    fixture.publish(&[("a", "2")]);
    changes.next().await.unwrap();
    drop(config);
    fixture.server.holds(0).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_may_be_dropped_in_a_listener() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open().await;
    fixture.server.arrived(Endpoint::Poll, 2).await;
    let done = Arc::new(AtomicBool::new(false));
    let (flag, mut held) = (done.clone(), Some((client, config.clone())));
    let subscription = config.on_change(Interest::everything(), move |_| {
        drop(held.take());
        flag.store(true, Ordering::SeqCst);
    });
    drop(config);
    fixture.publish(&[("a", "2")]);
    eventually("listener ran", || done.load(Ordering::SeqCst)).await;
    fixture.server.holds(0).await;
    drop(subscription);
}

/// The blocking client works without a runtime of the caller.
#[test]
fn a_program_without_a_runtime_uses_the_blocking_client() {
    let server = blocking::runtime().unwrap().block_on(Server::start()).unwrap();
    let quickest = (0..TRIES).map(|_| use_blocking_client(&server)).min().unwrap();
    assert!(quickest < CLOSED, "{quickest:?}");
}

/// Opens, reads, listens and refreshes; returns how long closing took.
fn use_blocking_client(server: &Server) -> Duration {
    let root = scratch();
    let runtime = blocking::runtime().unwrap();
    server.publish(APP, NAMESPACE, &[("a", "1")]);
    let polls = server.requests_of(Endpoint::Poll).len();
    let client = blocking::Client::new(patient_settings(server.url(), &root)).unwrap();
    let config = client.config(NAMESPACE, PATIENCE).unwrap();
    assert_eq!((config.source(), config.get_or("a", 0)), (Source::Remote, 1));
    let (sender, events) = std::sync::mpsc::sync_channel(8);
    let (inner, inside) = (client.clone(), config.clone());
    let subscription = config.on_change(Interest::everything(), move |event| {
        // A call back into the client succeeds or fails, but never deadlocks.
        assert!(inner.config(NAMESPACE, PATIENCE).is_ok(), "open already");
        let refused = inner.config("new", PATIENCE).unwrap_err();
        let also = inside.refresh(PATIENCE).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        assert_eq!(also.kind(), ErrorKind::InvalidArgument);
        sender.send(event.clone()).unwrap();
    });
    runtime.block_on(server.arrived(Endpoint::Poll, polls + 2));
    server.publish(APP, NAMESPACE, &[("a", "2")]);
    let event = events.recv_timeout(PATIENCE).unwrap();
    assert_eq!(event.snapshot().get("a"), Some("2"));
    config.refresh(PATIENCE).unwrap();
    subscription.cancel();
    let start = Instant::now();
    client.close(PATIENCE);
    let took = start.elapsed();
    assert_eq!(config.get_or("a", 0), 2);
    assert_eq!(config.refresh(PATIENCE).unwrap_err().kind(), ErrorKind::Closed);
    took
}

/// A listener may close its client: the call only starts it.
#[test]
fn a_listener_may_close_its_client() {
    let root = scratch();
    let runtime = blocking::runtime().unwrap();
    let server = runtime.block_on(Server::start()).unwrap();
    server.publish(APP, NAMESPACE, &[("a", "1")]);
    let client = blocking::Client::new(patient_settings(server.url(), &root)).unwrap();
    let config = client.config(NAMESPACE, PATIENCE).unwrap();
    let (sender, closed) = std::sync::mpsc::sync_channel(1);
    let inner = client.clone();
    let _subscription = config.on_change(Interest::everything(), move |_| {
        inner.close(PATIENCE);
        sender.send(()).unwrap();
    });
    runtime.block_on(server.arrived(Endpoint::Poll, 2));
    server.publish(APP, NAMESPACE, &[("a", "2")]);
    closed.recv_timeout(PATIENCE).unwrap();
    client.close(PATIENCE);
}

/// The call returns after the caller's timeout, while opening continues.
#[test]
fn a_deadline_of_the_caller_is_kept() {
    let root = scratch();
    let runtime = blocking::runtime().unwrap();
    let server = runtime.block_on(Server::start()).unwrap();
    server.publish(APP, NAMESPACE, &[("a", "1")]);
    let client = blocking::Client::new(patient_settings(server.url(), &root)).unwrap();
    let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
    let held = Mutex::new(held);
    // Opening ends when the test says so, however slow this machine is.
    let hold = move |_: &Arc<_>| {
        let _ = held.lock().unwrap().recv();
        Ok(())
    };
    client.validate(NAMESPACE, hold).unwrap();
    let error = client.config(NAMESPACE, Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    drop(release);
    let config = client.config(NAMESPACE, PATIENCE).unwrap();
    assert_eq!(config.source(), Source::Remote);
    client.close(PATIENCE);
}

/// Outside of a runtime the shared one is used.
#[test]
fn a_plain_future_runs_on_the_shared_runtime() {
    let fixture = Fixture::new();
    let client = fixture.client();
    // Polled without any runtime context.
    let _ = futures_util::future::FutureExt::now_or_never(client.config(NAMESPACE));
    let config = blocking::runtime().unwrap().block_on(client.config(NAMESPACE)).unwrap();
    assert_eq!(config.source(), Source::Remote);
}
