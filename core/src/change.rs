//! What differs between two snapshots, told to listeners as one event; merging of events; interest in some keys only.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::protocol::namespace::CONTENT_KEY;
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::wire::Configurations;
use crate::snapshot::{Snapshot, Source};

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeType {
    /// The key is new.
    Added,
    /// The value differs.
    Modified,
    /// The key is gone.
    Deleted,
}

impl ChangeType {
    /// Stable name: `ADDED`, `MODIFIED` or `DELETED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ChangeType::Added => "ADDED",
            ChangeType::Modified => "MODIFIED",
            ChangeType::Deleted => "DELETED",
        }
    }
}

/// One key of an event.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Value before; `None` when added.
    pub old_value: Option<Arc<str>>,
    /// Value after; `None` when deleted.
    pub new_value: Option<Arc<str>>,
    /// What happened.
    pub change_type: ChangeType,
}

impl std::fmt::Debug for Change {
    /// The type alone: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.change_type.name())
    }
}

impl Change {
    /// The change from one value to another; `None` when there is none.
    fn between(old_value: Option<Arc<str>>, new_value: Option<Arc<str>>) -> Option<Self> {
        let change_type = match (&old_value, &new_value) {
            (None, None) => return None,
            (None, Some(_)) => ChangeType::Added,
            (Some(_), None) => ChangeType::Deleted,
            (Some(old), Some(new)) if old == new => return None,
            (Some(_), Some(_)) => ChangeType::Modified,
        };
        Some(Self { old_value, new_value, change_type })
    }
}

/// Changed keys in the order of the new content, deleted ones behind.
pub type Changes = IndexMap<String, Change, ahash::RandomState>;

/// One change of a namespace: all keys that one new content changed.
#[derive(Debug, Clone)]
pub struct ChangeEvent {
    changes: Changes,
    interested: Option<Vec<String>>,
    old_release_key: Arc<str>,
    snapshot: Arc<Snapshot>,
    first_sequence: u64,
    sequence: u64,
    coalesced: u64,
}

impl ChangeEvent {
    pub(crate) fn new(changes: Changes, old: &Snapshot, new: Arc<Snapshot>, sequence: u64) -> Self {
        Self {
            changes,
            interested: None,
            old_release_key: old.release_key().into(),
            snapshot: new,
            first_sequence: sequence,
            sequence,
            coalesced: 0,
        }
    }

    /// App id, cluster and namespace.
    #[must_use]
    pub fn identity(&self) -> &NamespaceKey {
        self.snapshot.identity()
    }

    /// Every changed key, whatever the listener asked for.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The change of one key.
    #[must_use]
    pub fn change(&self, key: &str) -> Option<&Change> {
        self.changes.get(key)
    }

    /// The changed keys that the listener asked for; none when it asked for no key in particular.
    #[must_use]
    pub fn interested_keys(&self) -> &[String] {
        self.interested.as_deref().unwrap_or_default()
    }

    /// The changes that the listener asked for; all of them when it asked for no key in particular.
    pub fn interesting_changes(&self) -> impl Iterator<Item = (&str, &Change)> {
        let all = self.interested.is_none().then_some(&self.changes);
        let asked = self.interested.iter().flatten();
        let asked = asked.filter_map(|key| self.changes.get_key_value(key));
        let changes = all.into_iter().flatten().chain(asked);
        changes.map(|(key, change)| (key.as_str(), change))
    }

    /// The content after the change, or a newer one when events were merged.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Release key before the change; empty when that content was not from a server.
    #[must_use]
    pub fn old_release_key(&self) -> &str {
        &self.old_release_key
    }

    /// Release key after the change.
    #[must_use]
    pub fn release_key(&self) -> &str {
        self.snapshot.release_key()
    }

    /// Where the new content came from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.snapshot.source()
    }

    /// Number of this change within its namespace, rising; of merged events the last.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// As [`ChangeEvent::sequence`], but of merged events the first.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// How many later events were merged into this one because the listener did not keep up.
    #[must_use]
    pub fn coalesced(&self) -> u64 {
        self.coalesced
    }

    /// This event and the next as one: of each key the first old and the last new value. `None` when nothing remains.
    pub(crate) fn merged(&self, later: &ChangeEvent) -> Option<ChangeEvent> {
        let mut changes = Changes::default();
        for (key, first) in &self.changes {
            let last = later.changes.get(key).unwrap_or(first);
            let change = Change::between(first.old_value.clone(), last.new_value.clone());
            changes.extend(change.map(|change| (key.clone(), change)));
        }
        let fresh = later.changes.iter();
        let fresh = fresh.filter(|(key, _)| !self.changes.contains_key(*key));
        changes.extend(fresh.map(|(key, change)| (key.clone(), change.clone())));
        (!changes.is_empty()).then(|| ChangeEvent {
            changes,
            interested: None,
            old_release_key: self.old_release_key.clone(),
            snapshot: later.snapshot.clone(),
            first_sequence: self.first_sequence,
            sequence: later.sequence,
            coalesced: self.coalesced + later.coalesced + 1,
        })
    }

    /// The event as a listener with this interest sees it; `None` when no changed key interests it.
    pub(crate) fn for_interest(self: &Arc<Self>, interest: &Interest) -> Option<Arc<Self>> {
        if interest.is_everything() {
            return Some(self.clone());
        }
        let keys = self.changes.keys();
        let keys: Vec<_> = keys.filter(|key| interest.covers(key)).cloned().collect();
        (!keys.is_empty()).then(|| Arc::new(Self { interested: Some(keys), ..(**self).clone() }))
    }
}

/// Keys and prefixes that a listener asks for; both empty means everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// Exact keys.
    pub keys: Vec<String>,
    /// Plain text prefixes: `db` covers `dbName`.
    pub prefixes: Vec<String>,
}

impl Interest {
    /// Interest in everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// Adds a prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Whether no key in particular is asked for.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty()
    }

    /// Whether a key is asked for.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        self.is_everything()
            || self.keys.iter().any(|wanted| wanted == key)
            || self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
    }
}

/// The change of the namespace as one text, under the key `content`.
pub(crate) fn content_diff(old: &Snapshot, new: &Snapshot) -> Changes {
    let content = |snapshot: &Snapshot| snapshot.content().map(Arc::from);
    let change = Change::between(content(old), content(new));
    let change = change.map(|change| (CONTENT_KEY.to_owned(), change));
    change.into_iter().collect()
}

/// The keys whose values differ as readers see them: also where a key is gone or new, while something else answers for it.
pub(crate) fn visible_diff(old: &Snapshot, new: &Snapshot) -> Changes {
    let changes = diff(old.values(), new.values()).into_iter();
    let seen = changes.filter_map(|(key, change)| {
        let old_value = change.old_value.or_else(|| old.get(&key).map(Arc::from));
        let new_value = change.new_value.or_else(|| new.get(&key).map(Arc::from));
        Change::between(old_value, new_value).map(|change| (key, change))
    });
    seen.collect()
}

/// The keys whose values differ.
pub(crate) fn diff(old: &Configurations, new: &Configurations) -> Changes {
    let mut changes = Changes::default();
    for (key, value) in new {
        let before = old.get(key);
        if before != Some(value) {
            let change =
                Change::between(before.map(|v| v.as_str().into()), Some(value.as_str().into()));
            changes.extend(change.map(|change| (key.clone(), change)));
        }
    }
    for (key, value) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
        let change = Change::between(Some(value.as_str().into()), None);
        changes.extend(change.map(|change| (key.clone(), change)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Configurations {
        let pairs = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        pairs.collect()
    }

    fn event(old: &[(&str, &str)], new: &[(&str, &str)], sequence: u64) -> Arc<ChangeEvent> {
        let old = Snapshot::sample("application", "k1", old);
        let new = Snapshot::sample("application", "k2", new);
        let changes = diff(old.configurations(), new.configurations());
        Arc::new(ChangeEvent::new(changes, &old, new, sequence))
    }

    #[test]
    fn added_modified_and_deleted_are_told_apart() {
        // C098
        let changes = diff(
            &values(&[("a", "1"), ("b", "2"), ("s", "x")]),
            &values(&[("b", "3"), ("c", "4"), ("s", "x")]),
        );
        let types: Vec<_> = changes.iter().map(|(k, c)| (k.as_str(), c.change_type)).collect();
        use ChangeType::{Added, Deleted, Modified};
        assert_eq!(types, [("b", Modified), ("c", Added), ("a", Deleted)]);
        assert_eq!(changes["b"].old_value.as_deref(), Some("2"));
        assert_eq!(changes["a"].new_value, None);
    }

    #[test]
    fn interest_is_by_key_or_plain_prefix() {
        // C101
        let event = event(&[], &[("b", "1"), ("db.url", "2")], 1);
        let seen = |interest: Interest| {
            event.for_interest(&interest).map(|e| e.interested_keys().to_vec())
        };
        assert_eq!(seen(Interest::everything()), Some(vec![]));
        assert_eq!(seen(Interest::default().key("b")), Some(vec!["b".into()]));
        assert_eq!(seen(Interest::default().prefix("db.")), Some(vec!["db.url".into()]));
        assert_eq!(seen(Interest::default().prefix("d")), Some(vec!["db.url".into()]));
        assert_eq!(seen(Interest::default().key("x").prefix("y")), None);
    }

    #[test]
    fn merged_events_keep_the_first_old_and_the_last_new_value() {
        let first = event(&[("a", "1"), ("d", "x")], &[("a", "2"), ("b", "1"), ("d", "y")], 4);
        let second = event(&[("a", "2"), ("b", "1"), ("d", "y")], &[("c", "3"), ("d", "x")], 5);
        let merged = first.merged(&second).unwrap();
        let types: Vec<_> =
            merged.changes().iter().map(|(k, c)| (k.as_str(), c.change_type)).collect();
        assert_eq!(types, [("a", ChangeType::Deleted), ("c", ChangeType::Added)]);
        assert_eq!((merged.sequence(), merged.coalesced()), (5, 1));
    }

    #[test]
    fn changes_that_cancel_out_leave_no_event() {
        let there = event(&[], &[("a", "1")], 1);
        let back = event(&[("a", "1")], &[], 2);
        assert!(there.merged(&back).is_none());
    }

    fn content() -> impl Strategy<Value = Configurations> {
        prop::collection::vec(("[a-f]", "[0-3]"), 0..6)
            .prop_map(|pairs| pairs.into_iter().collect())
    }

    proptest! {
        #[test]
        fn applying_a_difference_gives_the_new_content(old in content(), new in content()) {
            let mut applied = old.clone();
            for (key, change) in &diff(&old, &new) {
                match &change.new_value {
                    Some(value) => { applied.insert(key.clone(), value.to_string()); }
                    None => { applied.shift_remove(key); }
                }
            }
            prop_assert_eq!(applied.len(), new.len());
            prop_assert!(new.iter().all(|(key, value)| applied.get(key) == Some(value)));
        }

        #[test]
        fn merging_two_differences_is_the_difference_of_the_ends(a in content(), b in content(), c in content()) {
            let samples = [&a, &b, &c].map(|content| {
                let pairs: Vec<_> = content.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                Snapshot::sample("application", "k", &pairs)
            });
            let first = ChangeEvent::new(diff(&a, &b), &samples[0], samples[1].clone(), 1);
            let second = ChangeEvent::new(diff(&b, &c), &samples[1], samples[2].clone(), 2);
            let merged = first.merged(&second).map(|event| event.changes).unwrap_or_default();
            let direct = diff(&a, &c);
            prop_assert_eq!(merged.len(), direct.len());
            prop_assert!(direct.iter().all(|(key, change)| merged.get(key) == Some(change)));
        }
    }
}
