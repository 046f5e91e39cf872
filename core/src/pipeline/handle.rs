//! Who holds an open namespace: it is kept fresh until its last holder gives it up on purpose. Without a lock, since a child may
//! be forked at any moment.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::namespace::Namespace;

/// Nobody can hold the namespace any more.
const CLOSED: usize = 1;
/// A holder has given it up: the last one that goes closes it.
const CLOSE_REQUESTED: usize = 2;
/// One holder.
const HANDLE: usize = 4;

/// Counts the holders of a namespace.
#[derive(Debug, Default)]
pub(super) struct HandleCount {
    state: AtomicUsize,
}

impl HandleCount {
    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// One more; false when the namespace is closed. Who opens a namespace wants it, whoever gave it up before.
    fn try_acquire(&self) -> bool {
        let acquired = |state| (state & CLOSED == 0).then_some((state & !CLOSE_REQUESTED) + HANDLE);
        self.update(acquired).is_some()
    }

    /// One more beside one that is there.
    fn acquire(&self) {
        self.state.fetch_add(HANDLE, Ordering::SeqCst);
    }

    fn request_close(&self) {
        self.state.fetch_or(CLOSE_REQUESTED, Ordering::SeqCst);
    }

    /// One less; true when that closes the namespace.
    fn release(&self) -> bool {
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

/// A namespace that is held.
pub(crate) struct NamespaceHandle(Arc<Namespace>);

impl NamespaceHandle {
    /// Holds a namespace that was just made.
    pub(crate) fn first(namespace: &Arc<Namespace>) -> Self {
        namespace.handle_count().acquire();
        Self(namespace.clone())
    }

    /// Holds a namespace; `None` when it is closed.
    pub(crate) fn acquire(namespace: &Arc<Namespace>) -> Option<Self> {
        namespace.handle_count().try_acquire().then(|| Self(namespace.clone()))
    }

    /// Closes the namespace when this holder and all others are gone.
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
