//! Detects forked children. The client restarts itself with the first call other than a read; this
//! tells reads when they must do it, without a system call for each of them.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// Number of forks between this process and the one that loaded the library.
static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();

/// Remembers the process in which an object was last used.
#[derive(Debug)]
pub(crate) struct Seen(AtomicU32);

impl Seen {
    pub(crate) fn now() -> Self {
        WATCH.call_once(watch);
        Self(AtomicU32::new(GENERATION.load(Ordering::Relaxed)))
    }

    /// Whether this is the first use in a forked child.
    pub(crate) fn is_first_in_child(&self) -> bool {
        let now = GENERATION.load(Ordering::Relaxed);
        self.0.load(Ordering::Relaxed) != now && self.0.swap(now, Ordering::Relaxed) != now
    }
}

#[cfg(unix)]
fn watch() {
    type Handler = Option<extern "C" fn()>;
    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> i32;
    }
    extern "C" fn child() {
        // Nothing else is safe here: other threads may have held any lock.
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler touches one atomic number, and the library is never unloaded.
    let registered = unsafe { pthread_atfork(None, None, Some(child)) };
    if registered != 0 {
        tracing::warn!(
            "cannot detect forks; a forked child that only reads keeps the values of its parent"
        );
    }
}

#[cfg(not(unix))]
fn watch() {}
