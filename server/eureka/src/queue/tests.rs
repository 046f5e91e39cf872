use super::*;
use crate::Status;

const INTERVAL: Duration = Duration::from_secs(30);

fn item(id: &str, task: Task) -> Item {
    let (app, id) = ("A".to_owned(), id.to_owned());
    Item { app, id, dirty: None, status: None, overridden: None, task }
}

fn ids(batch: &[Queued]) -> Vec<&str> {
    batch.iter().map(|queued| &*queued.item.id).collect()
}

#[test]
fn a_newer_change_replaces_the_older_one_of_its_kind_and_instance() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for id in ["a", "b", "a"] {
        queue.push(item(id, Task::Heartbeat), INTERVAL, now);
    }
    queue.push(item("a", Task::StatusUpdate), INTERVAL, now);
    assert_eq!(ids(&queue.take(now).0), ["b", "a", "a"]);
    assert!(queue.is_empty());
}

/// A status is remembered for longer than a lease lasts: its end has to arrive as well.
#[test]
fn a_cancellation_that_ends_a_status_waits_as_long_as_it() {
    let now = Instant::now();
    let later = now + Duration::from_secs(60);
    let out = Item { overridden: Some(Status::OutOfService), ..item("a", Task::Cancel) };
    for first in [out, item("a", Task::DeleteStatusOverride), item("a", Task::StatusUpdate)] {
        let mut queue = Queue::default();
        queue.push(first, INTERVAL, now);
        queue.push(item("a", Task::Heartbeat), INTERVAL, now);
        queue.push(item("a", Task::Cancel), INTERVAL, now);
        let (batch, expired) = queue.take(later);
        assert_eq!((batch.len(), expired), (1, 0));
        assert_eq!(batch[0].item.task, Task::Cancel);
    }
}

#[test]
fn a_newer_status_of_a_peer_replaces_those_that_wait() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for id in ["a", "b"] {
        queue.push(item(id, Task::StatusUpdate), INTERVAL, now);
        queue.push(item(id, Task::DeleteStatusOverride), INTERVAL, now);
    }
    queue.push(item("a", Task::Heartbeat), INTERVAL, now);
    queue.outdate_status("A", "a", &Task::StatusUpdate, Some(Status::Down));
    assert_eq!(ids(&queue.take(now).0), ["b", "b", "a"]);
}

/// The peer that reports it may not reach the one of the queue: it is restarted, or loses it after
/// a while.
#[test]
fn the_same_status_of_a_peer_replaces_none() {
    let now = Instant::now();
    let out = |id| Item { status: Some(Status::OutOfService), ..item(id, Task::StatusUpdate) };
    let removal = |status| Item { status, ..item("a", Task::DeleteStatusOverride) };
    let reported = [
        (Task::StatusUpdate, Some(Status::OutOfService)),
        (Task::StatusUpdate, Some(Status::Down)),
        (Task::DeleteStatusOverride, Some(Status::Up)),
        (Task::DeleteStatusOverride, None),
    ];
    for (waiting, expected) in
        [(vec![out("a")], [1, 0, 0, 0]), (vec![out("a"), removal(None)], [0, 0, 2, 2])]
    {
        for ((task, status), expected) in reported.iter().zip(expected) {
            for is_under_way in [false, true] {
                let mut queue = Queue::default();
                for item in &waiting {
                    queue.push(item.clone(), INTERVAL, now);
                }
                let batch = if is_under_way { queue.take(now).0 } else { Vec::new() };
                queue.outdate_status("A", "a", task, *status);
                queue.restore(batch);
                assert_eq!(queue.len(), expected, "{waiting:?} {task:?} {status:?}");
            }
        }
    }
}

/// A peer would report a contradiction to what it knows already.
#[test]
fn what_waits_is_sent_in_the_present_state_of_the_instance() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    let described = |overridden_status, name: &str| {
        let text = format!(
            r#"{{"instance": {{"app": "A", "hostName": "a", "ipAddr": "{name}", "status": "UP",
                "dataCenterInfo": {{"name": "MyOwn"}}, "lastDirtyTimestamp": "1"}}}}"#
        );
        let instance = Instance::from_json(text.as_bytes()).unwrap();
        Arc::new(Instance { overridden_status, ..instance })
    };
    let before = described(Status::OutOfService, "10.0.0.100");
    let overridden = Some(Status::OutOfService);
    queue.push(item("a", Task::Register(before)), INTERVAL, now);
    queue.push(Item { overridden, ..item("a", Task::Heartbeat) }, INTERVAL, now);
    queue.push(Item { overridden, ..item("b", Task::Heartbeat) }, INTERVAL, now);
    let after = described(Status::Unknown, "10.0.0.1");
    queue.refresh(&after);
    assert_eq!(queue.descriptions, after.size());
    let (batch, _) = queue.take(now);
    assert_eq!(batch[0].item.task, Task::Register(after));
    assert_eq!((batch[1].item.overridden, batch[2].item.overridden), (None, overridden));
}

#[test]
fn a_change_that_waited_too_long_is_not_sent() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.push(item("a", Task::Heartbeat), Duration::from_secs(5), now);
    queue.push(item("b", Task::Cancel), Duration::from_secs(5), now);
    let (batch, expired) = queue.take(now + Duration::from_secs(6));
    assert_eq!((ids(&batch), expired), (vec!["b"], 1));
    assert!(queue.take(now).0.is_empty());
}

/// A peer that did not answer for minutes would show another status for ever.
#[test]
fn what_an_operator_decided_outlasts_a_peer_that_does_not_answer() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.push(item("a", Task::StatusUpdate), INTERVAL, now);
    queue.push(item("b", Task::Cancel), INTERVAL, now);
    let (failed, _) = queue.take(now);
    queue.restore(failed);
    assert_eq!(ids(&queue.take(now + Duration::from_secs(600)).0), ["a"]);
}

/// It would take effect on a later registration if the cancellation is dropped first.
#[test]
fn a_cancelled_instance_has_no_status_to_change() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.push(item("a", Task::StatusUpdate), INTERVAL, now);
    let (failed, _) = queue.take(now);
    queue.push(item("a", Task::DeleteStatusOverride), INTERVAL, now);
    queue.push(item("a", Task::Cancel), INTERVAL, now);
    queue.restore(failed);
    let tasks: Vec<_> = queue.take(now).0.into_iter().map(|queued| queued.item.task).collect();
    assert_eq!(tasks, [Task::Cancel]);
}

/// What the peer itself reports while a batch is sent is newer than the batch.
#[test]
fn what_a_peer_made_moot_is_not_sent_again() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for (id, task) in [("a", Task::StatusUpdate), ("a", Task::Heartbeat), ("b", Task::Heartbeat)] {
        queue.push(item(id, task), INTERVAL, now);
    }
    let (failed, _) = queue.take(now);
    queue.outdate_status("A", "a", &Task::StatusUpdate, Some(Status::Down));
    queue.forget_instance("A", "b");
    queue.restore(failed);
    let (batch, _) = queue.take(now);
    assert_eq!((ids(&batch), &batch[0].item.task), (vec!["a"], &Task::Heartbeat));
}

#[test]
fn a_batch_that_failed_keeps_its_place_but_for_newer_changes() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.push(item("a", Task::Heartbeat), INTERVAL, now);
    queue.push(item("b", Task::Heartbeat), INTERVAL, now);
    let (failed, _) = queue.take(now);
    queue.push(item("c", Task::Heartbeat), INTERVAL, now);
    queue.push(item("a", Task::Heartbeat), INTERVAL, now);
    queue.restore(failed);
    assert_eq!(ids(&queue.take(now).0), ["b", "c", "a"]);
}

/// A peer that is too slow for a batch would be sent the same one for ever.
#[test]
fn a_batch_that_was_late_is_halved_until_the_peer_answers_in_time() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for id in 0..100 {
        queue.push(item(&id.to_string(), Task::Heartbeat), INTERVAL, now);
    }
    for expected in [100, 50, 25, 12, 6, 3, 1, 1] {
        let (batch, _) = queue.take(now);
        assert_eq!(batch.len(), expected);
        queue.was_late(batch.len());
        queue.restore(batch);
    }
    for expected in [1, 2, 3, 4] {
        assert_eq!(queue.take(now).0.len(), expected);
        queue.was_in_time();
    }
}

/// A later heartbeat makes up for a lost one; nothing makes up for a lost decision.
#[test]
fn a_full_queue_drops_no_decision_before_others() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.push(item("decided", Task::StatusUpdate), INTERVAL, now);
    queue.push(item("decided", Task::Heartbeat), INTERVAL, now);
    for id in 0..LARGEST {
        queue.push(item(&id.to_string(), Task::Heartbeat), INTERVAL, now);
    }
    assert_eq!(queue.len(), LARGEST);
    let (batch, _) = queue.take(now);
    assert_eq!(batch[0].item.task, Task::StatusUpdate);
    assert_eq!(ids(&batch)[..2], ["decided", "1"]);
}

/// Case 61: the queue of a peer that does not answer is bounded.
#[test]
fn the_oldest_change_is_dropped_if_there_are_too_many() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for number in 0..=LARGEST {
        let dropped = queue.push(item(&number.to_string(), Task::Cancel), INTERVAL, now);
        assert_eq!(dropped, usize::from(number == LARGEST));
    }
    assert_eq!((queue.len(), queue.positions.len()), (LARGEST, LARGEST));
    assert_eq!(ids(&queue.take(now).0)[0], "1");
}

fn registration(id: &str, metadata: usize) -> Item {
    let mut instance = crate::instance::tests::sample("A", id, 1);
    instance["metadata"] = serde_json::json!({});
    let mut instance = Instance::from_value(&instance).unwrap();
    instance.metadata.insert("text".to_owned(), "x".repeat(metadata));
    item(id, Task::Register(instance.into()))
}

/// Whoever registers and leaves again and again would fill the queue with descriptions.
#[test]
fn the_oldest_descriptions_are_dropped_if_they_take_too_much_memory() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    assert_eq!(queue.push(item("operator", Task::StatusUpdate), INTERVAL, now), 0);
    let size = DESCRIPTIONS / 4;
    let dropped: Vec<_> =
        ["a", "b", "c", "d"].map(|id| queue.push(registration(id, size), INTERVAL, now)).into();
    assert_eq!(dropped, [0, 0, 0, 1]);
    assert!(queue.descriptions <= DESCRIPTIONS);
    let (batch, _) = queue.take(now);
    assert_eq!(ids(&batch), ["operator", "b", "c", "d"]);
    assert_eq!(queue.descriptions, 0);
    queue.restore(batch);
    assert!(queue.descriptions > 3 * size);
}

#[test]
fn a_cancelled_instance_is_not_registered_first() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    let tasks = |queue: &mut Queue| -> Vec<_> {
        queue.take(now).0.iter().map(|queued| queued.item.task.name()).collect()
    };
    queue.push(registration("a", 10), INTERVAL, now);
    queue.push(item("a", Task::Heartbeat), INTERVAL, now);
    queue.push(item("a", Task::Cancel), INTERVAL, now);
    assert_eq!((tasks(&mut queue), queue.descriptions), (vec!["Cancel"], 0));
    // It came back: neither order nor a failed batch changes that.
    queue.push(item("a", Task::Cancel), INTERVAL, now);
    queue.push(registration("a", 10), INTERVAL, now);
    queue.push(item("a", Task::StatusUpdate), INTERVAL, now);
    let (failed, _) = queue.take(now);
    queue.restore(failed);
    assert_eq!(tasks(&mut queue), ["Cancel", "Register", "StatusUpdate"]);
    queue.push(registration("a", 10), INTERVAL, now);
    let (failed, _) = queue.take(now);
    queue.push(item("a", Task::Cancel), INTERVAL, now);
    queue.restore(failed);
    assert_eq!(tasks(&mut queue), ["Cancel"]);
}
