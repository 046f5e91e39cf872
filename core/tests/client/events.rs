//! Change events: their contents, their order, and that no listener delays another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::time::Duration;

use castalia_core::{ChangeEvent, Config, Interest, Subscription};

use super::support::{APP, Fixture, NAMESPACE, eventually};

/// A channel that a callback fills and a test reads; its bound is far above what a test sends.
fn record(config: &Config, interest: Interest) -> (Subscription, Receiver<Arc<ChangeEvent>>) {
    let (sender, receiver) = sync_channel(10_000);
    let subscription = config.on_change(interest, move |event| {
        sender.send(event.clone()).unwrap();
    });
    (subscription, receiver)
}

/// The next event, while the runtime continues.
async fn next(events: &Receiver<Arc<ChangeEvent>>) -> Arc<ChangeEvent> {
    loop {
        if let Ok(event) = events.try_recv() {
            return event;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn publish_and_load(fixture: &Fixture, config: &Config, values: &[(&str, &str)]) {
    fixture.publish(values);
    config.refresh().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_listener_reads_the_new_values() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (reader, records) = (config.clone(), seen.clone());
    let _subscription = config.on_change(Interest::everything(), move |event| {
        let read = reader.get("b").map(String::from);
        let kinds: Vec<_> =
            event.changes().iter().map(|(k, c)| (k.clone(), c.change_type)).collect();
        records.lock().unwrap().push((read, kinds));
    });
    publish_and_load(&fixture, &config, &[("b", "9"), ("c", "3")]).await;
    client.close().await;
    use castalia_core::ChangeType::{Added, Deleted, Modified};
    let kinds = vec![("b".into(), Modified), ("c".into(), Added), ("a".into(), Deleted)];
    assert_eq!(*seen.lock().unwrap(), [(Some("9".to_owned()), kinds)]);
}

#[tokio::test(start_paused = true)]
async fn neither_the_first_load_nor_an_edit_undone_is_told() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    let (_subscription, events) = record(&config, Interest::everything());
    fixture.publish(&[("b", "2")]);
    fixture.publish(&[("a", "1"), ("b", "2")]);
    config.refresh().await.unwrap();
    assert_eq!(config.snapshot().release_key(), "k3");
    client.close().await;
    assert!(events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn listeners_get_what_they_asked_for() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    let interests = [
        Interest::everything(),
        Interest::everything().key("b"),
        Interest::everything().prefix("db."),
        Interest::everything().key("b").prefix("db."),
    ];
    let recorders = interests.map(|interest| record(&config, interest));
    publish_and_load(&fixture, &config, &[("a", "1"), ("b", "3")]).await;
    publish_and_load(&fixture, &config, &[("a", "1"), ("b", "3"), ("db.url", "x"), ("z", "1")])
        .await;
    client.close().await;
    let recorded = recorders.map(|(_, events)| events.try_iter().collect::<Vec<_>>());
    let seen = recorded.each_ref().map(|events| {
        events.iter().map(|event| event.interested_keys().to_vec()).collect::<Vec<_>>()
    });
    let last = recorded.each_ref().map(|events| {
        let event = events.last().unwrap();
        event.interesting_changes().map(|(key, _)| key.to_owned()).collect::<Vec<_>>()
    });
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(seen[0], [keys(&[]), keys(&[])]);
    assert_eq!(seen[1], [keys(&["b"])]);
    assert_eq!(seen[2], [keys(&["db.url"])]);
    assert_eq!(seen[3], [keys(&["b"]), keys(&["db.url"])]);
    let expected = [&["db.url", "z"][..], &["b"], &["db.url"], &["db.url"]];
    assert_eq!(last, expected.map(keys));
}

#[tokio::test]
async fn a_failing_and_a_sleeping_listener_delay_nobody() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    let (release, blocked) = sync_channel::<()>(0);
    let blocked = Mutex::new(blocked);
    let failing = config.on_change(Interest::everything(), |_| panic!("as a bad listener does"));
    let sleeping = config.on_change(Interest::everything(), move |_| {
        let _ = blocked.lock().unwrap().recv();
    });
    let (third, events) = record(&config, Interest::everything());
    for number in 0..10 {
        publish_and_load(&fixture, &config, &[("n", &number.to_string())]).await;
        let event = next(&events).await;
        assert_eq!(event.snapshot().get("n"), Some(number.to_string().as_str()));
    }
    eventually("every panic is counted", || client.metrics().namespaces[0].listener_failures == 10)
        .await;
    let errors = client.metrics().errors;
    let panics = errors.iter().filter(|error| error.operation() == "change listener");
    assert_eq!(panics.count(), 10, "F167: they are among the errors");
    drop(release);
    drop((failing, sleeping, third));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_held_snapshot_never_changes() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open_quietly().await;
    let held = config.snapshot();
    for number in 0..1000 {
        publish_and_load(&fixture, &config, &[("a", &number.to_string())]).await;
    }
    let pairs: Vec<_> = held.iter().collect();
    assert_eq!(pairs, [("a", "1"), ("b", "2")]);
}

/// A `Reader` sees new values, and knows whether its own are the newest.
#[tokio::test(start_paused = true)]
async fn a_reader_finds_the_newest_content() {
    let fixture = Fixture::new();
    let (_client, config) = fixture.open_quietly().await;
    let mut reader = config.reader();
    assert!(reader.is_current());
    assert_eq!(reader.get("a"), Some("1"));
    publish_and_load(&fixture, &config, &[("a", "2")]).await;
    assert!(!reader.is_current(), "it has not looked yet");
    assert_eq!(reader.get("a"), Some("2"));
    assert!(reader.is_current());
    config.close();
    assert_eq!(reader.get("a"), Some("2"), "reads go on after the end");
}

#[tokio::test(start_paused = true)]
async fn a_file_tells_its_whole_text() {
    let fixture = Fixture::new();
    let (client, _config) = fixture.open_quietly().await;
    let file = client.config_file(NAMESPACE).await.unwrap();
    assert_eq!(file.content().as_deref(), Some("a=1\nb=2\n"));
    let mut changes = file.changes();
    fixture.publish(&[("a", "é")]);
    file.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    let change = event.change("content").unwrap();
    assert_eq!(change.change_type.name(), "MODIFIED");
    assert_eq!(change.old_value.as_deref(), Some("a=1\nb=2\n"));
    assert_eq!(change.new_value.as_deref(), Some("a=é\n"));
}

/// A file without previous text is added.
#[tokio::test(start_paused = true)]
async fn a_file_released_later_is_added() {
    let fixture = Fixture::empty();
    let settings = fixture.settings().set("castalia.long-poll.enable", "false");
    let client = fixture.client_with(settings);
    let file = client.config_file("db.json").await.unwrap();
    assert_eq!(file.content(), None);
    let mut changes = file.changes();
    fixture.server.publish(APP, "db.json", &[("content", "{}")]);
    file.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!(event.change("content").unwrap().change_type.name(), "ADDED");
    assert_eq!(file.content().as_deref(), Some("{}"));
}

/// Cancelling waits for the running call, except from inside of it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_after_a_cancel() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    for round in 0..200 {
        let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = count.clone();
        let subscription = config.on_change(Interest::everything(), move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
            counter.fetch_add(1, Ordering::SeqCst);
        });
        publish_and_load(&fixture, &config, &[("n", &round.to_string())]).await;
        tokio::task::spawn_blocking(move || subscription.cancel()).await.unwrap();
        assert_eq!(Arc::strong_count(&count), 1, "the function has been dropped");
        assert_eq!(count.load(Ordering::SeqCst) % 2, 0);
    }
    client.close().await;
}

/// Its destructor waits until the test sends.
struct SlowToDrop {
    begun: SyncSender<()>,
    release: Mutex<Receiver<()>>,
    is_dropped: Arc<AtomicBool>,
}

impl Drop for SlowToDrop {
    fn drop(&mut self) {
        self.begun.send(()).unwrap();
        self.release.lock().unwrap().recv().unwrap();
        self.is_dropped.store(true, Ordering::SeqCst);
    }
}

/// A cancel waits for a function that the task of its subscription is dropping.
#[tokio::test(flavor = "multi_thread")]
async fn the_function_has_been_dropped_after_a_cancel() {
    let fixture = Fixture::new();
    let (client, config) = fixture.open_quietly().await;
    let (begun, is_being_dropped) = sync_channel(1);
    let (release, released) = sync_channel(1);
    let is_dropped = Arc::new(AtomicBool::new(false));
    let owned = SlowToDrop { begun, release: released.into(), is_dropped: is_dropped.clone() };
    let subscription = config.on_change(Interest::everything(), move |_| {
        let _ = &owned;
    });
    subscription.end();
    tokio::task::spawn_blocking(move || is_being_dropped.recv().unwrap()).await.unwrap();
    let cancelling = tokio::task::spawn_blocking(move || {
        subscription.cancel();
        is_dropped.load(Ordering::SeqCst)
    });
    // Enough for a cancel that does not wait.
    tokio::time::sleep(Duration::from_millis(100)).await;
    release.send(()).unwrap();
    assert!(cancelling.await.unwrap());
    client.close().await;
}

/// Two listeners that cancel each other, directly or through a third, wait for nothing: the calls
/// return, and all functions are dropped.
#[tokio::test(flavor = "multi_thread")]
async fn listeners_may_cancel_each_other() {
    for count in [2_usize, 3] {
        let fixture = Fixture::new();
        let (client, config) = fixture.open_quietly().await;
        let subscriptions: Arc<OnceLock<Vec<Subscription>>> = Arc::default();
        let all_run = Arc::new(Barrier::new(count));
        let (done, mut ended) = tokio::sync::mpsc::channel(count);
        let make = |index: usize| {
            let (subscriptions, all_run) = (subscriptions.clone(), all_run.clone());
            let done = done.clone();
            config.on_change(Interest::everything(), move |_| {
                all_run.wait();
                subscriptions.wait()[(index + 1) % count].cancel();
                done.try_send(index).unwrap();
            })
        };
        subscriptions.set((0..count).map(make).collect()).unwrap();
        drop(done);
        publish_and_load(&fixture, &config, &[("n", "1")]).await;
        let mut returned = Vec::new();
        // The senders are in the functions.
        while let Some(index) = ended.recv().await {
            returned.push(index);
        }
        returned.sort_unstable();
        assert_eq!(returned, (0..count).collect::<Vec<_>>());
        client.close().await;
    }
}
