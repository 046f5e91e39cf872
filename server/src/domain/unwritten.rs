//! The digests of a batch of records that is being written. Records are offered again only if their
//! digests are forgotten; what is recorded is not known here.

use quick_cache::sync::Cache;

/// A batch until it is written. If that fails or panics, its records are offered again with the
/// next requests.
pub(super) struct Unwritten<'a, V: Clone> {
    remembered: &'a Cache<u64, V>,
    digests: Vec<u64>,
}

impl<'a, V: Clone> Unwritten<'a, V> {
    pub(super) fn of(
        remembered: &'a Cache<u64, V>,
        digests: impl IntoIterator<Item = u64>,
    ) -> Self {
        Self { remembered, digests: digests.into_iter().collect() }
    }

    pub(super) fn done(mut self) {
        self.digests.clear();
    }
}

impl<V: Clone> Drop for Unwritten<'_, V> {
    fn drop(&mut self) {
        for digest in &self.digests {
            self.remembered.remove(digest);
        }
    }
}
