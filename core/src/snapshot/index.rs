//! Where the keys of a snapshot stand. Its map could tell as well, but only by code that is too large to be inlined into a read,
//! which then takes half as long again.

use std::hash::{BuildHasher as _, Hasher as _};

use ahash::RandomState;
use hashbrown::HashTable;

use crate::protocol::wire::Configurations;

/// The places of keys, by their hash.
#[derive(Clone)]
pub(super) struct KeyIndex {
    positions: HashTable<usize>,
}

impl KeyIndex {
    pub(super) fn new(values: &Configurations) -> Self {
        let hash = |key: &String| hash(values.hasher(), key.as_bytes());
        let hash_at = |position: &usize| hash(&values.keys()[*position]);
        let mut positions = HashTable::with_capacity(values.len());
        for (position, key) in values.keys().enumerate() {
            positions.insert_unique(hash(key), position, hash_at);
        }
        Self { positions }
    }

    /// The place of a key, by its bytes, among the values that this was made of. A call instead would cost reads a fifth.
    #[inline(always)]
    pub(super) fn find(&self, key: &[u8], values: &Configurations) -> Option<usize> {
        let is_here = |position: &usize| {
            values.get_index(*position).is_some_and(|(at, _)| at.as_bytes() == key)
        };
        self.positions.find(hash(values.hasher(), key), is_here).copied()
    }
}

#[inline]
fn hash(keys: &RandomState, key: &[u8]) -> u64 {
    let mut hasher = keys.build_hasher();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_where_it_stands() {
        for count in [0, 1, 7, 1000] {
            let values: Configurations =
                (0..count).map(|number| (format!("k{number}"), String::new())).collect();
            let index = KeyIndex::new(&values);
            for position in 0..count {
                assert_eq!(index.find(format!("k{position}").as_bytes(), &values), Some(position));
            }
            assert_eq!(index.find(b"k", &values), None);
        }
    }
}
