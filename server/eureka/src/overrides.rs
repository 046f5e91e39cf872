//! The statuses that operators set in place of those that instances report.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::Status;
use crate::registry::LeaseKey;

/// Time for which the override of an instance whose lease ended is stored.
const RETENTION: Duration = Duration::from_secs(3600);

/// Overrides by instance, with the time at which the instance disappeared.
#[derive(Debug)]
pub(crate) struct Overrides {
    largest: usize,
    entries: HashMap<LeaseKey, (Status, Option<Instant>)>,
}

impl Overrides {
    /// `largest` is the maximum number of instances.
    pub(crate) fn new(largest: usize) -> Self {
        Self { largest, entries: HashMap::new() }
    }

    pub(crate) fn get(&self, app: &str, id: &str) -> Option<Status> {
        self.entries.get(&key(app, id)).map(|(status, _)| *status)
    }

    /// Sets the override of an instance; those that disappeared make room for it.
    pub(crate) fn set(&mut self, app: &str, id: &str, status: Status) {
        let key = key(app, id);
        if self.entries.len() >= self.largest && !self.entries.contains_key(&key) {
            let left =
                self.entries.iter().filter_map(|(key, (_, left))| Some((left.as_ref()?, key)));
            let Some(oldest) = left.min().map(|(_, key)| key.clone()) else { return };
            self.entries.remove(&oldest);
        }
        self.entries.insert(key, (status, None));
    }

    /// Returns whether there was one.
    pub(crate) fn remove(&mut self, app: &str, id: &str) -> bool {
        self.entries.remove(&key(app, id)).is_some()
    }

    /// The lease of the instance ended at this time, or began again.
    pub(crate) fn set_left(&mut self, app: &str, id: &str, at: Option<Instant>) {
        if let Some((_, left)) = self.entries.get_mut(&key(app, id)) {
            *left = at;
        }
    }

    /// Forgets those of instances that did not come back.
    pub(crate) fn expire(&mut self, now: Instant) {
        let is_kept = |left: Instant| now.saturating_duration_since(left) < RETENTION;
        self.entries.retain(|_, (_, left)| left.is_none_or(is_kept));
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
        assert!(overrides.remove("A", "c") && !overrides.remove("A", "c"));
    }
}
