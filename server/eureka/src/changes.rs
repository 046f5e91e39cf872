//! The instances that changed recently, which clients read instead of the whole list.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::registry::{Lease, LeaseKey};

/// Time for which a change is listed: several intervals of the clients' reads.
const RETENTION: Duration = Duration::from_secs(180);

/// The newest change of each instance, with the lease if it ended.
#[derive(Debug)]
pub(crate) struct Changes {
    largest: usize,
    entries: HashMap<LeaseKey, (Instant, Option<Lease>)>,
    /// Set while changes are missing, because there were too many.
    incomplete_until: Option<Instant>,
}

impl Changes {
    pub(crate) fn new(largest: usize) -> Self {
        Self { largest, entries: HashMap::new(), incomplete_until: None }
    }

    pub(crate) fn record(&mut self, key: LeaseKey, left: Option<Lease>, at: Instant) {
        if self.entries.len() >= self.largest && !self.entries.contains_key(&key) {
            self.entries = HashMap::new();
            self.incomplete_until = at.checked_add(RETENTION);
        }
        self.entries.insert(key, (at, left));
    }

    pub(crate) fn has_left(&self, app: &str, id: &str) -> bool {
        let entry = self.entries.get(&(app.to_owned(), id.to_owned()));
        entry.is_some_and(|(_, left)| left.is_some())
    }

    /// Whether clients have to read the whole list.
    pub(crate) fn overflowed(&self) -> bool {
        self.incomplete_until.is_some()
    }

    /// Forgets old changes. Returns whether there were any.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let (before, was_incomplete) = (self.entries.len(), self.overflowed());
        self.entries.retain(|_, (at, _)| now.saturating_duration_since(*at) < RETENTION);
        self.incomplete_until = self.incomplete_until.filter(|until| now < *until);
        self.entries.len() != before || self.overflowed() != was_incomplete
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&LeaseKey, Option<&Lease>)> {
        self.entries.iter().map(|(key, (_, left))| (key, left.as_ref()))
    }
}
