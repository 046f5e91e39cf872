//! Positions of the keys of a snapshot. The map could find them as well, but its lookup is too
//! large to be inlined, and reads through it take half as long again.

use std::hash::{BuildHasher as _, Hasher as _};

use ahash::RandomState;
use hashbrown::HashTable;

use crate::protocol::wire::Configurations;

/// Positions of keys, by the hash of the key.
#[derive(Clone)]
pub(super) struct KeyIndex {
    positions: HashTable<usize>,
}

impl KeyIndex {
    pub(super) fn new(values: &Configurations) -> Self {
        // The map's own hasher is reused: it is seeded for each process, so keys from a hostile
        // server cannot be chosen to collide.
        let hash = |key: &String| hash(values.hasher(), key.as_bytes());
        let hash_at = |position: &usize| hash(&values.keys()[*position]);
        let mut positions = HashTable::with_capacity(values.len());
        for (position, key) in values.keys().enumerate() {
            positions.insert_unique(hash(key), position, hash_at);
        }
        Self { positions }
    }

    /// Position of a key, given as bytes, in the map that this index was built from. Always
    /// inlined: a call makes reads a fifth slower.
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
