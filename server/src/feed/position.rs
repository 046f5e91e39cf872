//! The newest release message id of each watch key, with which a poll compares its own ids.
//!
//! The ASCII case of a namespace makes no difference, as for polls that wait: a client may write a
//! namespace without a definition in another case than its messages, and only the database knows
//! whether both are the same. If they are not, the client polls once more than necessary.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use papaya::Equivalent;

use super::folded::Folded;

/// Maps a watch key to the greatest id seen for it. Reads take no lock.
#[derive(Debug, Default)]
pub struct Positions(papaya::HashMap<PositionKey, i64, ahash::RandomState>);

/// A watch key that equals those with other spellings of its namespace.
#[derive(Debug, Clone)]
pub(super) struct PositionKey(String);

/// The same, borrowed for a look-up.
struct Spelling<'a>(&'a str);

/// Whether two watch keys have one position.
fn is_same_watch_key(one: &str, other: &str) -> bool {
    let ((place, namespace), (other_place, other_namespace)) = (parts(one), parts(other));
    place == other_place && namespace.eq_ignore_ascii_case(other_namespace)
}

/// App and cluster of a watch key, and its namespace.
fn parts(watch_key: &str) -> (&str, &str) {
    watch_key.rsplit_once('+').unwrap_or((watch_key, ""))
}

impl Positions {
    /// Records a message, unless a newer one of the same key is known: ids may arrive out of order.
    pub fn advance(&self, key: &str, id: i64) {
        let positions = self.0.pin();
        positions.update_or_insert(PositionKey::new(key), |known| (*known).max(id), id);
    }

    /// Sets the id of a key to the database's, even if it is smaller.
    pub fn set(&self, key: &str, id: i64) {
        self.0.pin().insert(PositionKey::new(key), id);
    }

    /// Replaces all ids with those of the database after its ids went back. Returns the keys whose
    /// id changed.
    pub(super) fn replace(&self, stored: &HashMap<PositionKey, i64>) -> Vec<String> {
        let positions = self.0.pin();
        let is_stale = |(key, _): &(&PositionKey, &i64)| !stored.contains_key(*key);
        let stale: Vec<_> = positions.iter().filter(is_stale).map(|(key, _)| key.clone()).collect();
        let is_other = |(key, id): &(&PositionKey, &i64)| positions.get(*key) != Some(*id);
        let other: Vec<_> = stored.iter().filter(is_other).collect();
        for key in &stale {
            positions.remove(key);
        }
        for (key, id) in &other {
            positions.insert((*key).clone(), **id);
        }
        let moved = stale.iter().chain(other.into_iter().map(|(key, _)| key));
        moved.map(|key| key.0.clone()).collect()
    }

    /// The newest id of a key.
    #[must_use]
    pub fn of(&self, key: &str) -> Option<i64> {
        self.0.pin().get(&Spelling(key)).copied()
    }

    /// The namespace of a key as a message spells it.
    pub(super) fn namespace(&self, key: &str) -> Option<String> {
        let positions = self.0.pin();
        positions.get_key_value(&Spelling(key)).map(|(key, _)| parts(&key.0).1.to_owned())
    }
}

impl PositionKey {
    pub(super) fn new(watch_key: &str) -> Self {
        Self(watch_key.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Hash for Spelling<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (place, namespace) = parts(self.0);
        place.hash(state);
        Folded([namespace]).hash(state);
    }
}

impl Hash for PositionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Spelling(&self.0).hash(state);
    }
}

impl PartialEq for PositionKey {
    fn eq(&self, other: &Self) -> bool {
        is_same_watch_key(&self.0, &other.0)
    }
}

impl Eq for PositionKey {}

impl Equivalent<PositionKey> for Spelling<'_> {
    fn equivalent(&self, key: &PositionKey) -> bool {
        is_same_watch_key(self.0, &key.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_back_only_where_the_database_did() {
        let positions = Positions::default();
        assert_eq!(positions.of("a"), None);
        positions.advance("a", 5);
        positions.advance("a", 3);
        assert_eq!(positions.of("a"), Some(5));
        positions.advance("b", 7);
        positions.advance("same", 2);
        let stored =
            HashMap::from([("a", 3), ("same", 2)].map(|(key, id)| (PositionKey::new(key), id)));
        let mut moved = positions.replace(&stored);
        moved.sort();
        assert_eq!(moved, ["a", "b"]);
        assert_eq!((positions.of("a"), positions.of("b")), (Some(3), None));
    }

    #[test]
    fn another_case_of_a_namespace_has_the_same_position() {
        let positions = Positions::default();
        positions.advance("demo+default+Foo", 5);
        positions.advance("demo+default+foo", 4);
        assert_eq!(positions.of("demo+default+FOO"), Some(5));
        for other in ["Demo+default+Foo", "demo+Default+Foo", "demo+default+F\u{f6}o", "foo"] {
            assert_eq!(positions.of(other), None, "{other}");
        }
        let spellings = [("demo+default+Foo", 5), ("demo+default+foo", 7)];
        let stored = spellings.map(|(key, id)| (PositionKey::new(key), id)).into_iter().collect();
        assert_eq!(positions.replace(&stored).len(), 1);
        assert_eq!(positions.of("demo+default+Foo"), Some(7), "the id of the newest message");
    }
}
