//! Functions of the application that do not return: they are logged, and stop nothing that can do
//! without them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use castalia_core::testing::Endpoint;
use castalia_core::{Client, Snapshot, Source};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::support::{APP, Fixture, NAMESPACE, eventually, logged, record_log};

/// Blocks a function of the application, and counts its calls.
struct Gate {
    calls: AtomicUsize,
    entered: tokio::sync::mpsc::Sender<()>,
    closed: Mutex<Receiver<()>>,
}

/// The other side of a gate.
struct Keeper {
    running: tokio::sync::mpsc::Receiver<()>,
    /// Dropped to open the gate.
    key: SyncSender<()>,
}

impl Gate {
    fn new() -> (Arc<Self>, Keeper) {
        let (entered, running) = tokio::sync::mpsc::channel(1);
        let (key, closed) = sync_channel(0);
        let gate = Self { calls: AtomicUsize::new(0), entered, closed: Mutex::new(closed) };
        (Arc::new(gate), Keeper { running, key })
    }

    fn pass(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let _ = self.entered.try_send(());
        let _ = self.closed.lock().unwrap().recv();
    }
}

/// Advances the clock, which stands still while a function of the application runs, until this is
/// true, for at most an hour of it.
async fn advance_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..3600 {
        tokio::time::advance(Duration::from_secs(1)).await;
        // Enough for all tasks that the second has woken.
        for _ in 0..200 {
            yield_now().await;
        }
        if condition() {
            return;
        }
    }
    panic!("not within an hour: {what}");
}

/// Opens a namespace whose first load waits at a gate: this is logged after 30 s, once, and the load
/// ends after the gate is opened.
async fn expect_one_warning(
    client: &Client,
    namespace: &'static str,
    mut keeper: Keeper,
    text: &str,
) {
    let opening = client.clone();
    let opened = tokio::spawn(async move { opening.config(namespace).await });
    keeper.running.recv().await.unwrap();
    let start = Instant::now();
    let warning = format!("{text} app_id={APP} namespace={namespace}");
    advance_until("a warning", || !logged(&warning).is_empty()).await;
    assert!((30..35).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    drop(keeper.key);
    let config = opened.await.unwrap().unwrap();
    eventually("the load", || config.source() != Source::None).await;
    assert_eq!(logged(&warning).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_validator_that_does_not_return_is_logged() {
    record_log();
    let fixture = Fixture::empty();
    fixture.server.publish(APP, "b45-validator", &[("a", "1")]);
    let client = fixture.client_with(fixture.quiet_settings());
    let (gate, keeper) = Gate::new();
    let hold = move |_: &Arc<Snapshot>| {
        gate.pass();
        Ok(())
    };
    client.validate("b45-validator", hold).unwrap();
    expect_one_warning(&client, "b45-validator", keeper, "before it returns").await;
}

#[tokio::test(start_paused = true)]
async fn a_source_function_that_does_not_return_is_logged() {
    record_log();
    let fixture = Fixture::empty();
    let (gate, keeper) = Gate::new();
    let settings = fixture.quiet_settings().source("b45-source", move || {
        gate.pass();
        Ok(Vec::new())
    });
    let client = fixture.client_with(settings);
    expect_one_warning(&client, "b45-source", keeper, "of the application for 30 s").await;
}

/// Loads and polls are repeated meanwhile, and use the secret as soon as it is there (B50).
#[tokio::test(start_paused = true)]
async fn a_secret_provider_that_does_not_return_stops_neither_loads_nor_polls() {
    let app_id = "b45-provider";
    record_log();
    let fixture = Fixture::empty();
    fixture.server.publish(app_id, NAMESPACE, &[("a", "1")]);
    fixture.server.set_secret(app_id, Some("new"));
    let (gate, mut keeper) = Gate::new();
    let provider = gate.clone();
    let settings = fixture.settings().set("app.id", app_id).set("apollo.access-key.secret", "old");
    let settings = settings.secret_provider(move |_| {
        provider.pass();
        Some("new".to_owned())
    });
    let client = fixture.client_with(settings);
    let opening = client.clone();
    let opened = tokio::spawn(async move { opening.config(NAMESPACE).await });
    keeper.running.recv().await.unwrap();
    let requests = |endpoint| fixture.server.requests_of(endpoint).len();
    advance_until("rejected loads and polls", || {
        requests(Endpoint::Config) >= 3 && requests(Endpoint::Poll) >= 3
    })
    .await;
    let warning = format!("before it returns a secret app_id={app_id}");
    advance_until("a warning", || !logged(&warning).is_empty()).await;
    assert_eq!(gate.calls.load(Ordering::SeqCst), 1, "one call at a time");
    drop(keeper.key);
    let returned = Instant::now();
    let config = opened.await.unwrap().unwrap();
    eventually("a load with the new secret", || config.source() == Source::Remote).await;
    fixture.server.holds(1).await;
    // The next load and poll would be minutes away.
    assert!(returned.elapsed() < Duration::from_secs(3), "{:?}", returned.elapsed());
    assert_eq!((gate.calls.load(Ordering::SeqCst), logged(&warning).len()), (1, 1));
    client.close().await;
}
