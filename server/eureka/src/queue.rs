//! Changes that wait to be sent to one peer. A newer change of the same kind replaces the older one
//! of its instance, and a cancellation replaces all of them. A heartbeat, registration or cancellation
//! that waited too long is dropped: a later one, or the end of the lease, makes up for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::batch::{Item, Task};

/// Maximum number of changes; the oldest are dropped beyond it.
const LARGEST: usize = 10_000;
/// Maximum length of all descriptions in a queue, in bytes; the oldest are dropped beyond it, since the
/// peer asks for them at the next heartbeat.
const DESCRIPTIONS: usize = 16 * 1024 * 1024;
/// Maximum number of changes in a batch.
const BATCH: usize = 250;
/// Time after which a cancellation is dropped: the lease ends without it. One that ends a status waits
/// for as long as that does.
const LIFETIME: Duration = Duration::from_secs(30);
/// Time after which an operator's change of a status is dropped. Nothing makes up for it, so that
/// it has to outlast a peer that does not answer for a while.
const STATUS: Duration = Duration::from_secs(3600);

/// The changes by which an operator decides on a status.
const STATUSES: [Task; 2] = [Task::StatusUpdate, Task::DeleteStatusOverride];

/// A change that waits, or is being sent.
#[derive(Debug)]
pub struct Queued {
    /// The change.
    pub item: Item,
    position: u64,
    expires: Instant,
}

/// Kind of a change, app and id.
type Key = (&'static str, String, String);

/// The queue of a peer.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<u64, Queued>,
    positions: HashMap<Key, u64>,
    /// Those of the batch that is being sent which have not been replaced since.
    under_way: HashSet<Key>,
    next: u64,
    /// Maximum number of changes in a batch, if the peer is too slow for [`BATCH`].
    in_time: Option<usize>,
    /// Length of all descriptions that wait.
    descriptions: usize,
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

    /// Appends a change. `interval` is that of the instance's heartbeats. Returns how many others
    /// were dropped for it.
    pub fn push(&mut self, item: Item, interval: Duration, now: Instant) -> usize {
        let is_cancel = item.task == Task::Cancel;
        let lifetime = match item.task {
            Task::Register(_) | Task::Heartbeat => interval,
            // The end of the lease does not end a status that was set.
            _ if STATUSES.contains(&item.task) || item.overridden.is_some() => STATUS,
            _ => LIFETIME,
        };
        let mut expires = now + lifetime;
        let older = self.forget(&item.app, &item.id, item.task.name());
        if is_cancel {
            // The peer need not learn of them any more, and a change of the status would take effect
            // on a later registration.
            let statuses = STATUSES.map(|task| self.forget(&item.app, &item.id, task.name()));
            for name in ["Register", "Heartbeat"] {
                self.forget(&item.app, &item.id, name);
            }
            // In place of a status that the peer may have.
            expires = [older].into_iter().chain(statuses).flatten().fold(expires, Instant::max);
        }
        let position = self.next;
        self.next += 1;
        self.insert(Queued { item, position, expires });
        let mut dropped = 0;
        if self.waiting.len() > LARGEST && self.drop_oldest() {
            dropped += 1;
        }
        while self.descriptions > DESCRIPTIONS && self.drop_description() {
            dropped += 1;
        }
        dropped
    }

    /// Takes the oldest changes that have not expired, and returns how many have.
    pub fn take(&mut self, now: Instant) -> (Vec<Queued>, usize) {
        let (mut batch, mut expired) = (Vec::new(), 0);
        while batch.len() < self.in_time.unwrap_or(BATCH) {
            let Some(queued) = self.pop() else { break };
            if queued.expires > now {
                batch.push(queued);
            } else {
                expired += 1;
            }
        }
        self.under_way = batch.iter().map(|queued| key(&queued.item)).collect();
        (batch, expired)
    }

    /// The peer did not answer in time to a batch of this many changes: the next one has half of them.
    pub fn was_late(&mut self, changes: usize) {
        self.in_time = Some((changes / 2).max(1));
    }

    /// The peer answered in time: the next batch may be a little longer. The peer carries out those
    /// that are late in vain.
    pub fn was_in_time(&mut self) {
        let longer = |most: usize| most + (most / 8).max(1);
        self.in_time = self.in_time.map(longer).filter(|most| *most < BATCH);
    }

    /// Returns changes that could not be sent to their places, unless newer ones replace them.
    pub fn restore(&mut self, batch: Vec<Queued>) {
        for queued in batch {
            if self.under_way.remove(&key(&queued.item)) {
                self.insert(queued);
            }
        }
    }

    /// Removes the changes of an instance that wait, because it left.
    pub fn forget_instance(&mut self, app: &str, id: &str) {
        self.forget_status(app, id);
        for task in ["Register", "Heartbeat"] {
            self.forget(app, id, task);
        }
    }

    /// Removes the changes of an instance's status that wait, because a newer one is known.
    pub fn forget_status(&mut self, app: &str, id: &str) {
        for task in STATUSES {
            self.forget(app, id, task.name());
        }
    }

    /// Removes an older change of this kind of the same instance. Returns when it would have expired.
    fn forget(&mut self, app: &str, id: &str, task: &'static str) -> Option<Instant> {
        let key = (task, app.to_owned(), id.to_owned());
        self.under_way.remove(&key);
        let older = self.positions.get(&key).copied()?;
        self.remove(older).map(|queued| queued.expires)
    }

    /// Removes the oldest change for which a later one makes up, or else the oldest decision.
    fn drop_oldest(&mut self) -> bool {
        let makes_up = |queued: &&Queued| {
            !STATUSES.contains(&queued.item.task) && queued.item.overridden.is_none()
        };
        let oldest = self.waiting.values().find(makes_up).map(|queued| queued.position);
        let dropped = match oldest {
            Some(position) => self.remove(position),
            None => self.pop(),
        };
        dropped.is_some()
    }

    /// Removes the oldest registration.
    fn drop_description(&mut self) -> bool {
        let is_description = |queued: &&Queued| matches!(queued.item.task, Task::Register(_));
        let oldest = self.waiting.values().find(is_description).map(|queued| queued.position);
        oldest.and_then(|position| self.remove(position)).is_some()
    }

    fn insert(&mut self, queued: Queued) {
        self.descriptions += description(&queued.item);
        self.positions.insert(key(&queued.item), queued.position);
        self.waiting.insert(queued.position, queued);
    }

    fn pop(&mut self) -> Option<Queued> {
        let oldest = *self.waiting.first_key_value()?.0;
        self.remove(oldest)
    }

    fn remove(&mut self, position: u64) -> Option<Queued> {
        let queued = self.waiting.remove(&position)?;
        self.positions.remove(&key(&queued.item));
        self.descriptions -= description(&queued.item);
        Some(queued)
    }
}

/// Length of the description in a change, in bytes.
fn description(item: &Item) -> usize {
    match &item.task {
        Task::Register(instance) => instance.size(),
        _ => 0,
    }
}

fn key(item: &Item) -> Key {
    (item.task.name(), item.app.clone(), item.id.clone())
}

#[cfg(test)]
mod tests {
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
        queue.forget_status("A", "a");
        assert_eq!(ids(&queue.take(now).0), ["b", "b", "a"]);
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
        for (id, task) in
            [("a", Task::StatusUpdate), ("a", Task::Heartbeat), ("b", Task::Heartbeat)]
        {
            queue.push(item(id, task), INTERVAL, now);
        }
        let (failed, _) = queue.take(now);
        queue.forget_status("A", "a");
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
        let mut instance = crate::Instance::from_value(&instance).unwrap();
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
}
