//! What tests change in memory: wrong values, as after a fault of the memory, and the comparison of
//! names.

use std::sync::Arc;

use super::{NamespaceRef, Published, Release, ReleaseCache};

impl ReleaseCache {
    /// Replaces the content of a namespace that was requested before.
    pub(in crate::feed) fn damage(&self, place: NamespaceRef<'_>, wrong: Published) {
        let slot = self.known_slot(place).unwrap();
        slot.current.store(Some(Arc::new(wrong)));
    }

    /// Replaces a former release.
    pub(in crate::feed) fn damage_former(&self, wrong: Release) {
        self.former.insert(wrong.release_key.clone(), Some(Arc::new(wrong)));
    }

    /// As on MySQL.
    pub(in crate::feed) fn fold_namespaces(&mut self) {
        self.folding.namespaces = true;
    }
}
