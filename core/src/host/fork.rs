//! Detects forked children without a system call for each read. Calls other than reads detect them
//! by themselves; see `ProcessLocal`.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::tasks::Tasks;

/// Number of forks between this process and the one that loaded the library.
static FORKS: AtomicU32 = AtomicU32::new(0);
/// The process in which all clients that had a listener were restarted.
static RESUMED: Seen = Seen(AtomicU32::new(0));

/// Must be called in each forked child, in which it is safe at any moment.
pub fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Restarts the clients that had a listener, once in each forked child, which may only wait for it;
/// all others restart with their next call, which may be a read. If that fails, the next call tries
/// again.
pub fn resume_listeners() {
    RESUMED.run_in_child(Tasks::resume_listening);
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

    /// Runs a function in a forked child until it has succeeded there once.
    fn run_in_child(&self, function: impl FnOnce() -> bool) {
        let now = forks();
        if self.0.load(Ordering::Relaxed) != now && function() {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    /// Whether this is the first use in a forked child.
    #[inline]
    pub fn is_first_in_child(&self) -> bool {
        let now = forks();
        self.0.load(Ordering::Relaxed) != now && self.0.swap(now, Ordering::Relaxed) != now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_in_a_child_is_tried_again_until_it_succeeds() {
        // As a child finds it.
        let seen = Seen(AtomicU32::new(forks().wrapping_sub(1)));
        let mut runs = 0;
        for succeeds in [false, true, true] {
            seen.run_in_child(|| {
                runs += 1;
                succeeds
            });
        }
        assert_eq!(runs, 2);
    }
}
