//! The current snapshot of a namespace: replaced as a whole, read without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

use super::Snapshot;

/// Holds the newest snapshot of a namespace.
pub(crate) struct CurrentSnapshot {
    snapshot: ArcSwap<Snapshot>,
    /// Number of replacements. Incremented after the snapshot is stored, so a reader that sees a
    /// new version also sees its snapshot.
    version: AtomicU64,
}

impl CurrentSnapshot {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot: ArcSwap::from_pointee(snapshot), version: AtomicU64::new(0) }
    }

    /// The snapshot, borrowed for a short time.
    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Snapshot>> {
        // A guard costs no reference count, but a thread has only a few of them: keep an `Arc`
        // instead of a guard.
        self.snapshot.load()
    }

    /// The snapshot, to keep.
    pub(crate) fn load_full(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Stores a new snapshot and returns the previous one.
    pub(crate) fn replace(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let old = self.snapshot.swap(snapshot);
        // Release pairs with the Acquire of `version`: it publishes the store above.
        self.version.fetch_add(1, Ordering::Release);
        old
    }

    /// The current version. A snapshot that is loaded after this call is at least as new.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}
