//! Reports forked children to the client, whose reads then restart it.

use std::sync::Once;

use castalia_core::host::fork::Seen;

static WATCH: Once = Once::new();

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
        castalia_core::host::fork::forked();
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
