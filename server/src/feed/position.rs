//! The newest release message id of each watch key, with which a poll compares its own ids.

use std::collections::HashMap;

/// Maps a watch key to the greatest id seen for it. Reads take no lock.
#[derive(Debug, Default)]
pub struct Positions(papaya::HashMap<String, i64, ahash::RandomState>);

impl Positions {
    /// Records a message, unless a newer one of the same key is known: ids may arrive out of order.
    pub fn advance(&self, key: &str, id: i64) {
        let positions = self.0.pin();
        positions.update_or_insert(key.to_owned(), |known| (*known).max(id), id);
    }

    /// Sets the id of a key to the database's, even if it is smaller.
    pub fn set(&self, key: &str, id: i64) {
        self.0.pin().insert(key.to_owned(), id);
    }

    /// Replaces all ids with those of the database after its ids went back. Returns the keys whose
    /// id changed.
    pub fn replace(&self, stored: &HashMap<String, i64>) -> Vec<String> {
        let positions = self.0.pin();
        let is_stale = |(key, _): &(&String, &i64)| !stored.contains_key(*key);
        let stale: Vec<_> = positions.iter().filter(is_stale).map(|(key, _)| key.clone()).collect();
        let is_other = |(key, id): &(&String, &i64)| positions.get(*key) != Some(*id);
        let other: Vec<_> = stored.iter().filter(is_other).collect();
        for key in &stale {
            positions.remove(key);
        }
        for (key, id) in &other {
            positions.insert((*key).clone(), **id);
        }
        stale.into_iter().chain(other.into_iter().map(|(key, _)| key.clone())).collect()
    }

    /// The newest id of a key.
    #[must_use]
    pub fn of(&self, key: &str) -> Option<i64> {
        self.0.pin().get(key).copied()
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
        let stored = HashMap::from([("a".to_owned(), 3), ("same".to_owned(), 2)]);
        let mut moved = positions.replace(&stored);
        moved.sort();
        assert_eq!(moved, ["a", "b"]);
        assert_eq!((positions.of("a"), positions.of("b")), (Some(3), None));
    }
}
