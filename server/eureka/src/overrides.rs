//! The statuses that operators set in place of those that instances report.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::Status;
use crate::registry::LeaseKey;

/// Time for which the override of an instance whose lease ended is stored, and for which it is
/// known that an instance has none any more; the latter begins anew whenever a peer contradicts.
const RETENTION: Duration = Duration::from_secs(3600);

/// Two decisions of operators about one instance, of which nobody knows which is the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction {
    /// What is known here; [`Status::Unknown`] if the override was removed.
    pub here: Status,
    /// What a peer reports.
    pub reported: Status,
}

/// Overrides by instance, and which instances are known to have none: peers may report an older
/// one.
#[derive(Debug)]
pub(crate) struct Overrides {
    largest: usize,
    entries: HashMap<LeaseKey, Entry>,
}

/// What is known of an instance.
#[derive(Debug)]
struct Entry {
    /// `None` if an operator removed it, here or at a peer whose list was copied.
    status: Option<Status>,
    /// When the lease ended, or the override was removed.
    ended: Option<Instant>,
}

impl Overrides {
    /// `largest` is the maximum number of instances.
    pub(crate) fn new(largest: usize) -> Self {
        Self { largest, entries: HashMap::new() }
    }

    pub(crate) fn get(&self, app: &str, id: &str) -> Option<Status> {
        self.entries.get(&key(app, id))?.status
    }

    /// Whether it is known which override an instance has, or that it has none.
    pub(crate) fn is_known(&self, app: &str, id: &str) -> bool {
        self.entries.contains_key(&key(app, id))
    }

    /// The instances whose override was removed.
    pub(crate) fn removed(&self) -> impl Iterator<Item = &LeaseKey> {
        self.entries.iter().filter(|(_, entry)| entry.status.is_none()).map(|(key, _)| key)
    }

    /// Whether a further instance could be recorded only in place of another one.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.largest
    }

    /// Sets the override of an instance; those that ended make room for it.
    pub(crate) fn set(&mut self, app: &str, id: &str, status: Status) {
        self.insert(key(app, id), Entry { status: Some(status), ended: None }, |_| true);
    }

    /// Records that an instance has no override. Returns whether it had one.
    pub(crate) fn remove(&mut self, app: &str, id: &str, now: Instant) -> bool {
        let had_one = self.get(app, id).is_some();
        let none = Entry { status: None, ended: Some(now) };
        self.insert(key(app, id), none, |entry| entry.status.is_none());
        had_one
    }

    /// A peer still reports an override that was removed here: the removal has to be known for
    /// longer than it does.
    pub(crate) fn confirm_removal(&mut self, app: &str, id: &str, now: Instant) {
        let entry = self.entries.get_mut(&key(app, id));
        if let Some(entry) = entry.filter(|entry| entry.status.is_none()) {
            entry.ended = Some(now);
        }
    }

    /// Replaces what is known, if there is space, or if entries that ended and may be forgotten
    /// make room.
    fn insert(&mut self, key: LeaseKey, entry: Entry, is_forgettable: impl Fn(&Entry) -> bool) {
        if self.is_full() && !self.entries.contains_key(&key) {
            self.make_room(is_forgettable);
            if self.is_full() {
                return;
            }
        }
        self.entries.insert(key, entry);
    }

    /// Forgets the oldest of those that may be forgotten, several at once: to find them, all are
    /// compared.
    fn make_room(&mut self, is_forgettable: impl Fn(&Entry) -> bool) {
        let ended = self.entries.iter().filter(|(_, entry)| is_forgettable(entry));
        let ended = ended
            .filter_map(|(key, entry)| Some((entry.status.is_some(), entry.ended?, key.clone())));
        let mut ended: Vec<_> = ended.collect();
        ended.sort_unstable();
        for (_, _, key) in ended.into_iter().take((self.largest / 10).max(1)) {
            self.entries.remove(&key);
        }
    }

    /// The lease of the instance ended at this time, or began again.
    pub(crate) fn set_left(&mut self, app: &str, id: &str, at: Option<Instant>) {
        let entry = self.entries.get_mut(&key(app, id));
        if let Some(entry) = entry.filter(|entry| entry.status.is_some()) {
            entry.ended = at;
        }
    }

    /// Forgets those of instances that did not come back.
    pub(crate) fn expire(&mut self, now: Instant) {
        let is_kept = |ended: Instant| now.saturating_duration_since(ended) < RETENTION;
        self.entries.retain(|_, entry| entry.ended.is_none_or(is_kept));
    }
}

fn key(app: &str, id: &str) -> LeaseKey {
    (app.to_owned(), id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise a change would be accepted, and could not be undone.
    #[test]
    fn those_of_instances_that_left_make_room_for_others() {
        let (mut overrides, now) = (Overrides::new(2), Instant::now());
        for id in ["a", "b"] {
            overrides.set("A", id, Status::Down);
        }
        overrides.set("A", "a", Status::OutOfService);
        assert_eq!(overrides.get("A", "a"), Some(Status::OutOfService), "a known one is replaced");
        overrides.set_left("A", "a", Some(now));
        overrides.set_left("A", "b", Some(now - Duration::from_secs(1)));
        overrides.set("A", "c", Status::OutOfService);
        let found = ["a", "b", "c"].map(|id| overrides.get("A", id).is_some());
        assert_eq!(found, [true, false, true]);
        overrides.expire(now + RETENTION);
        assert_eq!(overrides.get("A", "a"), None);
        assert!(overrides.remove("A", "c", now) && !overrides.remove("A", "c", now));
    }

    /// What an operator set is worth more than the knowledge that there is nothing.
    #[test]
    fn a_removed_one_is_known_for_a_while_if_there_is_space() {
        let (mut overrides, now) = (Overrides::new(2), Instant::now());
        overrides.set("A", "a", Status::Down);
        overrides.remove("A", "b", now);
        assert!(overrides.is_known("A", "b") && overrides.get("A", "b").is_none());
        overrides.set_left("A", "b", None);
        overrides.remove("A", "c", now + Duration::from_secs(1));
        assert!(!overrides.is_known("A", "b") && overrides.is_known("A", "c"));
        overrides.set_left("A", "a", Some(now - Duration::from_secs(1)));
        overrides.set("A", "d", Status::Down);
        assert!(overrides.is_known("A", "a") && overrides.is_known("A", "d"));
        overrides.remove("A", "e", now);
        assert!(overrides.is_known("A", "a") && !overrides.is_known("A", "e"));
        overrides.remove("A", "d", now);
        overrides.expire(now + RETENTION);
        assert!(!overrides.is_known("A", "d"));
    }
}
