//! The difference between two snapshots as one event, the merging of events, and the interest of a
//! listener in some keys only.

mod interest;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::protocol::namespace::CONTENT_KEY;
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::wire::Configurations;
use crate::snapshot::{Snapshot, Source};

pub use interest::Interest;

/// What happened to a key.
///
/// ```
/// use castalia_core::ChangeType;
///
/// assert_eq!(ChangeType::Modified.name(), "MODIFIED");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeType {
    /// The key had no value before.
    Added,
    /// The value is different.
    Modified,
    /// The key has no value any more.
    Deleted,
}

impl ChangeType {
    /// Stable name, the same as in the Java client: `ADDED`, `MODIFIED` or `DELETED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ChangeType::Added => "ADDED",
            ChangeType::Modified => "MODIFIED",
            ChangeType::Deleted => "DELETED",
        }
    }
}

/// The change of one key in a [`ChangeEvent`].
///
/// ```
/// use castalia_core::{ChangeType, InMemory};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "color", "red").await?;
/// let config = memory.client().config("application").await?;
/// let mut changes = config.changes();
/// memory.set("application", "color", "blue").await?;
///
/// let event = changes.next().await.expect("the client is open");
/// let change = event.change("color").expect("the key changed");
/// assert_eq!(change.old_value.as_deref(), Some("red"));
/// assert_eq!(change.new_value.as_deref(), Some("blue"));
/// assert_eq!(change.change_type, ChangeType::Modified);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Value before; `None` if the key was added.
    pub old_value: Option<Arc<str>>,
    /// Value after; `None` if the key was deleted.
    pub new_value: Option<Arc<str>>,
    /// What happened.
    pub change_type: ChangeType,
}

impl std::fmt::Debug for Change {
    /// Prints only the type, because values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.change_type.name())
    }
}

impl Change {
    /// The change from one value to another; `None` if they are equal.
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

/// Changes by key, in the order of the new snapshot, followed by deleted keys.
pub type Changes = IndexMap<String, Change, ahash::RandomState>;

/// All changes that one release made to a namespace.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// let config = memory.client().config("application").await?;
/// let mut changes = config.changes();
/// memory.publish("application", [("host", "db1"), ("port", "3306")]).await?;
///
/// let event = changes.next().await.expect("the client is open");
/// assert_eq!(event.changes().len(), 2);
/// assert_eq!(event.snapshot().get("port"), Some("3306"));
/// assert_eq!(event.coalesced(), 0);
/// # Ok(())
/// # }
/// ```
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

    /// Every changed key, including those that the listener is not interested in.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The change of one key; `None` if it did not change.
    #[must_use]
    pub fn change(&self, key: &str) -> Option<&Change> {
        self.changes.get(key)
    }

    /// The changed keys that the listener is interested in; empty if it is interested in
    /// everything, as in the Java client.
    #[must_use]
    pub fn interested_keys(&self) -> &[String] {
        self.interested.as_deref().unwrap_or_default()
    }

    /// The changes that the listener is interested in; all of them if it is interested in
    /// everything.
    pub fn interesting_changes(&self) -> impl Iterator<Item = (&str, &Change)> {
        let all = self.interested.is_none().then_some(&self.changes);
        let asked = self.interested.iter().flatten();
        let asked = asked.filter_map(|key| self.changes.get_key_value(key));
        let changes = all.into_iter().flatten().chain(asked);
        changes.map(|(key, change)| (key.as_str(), change))
    }

    /// The values after the change. For merged events, those after the last of them.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Release key before the change; empty if those values did not come from a server.
    #[must_use]
    pub fn old_release_key(&self) -> &str {
        &self.old_release_key
    }

    /// Release key after the change; empty if the values did not come from a server.
    #[must_use]
    pub fn release_key(&self) -> &str {
        self.snapshot.release_key()
    }

    /// Origin of the new values.
    #[must_use]
    pub fn source(&self) -> Source {
        self.snapshot.source()
    }

    /// Increasing number of the change within its namespace. For merged events, the number of the
    /// last.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Like [`ChangeEvent::sequence`], but for merged events the number of the first.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// Number of later events that were merged into this one because the listener fell behind.
    #[must_use]
    pub fn coalesced(&self) -> u64 {
        self.coalesced
    }

    /// Merges two successive events: the first old and the last new value of each key. `None` if
    /// they cancel each other out.
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

    /// The event as a listener with this interest receives it; `None` if it is interested in none
    /// of the changed keys.
    pub(crate) fn for_interest(self: &Arc<Self>, interest: &Interest) -> Option<Arc<Self>> {
        if interest.is_everything() {
            return Some(self.clone());
        }
        let keys = self.changes.keys();
        let keys: Vec<_> = keys.filter(|key| interest.covers(key)).cloned().collect();
        (!keys.is_empty()).then(|| Arc::new(Self { interested: Some(keys), ..(**self).clone() }))
    }
}

/// The change of the namespace as one text, under the key `content`.
pub(crate) fn content_diff(old: &Snapshot, new: &Snapshot) -> Changes {
    let content = |snapshot: &Snapshot| snapshot.content().map(Arc::from);
    let change = Change::between(content(old), content(new));
    let change = change.map(|change| (CONTENT_KEY.to_owned(), change));
    change.into_iter().collect()
}

/// The keys whose values differ for readers. A key that was added or deleted in the release may
/// have had, or keep, a value of the overlay or the environment; it is then modified or unchanged.
pub(crate) fn visible_diff(old: &Snapshot, new: &Snapshot) -> Changes {
    let changes = diff(old.values(), new.values()).into_iter();
    let seen = changes.filter_map(|(key, change)| {
        let old_value = change.old_value.or_else(|| old.get(&key).map(Arc::from));
        let new_value = change.new_value.or_else(|| new.get(&key).map(Arc::from));
        Change::between(old_value, new_value).map(|change| (key, change))
    });
    seen.collect()
}

/// The keys whose values differ between two sets of configurations.
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
