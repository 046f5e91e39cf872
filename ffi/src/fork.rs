//! Reports forked children to the client, whose reads then restart it, and restarts those that
//! listen.

use std::sync::Once;

use castalia_core::host::fork::{self, Seen};

use crate::boundary::guard_or;

static WATCH: Once = Once::new();

/// Restarts the clients that have listeners, in a forked child; costs nothing if they run. All
/// other calls restart the client that they are made for. For children that only wait for a
/// listener.
///
/// A listener that was running at the fork is not called in the child, because what it was changing
/// is half changed there: register another one. A follower is called there for the newest snapshot;
/// its call of the parent never ends in the child, and a lock that it held is never released. The
/// user data of both is not released there.
///
/// If a listener, follower or validator forked the child, calls that wait fail on the thread that
/// continues there, with `CASTALIA_INVALID_ARGUMENT` as in the parent. Other threads of the child may
/// wait, and may call the function before that call returns.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_resume_after_fork() {
    guard_or((), fork::resume_listeners);
}

/// The current process, whose forks are watched from now on.
pub(crate) fn seen_now() -> Seen {
    WATCH.call_once(watch);
    Seen::now()
}

#[cfg(unix)]
fn watch() {
    type Handler = Option<extern "C" fn()>;
    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> i32;
    }
    extern "C" fn child() {
        // Nothing else is safe here: other threads may have held any lock.
        fork::forked();
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
