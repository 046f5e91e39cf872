//! Changes that wait to be sent to one peer. A newer change of the same kind replaces the older one
//! of its instance, and a heartbeat, registration or cancellation that waited too long is dropped: a
//! later one, or the end of the lease, makes up for it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::batch::{Item, Task};

/// Maximum number of changes; the oldest are dropped beyond it.
const LARGEST: usize = 10_000;
/// Maximum number of changes in a batch.
const BATCH: usize = 250;
/// Time after which a cancellation is dropped: the lease ends without it.
const LIFETIME: Duration = Duration::from_secs(30);
/// Time after which an operator's change of a status is dropped. Nothing makes up for it, so that
/// it has to outlast a peer that does not answer for a while.
const STATUS: Duration = Duration::from_secs(3600);

/// A change that waits, or is being sent.
#[derive(Debug)]
pub struct Queued {
    /// The change.
    pub item: Item,
    position: u64,
    expires: Instant,
}

/// The queue of a peer.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<u64, Queued>,
    positions: HashMap<(&'static str, String, String), u64>,
    next: u64,
}

impl Queue {
    /// Number of changes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Appends a change. `interval` is that of the instance's heartbeats. Returns whether another
    /// change was dropped for it.
    pub fn push(&mut self, item: Item, interval: Duration, now: Instant) -> bool {
        let lifetime = match item.task {
            Task::Register(_) | Task::Heartbeat => interval,
            _ if is_status(&item.task) => STATUS,
            _ => LIFETIME,
        };
        self.forget(&item, item.task.name());
        if item.task == Task::Cancel {
            // They would take effect on a later registration.
            self.forget(&item, Task::StatusUpdate.name());
            self.forget(&item, Task::DeleteStatusOverride.name());
        }
        let position = self.next;
        self.next += 1;
        self.insert(Queued { item, position, expires: now + lifetime });
        let is_full = self.waiting.len() > LARGEST;
        if is_full && let Some((_, dropped)) = self.waiting.pop_first() {
            self.positions.remove(&key(&dropped.item));
        }
        is_full
    }

    /// Takes the oldest changes that have not expired, and returns how many have.
    pub fn take(&mut self, now: Instant) -> (Vec<Queued>, usize) {
        let (mut batch, mut expired) = (Vec::new(), 0);
        while batch.len() < BATCH {
            let Some((_, queued)) = self.waiting.pop_first() else { break };
            self.positions.remove(&key(&queued.item));
            if queued.expires > now {
                batch.push(queued);
            } else {
                expired += 1;
            }
        }
        (batch, expired)
    }

    /// Returns changes that could not be sent to their places, unless newer ones replace them.
    pub fn restore(&mut self, batch: Vec<Queued>) {
        for queued in batch {
            let Item { app, id, task, .. } = &queued.item;
            let cancel = (Task::Cancel.name(), app.clone(), id.clone());
            let is_moot = is_status(task) && self.positions.contains_key(&cancel);
            if !is_moot && !self.positions.contains_key(&key(&queued.item)) {
                self.insert(queued);
            }
        }
    }

    /// Removes an older change of this kind of the same instance.
    fn forget(&mut self, item: &Item, task: &'static str) {
        let key = (task, item.app.clone(), item.id.clone());
        if let Some(older) = self.positions.remove(&key) {
            self.waiting.remove(&older);
        }
    }

    fn insert(&mut self, queued: Queued) {
        self.positions.insert(key(&queued.item), queued.position);
        self.waiting.insert(queued.position, queued);
    }
}

/// Whether an operator decides on a status.
fn is_status(task: &Task) -> bool {
    matches!(task, Task::StatusUpdate | Task::DeleteStatusOverride)
}

fn key(item: &Item) -> (&'static str, String, String) {
    (item.task.name(), item.app.clone(), item.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        queue.push(item("a", Task::Cancel), INTERVAL, now);
        assert_eq!(ids(&queue.take(now).0), ["b", "a", "a"]);
        assert!(queue.is_empty());
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

    /// Case 61: the queue of a peer that does not answer is bounded.
    #[test]
    fn the_oldest_change_is_dropped_if_there_are_too_many() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for number in 0..=LARGEST {
            let dropped = queue.push(item(&number.to_string(), Task::Cancel), INTERVAL, now);
            assert_eq!(dropped, number == LARGEST);
        }
        assert_eq!((queue.len(), queue.positions.len()), (LARGEST, LARGEST));
        assert_eq!(ids(&queue.take(now).0)[0], "1");
    }
}
