//! What belongs to one process. A forked child inherits it without the threads that keep it going, and perhaps with its locks
//! held: the child must neither use it nor drop it, but make its own.

use std::mem;
use std::ops::Deref;

/// A value of the process that made it; never dropped in another.
#[derive(Debug)]
pub(crate) struct Bound<T> {
    process: u32,
    /// Taken out by dropping alone.
    value: Option<T>,
}

impl<T> Bound<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: Some(value) }
    }

    /// The value, to end it in an ordered way.
    #[cfg(feature = "blocking")]
    pub(crate) fn into_inner(mut self) -> T {
        #[expect(clippy::expect_used, reason = "the value is taken out only here and by dropping")]
        self.value.take().expect("the value is there until it is dropped")
    }

    /// Whether this is the process that made it.
    pub(crate) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Deref for Bound<T> {
    type Target = T;

    fn deref(&self) -> &T {
        #[expect(clippy::expect_used, reason = "the value is taken out only while it is dropped")]
        self.value.as_ref().expect("the value is there until it is dropped")
    }
}

impl<T> Drop for Bound<T> {
    fn drop(&mut self) {
        if !self.is_ours() {
            mem::forget(self.value.take());
        }
    }
}
