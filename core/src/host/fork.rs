//! Detects forked children without a system call for each read. Calls other than reads detect them
//! by themselves; see `ProcessLocal`.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::tasks::Tasks;

/// Number of forks between this process and the one that loaded the library.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Must be called in each forked child, in which it is safe at any moment.
pub fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Restarts the clients that had a listener, in a forked child that may only wait for it; all
/// others restart with their next call, which may be a read.
pub fn resume_listeners() {
    Tasks::resume_listening();
}

/// Number of forks between this process and the one that loaded the library.
#[inline]
pub fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Remembers the process in which an object was last used.
#[derive(Debug)]
pub struct Seen(AtomicU32);

impl Seen {
    /// Used in this process.
    #[must_use]
    pub fn now() -> Self {
        Self(AtomicU32::new(forks()))
    }

    /// Used in the process that loaded the library.
    #[must_use]
    pub const fn at_load() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether this is the first use in a forked child.
    #[inline]
    pub fn is_first_in_child(&self) -> bool {
        let now = forks();
        self.0.load(Ordering::Relaxed) != now && self.0.swap(now, Ordering::Relaxed) != now
    }
}
