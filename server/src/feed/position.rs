//! The newest release message id of each watch key: what a poll compares its own ids with.

/// Watch key to the greatest id that was seen for it. Reads take no lock.
#[derive(Debug, Default)]
pub struct Positions(papaya::HashMap<String, i64, ahash::RandomState>);

impl Positions {
    /// Takes over a message unless a newer one of the same key is known: ids arrive out of order at times.
    pub fn advance(&self, key: &str, id: i64) {
        let positions = self.0.pin();
        positions.update_or_insert(key.to_owned(), |known| (*known).max(id), id);
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
    fn positions_never_go_back() {
        let positions = Positions::default();
        assert_eq!(positions.of("a"), None);
        positions.advance("a", 5);
        positions.advance("a", 3);
        assert_eq!(positions.of("a"), Some(5));
    }
}
