//! Counts the handles of an open namespace, which stays open until the last handle is dropped after
//! a close was requested. Without a lock, since the process may fork at any moment.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::namespace::Namespace;

// All state is in one atomic word, so that a handle can never be acquired between the last release
// and the close: two flag bits, and the count in the bits above them.

/// The namespace is closed for good.
const CLOSED: usize = 1;
/// A handle was closed: the release of the last handle closes the namespace.
const CLOSE_REQUESTED: usize = 2;
/// One handle, in the count above the two flags.
const HANDLE: usize = 4;

/// Counts the handles of a namespace.
#[derive(Debug, Default)]
pub(super) struct HandleCount {
    state: AtomicUsize,
}

impl HandleCount {
    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Adds a handle; false if the namespace is closed. Opening a namespace again cancels an
    /// earlier close request.
    fn try_acquire(&self) -> bool {
        let acquired = |state| (state & CLOSED == 0).then_some((state & !CLOSE_REQUESTED) + HANDLE);
        self.update(acquired).is_some()
    }

    /// Adds a handle beside an existing one, which keeps the namespace open.
    fn acquire(&self) {
        self.state.fetch_add(HANDLE, Ordering::SeqCst);
    }

    fn request_close(&self) {
        self.state.fetch_or(CLOSE_REQUESTED, Ordering::SeqCst);
    }

    /// Removes a handle; true if this closes the namespace.
    fn release(&self) -> bool {
        // Merely dropping handles closes nothing: programs open a namespace, read it and drop the
        // handle, and expect the next open to be free.
        let released = |state| match state - HANDLE {
            CLOSE_REQUESTED => Some(CLOSED),
            state => Some(state),
        };
        self.update(released) == Some(CLOSED)
    }

    fn update(&self, change: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        let before = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, &change);
        before.ok().and_then(change)
    }
}

/// Keeps a namespace open; dereferences to it.
pub(crate) struct NamespaceHandle(Arc<Namespace>);

impl NamespaceHandle {
    /// The first handle of a new namespace.
    pub(crate) fn first(namespace: &Arc<Namespace>) -> Self {
        namespace.handle_count().acquire();
        Self(namespace.clone())
    }

    /// A further handle; `None` if the namespace is closed.
    pub(crate) fn acquire(namespace: &Arc<Namespace>) -> Option<Self> {
        namespace.handle_count().try_acquire().then(|| Self(namespace.clone()))
    }

    /// Closes the namespace once all handles are dropped.
    pub(crate) fn request_close(self) {
        self.0.handle_count().request_close();
    }
}

impl Clone for NamespaceHandle {
    fn clone(&self) -> Self {
        self.0.handle_count().acquire();
        Self(self.0.clone())
    }
}

impl Drop for NamespaceHandle {
    fn drop(&mut self) {
        if self.0.handle_count().release() {
            self.0.cancel_runtime();
        }
    }
}

impl Deref for NamespaceHandle {
    type Target = Arc<Namespace>;

    #[inline]
    fn deref(&self) -> &Arc<Namespace> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_holder_closes_what_was_given_up() {
        let handles = HandleCount::default();
        assert!(handles.try_acquire());
        handles.acquire();
        assert!(!handles.release());
        handles.request_close();
        assert!(handles.release() && handles.is_closed());
        assert!(!handles.try_acquire(), "it is never opened again");
    }

    #[test]
    fn what_nobody_gave_up_stays_open() {
        let handles = HandleCount::default();
        assert!(handles.try_acquire());
        assert!(!handles.release() && !handles.is_closed());
        assert!(handles.try_acquire());
    }

    #[test]
    fn opening_again_takes_the_giving_up_back() {
        let handles = HandleCount::default();
        assert!(handles.try_acquire());
        handles.request_close();
        assert!(handles.try_acquire());
        assert!(!handles.release() && !handles.release());
        assert!(!handles.is_closed());
    }
}
