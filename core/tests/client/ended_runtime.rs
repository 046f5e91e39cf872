//! A client outlives the Tokio runtime of its first call: another call continues on its own
//! runtime, or on the shared one.

use std::sync::{Arc, Barrier, mpsc};

use castalia_core::testing::{Endpoint, Fault, Server};
use castalia_core::{Client, ErrorKind, Interest, Source, blocking};
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle, Runtime};

use super::support::{APP, NAMESPACE, PATIENCE, add_holding_validator, patient_settings, scratch};

/// A server on the shared runtime, which outlives all others.
struct World {
    shared: Handle,
    server: Server,
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let shared = blocking::runtime().unwrap();
        let server = shared.block_on(Server::start()).unwrap();
        Self { shared, server, root: scratch() }
    }

    fn client(&self) -> Client {
        Client::new(patient_settings(self.server.url(), &self.root)).unwrap()
    }

    fn publish(&self, value: &str) {
        self.server.publish(APP, NAMESPACE, &[("a", value)]);
    }
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// A runtime whose tasks run only while it waits for something.
fn idle_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Listeners and streams continue as well.
#[test]
fn a_client_outlives_its_runtime() {
    let world = World::new();
    let (shared, publish) = (&world.shared, |value| world.publish(value));
    publish("1");
    let first = runtime();
    let client = world.client();
    let config = first.block_on(client.config(NAMESPACE)).unwrap();
    let (sender, events) = mpsc::sync_channel(8);
    let _subscription = config.on_change(Interest::everything(), move |event| {
        sender.send(event.snapshot().get("a").unwrap().to_owned()).unwrap();
    });
    let mut changes = config.changes();
    drop(first);
    publish("2");
    assert_eq!(config.get("a").unwrap(), "1", "reads start nothing");

    let second = runtime();
    let again = second.block_on(client.config(NAMESPACE)).unwrap();
    assert_eq!(events.recv_timeout(PATIENCE).unwrap(), "2");
    assert_eq!(second.block_on(changes.next()).unwrap().snapshot().get("a"), Some("2"));
    assert_eq!(again.get("a").unwrap(), "2");
    drop(second);
    publish("3");
    let _ = client.metrics();
    assert_eq!(events.recv_timeout(PATIENCE).unwrap(), "3");
    assert_eq!(config.get("a").unwrap(), "3");

    let third = runtime();
    let other = third.block_on(client.config("other")).unwrap();
    drop(third);
    publish("4");
    assert_eq!(events.recv_timeout(PATIENCE).unwrap(), "4", "the tasks are on the shared runtime");
    assert_eq!(other.source(), Source::None);
    shared.block_on(client.close());
    assert_eq!(shared.block_on(client.config("new")).unwrap_err().kind(), ErrorKind::Closed);
}

/// A client whose runtime has ended can be closed, and a load that the end interrupted is repeated.
#[test]
fn an_interrupted_first_load_is_repeated() {
    let world = World::new();
    let (shared, server) = (&world.shared, &world.server);
    world.publish("1");
    server.fail_next(Endpoint::Config, Fault::Hang);
    let first = runtime();
    let client = world.client();
    let opening = client.clone();
    drop(first.spawn(async move { opening.config(NAMESPACE).await }));
    shared.block_on(server.arrived(Endpoint::Config, 1));
    drop(first);
    let config = shared.block_on(client.config(NAMESPACE)).unwrap();
    assert_eq!(config.source(), Source::Remote);
    shared.block_on(client.close());

    let last = runtime();
    let client = world.client();
    last.block_on(client.config(NAMESPACE)).unwrap();
    drop(last);
    shared.block_on(client.close());
}

/// Callers that wait for a namespace on their own runtime receive its values.
#[test]
fn a_call_in_progress_continues() {
    let world = World::new();
    world.publish("1");
    world.server.fail_next(Endpoint::Config, Fault::Hang);
    let first = runtime();
    let client = world.client();
    let opening = client.clone();
    drop(first.spawn(async move { opening.config(NAMESPACE).await }));
    world.shared.block_on(world.server.arrived(Endpoint::Config, 1));
    let waiting = client.clone();
    let config = world.shared.spawn(async move { waiting.config(NAMESPACE).await });
    drop(first);
    let config = world.shared.block_on(config).unwrap().unwrap();
    assert_eq!(config.source(), Source::Remote);
    world.shared.block_on(client.close());
}

/// What was published, but not delivered when the runtime ended, is delivered on the next one.
#[test]
fn waiting_events_are_delivered() {
    let world = World::new();
    world.publish("1");
    let first = idle_runtime();
    let client = world.client();
    let config = first.block_on(client.config(NAMESPACE)).unwrap();
    let (sender, events) = mpsc::sync_channel(8);
    let _subscription = config.on_change(Interest::everything(), move |event| {
        sender.send(event.snapshot().get("a").unwrap().to_owned()).unwrap();
    });
    // Keeps the runtime's only thread, so that the task of the listener does not run.
    first.block_on(async {
        world.publish("2");
        let loading = config.clone();
        // On a runtime that stays: a call that the end interrupts continues on its own.
        let loaded = world.shared.spawn(async move { loading.refresh().await });
        while config.get("a").unwrap() != "2" {
            tokio::task::yield_now().await;
        }
        drop(loaded);
    });
    drop(first);
    let _ = client.metrics();
    assert_eq!(events.recv_timeout(PATIENCE).unwrap(), "2");
    world.publish("3");
    assert_eq!(events.recv_timeout(PATIENCE).unwrap(), "3");
    world.shared.block_on(client.close());
}

/// A namespace without values has listeners: the first values after a restart are a change for
/// them.
#[test]
fn first_values_after_a_restart_are_a_change() {
    let world = World::new();
    let first = runtime();
    let client = world.client();
    let config = first.block_on(client.config(NAMESPACE)).unwrap();
    let watch = config.watch_with(|now| Ok(now.get_or("a", 0))).unwrap();
    let mut changes = config.changes();
    drop(first);
    world.publish("1");
    let _ = client.metrics();
    let event = world.shared.block_on(changes.next()).unwrap();
    assert_eq!(event.snapshot().get("a"), Some("1"));
    while *watch.get() != 1 {
        std::thread::yield_now();
    }
    world.shared.block_on(client.close());
}

/// Closing needs no task: streams end, and functions are dropped with what they own.
#[test]
fn a_client_without_tasks_is_closed() {
    let world = World::new();
    world.publish("1");
    for closes_client in [true, false] {
        let first = runtime();
        let client = world.client();
        let config = first.block_on(client.config(NAMESPACE)).unwrap();
        let (owned, alive) = (config.clone(), Arc::new(()));
        let held = alive.clone();
        let subscription = config.on_change(Interest::everything(), move |_| {
            let _ = (&owned, &held);
        });
        let mut changes = config.changes();
        drop(first);
        if closes_client {
            world.shared.block_on(client.close());
            assert!(world.shared.block_on(changes.next()).is_none());
            assert!(world.shared.block_on(config.changes().next()).is_none());
        } else {
            drop(subscription);
        }
        assert_eq!(Arc::strong_count(&alive), 1, "{closes_client}");
        assert_eq!(config.get("a").unwrap(), "1");
    }
}

/// They may refer to the client: whether it is closed before its runtime ends, or afterwards, none
/// remains.
#[test]
fn validators_end_with_the_runtime_of_a_closed_client() {
    let world = World::new();
    for stops_first in [true, false] {
        let first = idle_runtime();
        let client = world.client();
        first.block_on(client.config(NAMESPACE)).unwrap();
        let validator = add_holding_validator(&client);
        if stops_first {
            client.stop();
            assert_eq!(validator.strong_count(), 1, "the tasks have not ended");
            drop(first);
        } else {
            drop(first);
            client.stop();
        }
        assert_eq!(validator.strong_count(), 0, "{stops_first}");
    }
}

/// All who wait for a namespace when the runtime ends receive its values, whoever restarts the
/// tasks.
#[test]
fn all_calls_in_progress_continue() {
    let world = World::new();
    world.publish("1");
    for _ in 0..20 {
        world.server.fail_next(Endpoint::Config, Fault::Hang);
        let first = runtime();
        let client = world.client();
        let before = world.server.requests_of(Endpoint::Config).len();
        let opening = client.clone();
        drop(first.spawn(async move { opening.config(NAMESPACE).await }));
        world.shared.block_on(world.server.arrived(Endpoint::Config, before + 1));
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let client = client.clone();
                world.shared.spawn(async move { client.config(NAMESPACE).await })
            })
            .collect();
        drop(first);
        for config in waiting {
            let config = world.shared.block_on(config).unwrap().unwrap();
            assert_eq!(config.source(), Source::Remote);
        }
        world.shared.block_on(client.close());
    }
}

/// Threads that call at the same time use the same tasks.
#[test]
fn concurrent_calls_restart_once() {
    let world = World::new();
    world.publish("1");
    let first = runtime();
    let client = world.client();
    first.block_on(client.config(NAMESPACE)).unwrap();
    drop(first);
    let all = Barrier::new(8);
    std::thread::scope(|scope| {
        for name in 0..8 {
            let (client, shared, all) = (&client, &world.shared, &all);
            scope.spawn(move || {
                all.wait();
                let other = shared.block_on(client.config(&format!("other{name}"))).unwrap();
                let config = shared.block_on(client.config(NAMESPACE)).unwrap();
                config.get("a").unwrap();
                drop(other);
            });
        }
    });
    // One poll for all of them.
    world.shared.block_on(world.server.holds(1));
    world.publish("2");
    let config = world.shared.block_on(client.config(NAMESPACE)).unwrap();
    while config.get("a").unwrap() != "2" {
        std::thread::yield_now();
    }
    world.shared.block_on(client.close());
}
