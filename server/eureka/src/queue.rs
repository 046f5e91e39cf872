//! Changes that wait to be sent to one peer. A newer change of the same kind replaces the older one
//! of its instance, and a cancellation replaces all of them. A heartbeat, registration or
//! cancellation that waited too long is dropped: a later one, or the end of the lease, makes up for
//! it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::batch::{Item, Task};
use crate::{Instance, Status};

/// Maximum number of changes; the oldest are dropped beyond it.
const LARGEST: usize = 10_000;
/// Maximum length of all descriptions in a queue, in bytes; the oldest are dropped beyond it, since
/// the peer asks for them at the next heartbeat.
const DESCRIPTIONS: usize = 16 * 1024 * 1024;
/// Maximum number of changes in a batch.
const BATCH: usize = 250;
/// Time after which a cancellation is dropped: the lease ends without it. One that ends a status
/// waits for as long as that does.
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
    /// Positions and statuses of those of the batch that is being sent which have not been
    /// replaced since.
    under_way: HashMap<Key, (u64, Option<Status>)>,
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
            // The peer need not learn of them any more, and a change of the status would take
            // effect on a later registration. The cancellation is in place of a status
            // that the peer may have.
            let status = self.forget_instance(&item.app, &item.id);
            expires = [older, status].into_iter().flatten().fold(expires, Instant::max);
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
        let under_way =
            |queued: &Queued| (key(&queued.item), (queued.position, queued.item.status));
        self.under_way = batch.iter().map(under_way).collect();
        (batch, expired)
    }

    /// The peer did not answer in time to a batch of this many changes: the next one has half of
    /// them.
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
            if self.under_way.remove(&key(&queued.item)).is_some() {
                self.insert(queued);
            }
        }
    }

    /// Removes the changes of an instance that wait, because it left. Returns when the last change
    /// of its status would have expired.
    pub fn forget_instance(&mut self, app: &str, id: &str) -> Option<Instant> {
        for task in ["Register", "Heartbeat"] {
            self.forget(app, id, task);
        }
        self.forget_status(app, id)
    }

    /// Removes the changes of an instance's status that wait, because a peer reports a newer one.
    /// Those that end in the same one stay: the peer that reports it may not reach the one of
    /// this queue.
    pub fn outdate_status(&mut self, app: &str, id: &str, task: &Task, status: Option<Status>) {
        let is_same = self.last_status(app, id).is_some_and(|(last, of_last)| {
            last == *task && (status == of_last || *task == Task::DeleteStatusOverride)
        });
        if !is_same {
            self.forget_status(app, id);
        }
    }

    /// Uses the present state of an instance in its heartbeat and its registration that wait.
    pub fn refresh(&mut self, instance: &Arc<Instance>) {
        for task in ["Register", "Heartbeat"] {
            let key = (task, instance.app.clone(), instance.id().to_owned());
            // A later one makes up for it if it has to be sent again.
            self.under_way.remove(&key);
            let waiting = self.positions.get(&key).and_then(|at| self.waiting.get_mut(at));
            let Some(Queued { item, .. }) = waiting else { continue };
            let before = description(item);
            item.status = Some(instance.status);
            match &mut item.task {
                Task::Register(described) => *described = Arc::clone(instance),
                _ => {
                    let overridden = instance.overridden_status;
                    item.overridden = Some(overridden).filter(|status| *status != Status::Unknown);
                }
            }
            self.descriptions = self.descriptions - before + description(item);
        }
    }

    /// The newest change of an instance's status that waits or is being sent.
    fn last_status(&self, app: &str, id: &str) -> Option<(Task, Option<Status>)> {
        let of_task = |task: Task| {
            let key = (task.name(), app.to_owned(), id.to_owned());
            let waiting = self.positions.get(&key);
            let waiting = waiting.and_then(|at| Some((*at, self.waiting.get(at)?.item.status)));
            let (position, status) = waiting.or_else(|| self.under_way.get(&key).copied())?;
            Some((position, task, status))
        };
        let last = STATUSES.into_iter().filter_map(of_task).max_by_key(|(position, ..)| *position);
        last.map(|(_, task, status)| (task, status))
    }

    /// Removes the changes of an instance's status that wait. Returns when the last one would have
    /// expired.
    fn forget_status(&mut self, app: &str, id: &str) -> Option<Instant> {
        STATUSES.map(|task| self.forget(app, id, task.name())).into_iter().flatten().max()
    }

    /// Removes an older change of this kind of the same instance. Returns when it would have
    /// expired.
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
        let oldest = self.waiting.values().find(makes_up).or(self.waiting.values().next());
        let oldest = oldest.map(|queued| queued.position);
        oldest.and_then(|position| self.remove(position)).is_some()
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
mod tests;
