//! Who holds an open namespace: it is kept fresh until its last holder gives it up on purpose. Without a lock, since a child may
//! be forked at any moment.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::namespace::Namespace;

/// Nobody can hold the namespace any more.
const CLOSED: usize = 1;
/// A holder has given it up: the last one that goes closes it.
const GIVEN_UP: usize = 2;
/// One holder.
const HOLDER: usize = 4;

/// Counts the holders of a namespace.
#[derive(Debug, Default)]
pub(super) struct Holders {
    state: AtomicUsize,
}

impl Holders {
    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// One more; false when the namespace is closed. Who opens a namespace wants it, whoever gave it up before.
    fn join(&self) -> bool {
        let joined = |state| (state & CLOSED == 0).then_some((state & !GIVEN_UP) + HOLDER);
        self.update(joined).is_some()
    }

    /// One more beside one that is there.
    fn share(&self) {
        self.state.fetch_add(HOLDER, Ordering::SeqCst);
    }

    fn give_up(&self) {
        self.state.fetch_or(GIVEN_UP, Ordering::SeqCst);
    }

    /// One less; true when that closes the namespace.
    fn leave(&self) -> bool {
        let left = |state| match state - HOLDER {
            GIVEN_UP => Some(CLOSED),
            state => Some(state),
        };
        self.update(left) == Some(CLOSED)
    }

    fn update(&self, change: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        let before = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, &change);
        before.ok().and_then(change)
    }
}

/// A namespace that is held.
pub(crate) struct Held(Arc<Namespace>);

impl Held {
    /// Holds a namespace that was just made.
    pub(crate) fn first(namespace: &Arc<Namespace>) -> Self {
        namespace.holders().share();
        Self(namespace.clone())
    }

    /// Holds a namespace; `None` when it is closed.
    pub(crate) fn new(namespace: &Arc<Namespace>) -> Option<Self> {
        namespace.holders().join().then(|| Self(namespace.clone()))
    }

    /// Closes the namespace when this holder and all others are gone.
    pub(crate) fn give_up(self) {
        self.0.holders().give_up();
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        self.0.holders().share();
        Self(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.holders().leave() {
            self.0.release();
        }
    }
}

impl Deref for Held {
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
        let holders = Holders::default();
        assert!(holders.join());
        holders.share();
        assert!(!holders.leave());
        holders.give_up();
        assert!(holders.leave() && holders.is_closed());
        assert!(!holders.join(), "it is never opened again");
    }

    #[test]
    fn what_nobody_gave_up_stays_open() {
        let holders = Holders::default();
        assert!(holders.join());
        assert!(!holders.leave() && !holders.is_closed());
        assert!(holders.join());
    }

    #[test]
    fn opening_again_takes_the_giving_up_back() {
        let holders = Holders::default();
        assert!(holders.join());
        holders.give_up();
        assert!(holders.join());
        assert!(!holders.leave() && !holders.leave());
        assert!(!holders.is_closed());
    }
}
