//! What belongs to one process. A forked child inherits it without the threads that keep it going, and perhaps with its locks
//! held: the child must neither use it nor drop it, but make its own.

use std::mem;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A value of the process that made it; never dropped in another.
#[derive(Debug)]
pub(crate) struct ProcessLocal<T> {
    process: u32,
    /// Taken out by dropping alone.
    value: Option<T>,
}

impl<T> ProcessLocal<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: Some(value) }
    }

    /// Whether this is the process that made it.
    pub(crate) fn belongs_to_this_process(&self) -> bool {
        self.process == std::process::id()
    }
}

/// A value that each process makes for itself at its first use, and has until it ends.
pub(crate) struct ProcessLocalCell<T> {
    value: ArcSwapOption<ProcessLocal<T>>,
}

impl<T> ProcessLocalCell<T> {
    pub(crate) const fn new() -> Self {
        Self { value: ArcSwapOption::const_empty() }
    }

    /// The value, made if need be. Two threads may make one at once, of which one is dropped.
    pub(crate) fn get<E>(
        &self,
        make: impl Fn() -> Result<T, E>,
    ) -> Result<Arc<ProcessLocal<T>>, E> {
        loop {
            let known = self.value.load_full();
            if let Some(value) = known.as_ref().filter(|value| value.belongs_to_this_process()) {
                return Ok(value.clone());
            }
            // No lock: a child may be forked at any moment.
            let made = Arc::new(ProcessLocal::new(make()?));
            self.value.compare_and_swap(&known, Some(made));
        }
    }
}

impl<T> Deref for ProcessLocal<T> {
    type Target = T;

    fn deref(&self) -> &T {
        #[expect(clippy::expect_used, reason = "the value is taken out only while it is dropped")]
        self.value.as_ref().expect("the value is there until it is dropped")
    }
}

impl<T> Drop for ProcessLocal<T> {
    fn drop(&mut self) {
        if !self.belongs_to_this_process() {
            mem::forget(self.value.take());
        }
    }
}
