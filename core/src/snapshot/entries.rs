//! The keys of a snapshot with their values, in order.

use super::Snapshot;

impl Snapshot {
    /// Number of keys, including those that only have a default.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values().len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values().is_empty()
    }

    /// Keys and values in the server's order, followed by keys that only have a default.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let values = self.values().iter();
        values.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Keys, in the order of [`Snapshot::iter`].
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.values().keys().map(String::as_str)
    }

    /// Key and value at an index of [`Snapshot::iter`], without a walk through those before it.
    #[must_use]
    pub fn entry(&self, index: usize) -> Option<(&str, &str)> {
        self.values().get_index(index).map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B98
    #[test]
    fn each_entry_has_its_index() {
        let snapshot = Snapshot::sample("application", "k1", &[("b", "1"), ("a", ""), ("c", "3")]);
        let entries: Vec<_> = (0..snapshot.len()).filter_map(|at| snapshot.entry(at)).collect();
        assert_eq!(entries, snapshot.iter().collect::<Vec<_>>());
        assert_eq!(entries, [("b", "1"), ("a", ""), ("c", "3")]);
        assert_eq!(snapshot.entry(3), None);
    }
}
