//! The snapshot of now: replaced whole, read without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

use super::Snapshot;

/// The newest snapshot of a namespace.
pub(crate) struct CurrentSnapshot {
    snapshot: ArcSwap<Snapshot>,
    /// How often it was replaced, counted after the replacing.
    version: AtomicU64,
}

impl CurrentSnapshot {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot: ArcSwap::from_pointee(snapshot), version: AtomicU64::new(0) }
    }

    /// The snapshot, to be used at once.
    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// The snapshot, to be kept.
    pub(crate) fn load_full(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another in its place, and gives it back.
    pub(crate) fn replace(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let old = self.snapshot.swap(snapshot);
        self.version.fetch_add(1, Ordering::Release);
        old
    }

    /// What is read after this is no older than the version.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}
