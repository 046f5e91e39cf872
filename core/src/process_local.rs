//! Values that belong to one process. A forked child inherits them without the threads that serve
//! them and possibly with their locks held, so it must neither use nor drop them and creates its
//! own.

use std::mem;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A value that is only used and dropped by the process that created it.
#[derive(Debug)]
pub(crate) struct ProcessLocal<T> {
    process: u32,
    /// `None` only while the value is being dropped.
    value: Option<T>,
}

impl<T> ProcessLocal<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: Some(value) }
    }

    /// Whether the current process created the value.
    pub(crate) fn belongs_to_this_process(&self) -> bool {
        self.process == std::process::id()
    }
}

/// A cell that each process initializes at its first use.
pub(crate) struct ProcessLocalCell<T> {
    value: ArcSwapOption<ProcessLocal<T>>,
}

impl<T> ProcessLocalCell<T> {
    pub(crate) const fn new() -> Self {
        Self { value: ArcSwapOption::const_empty() }
    }

    /// Returns the value, creating it if this process has none. Two threads may create one each;
    /// the second is dropped.
    pub(crate) fn get<E>(
        &self,
        make: impl Fn() -> Result<T, E>,
    ) -> Result<Arc<ProcessLocal<T>>, E> {
        loop {
            let known = self.value.load_full();
            if let Some(value) = known.as_ref().filter(|value| value.belongs_to_this_process()) {
                return Ok(value.clone());
            }
            // Compare and swap instead of a lock: a fork could leave the lock held in the child
            // forever.
            let made = Arc::new(ProcessLocal::new(make()?));
            self.value.compare_and_swap(&known, Some(made));
        }
    }

    /// Stores a value as a forked child inherits it.
    #[cfg(test)]
    pub(crate) fn inherit(&self, value: T) -> Arc<ProcessLocal<T>> {
        let inherited = Arc::new(ProcessLocal { process: 0, value: Some(value) });
        self.value.store(Some(inherited.clone()));
        inherited
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
            // Dropping would join threads that do not exist here, or take a lock that nobody
            // releases. The memory is leaked once for each fork.
            mem::forget(self.value.take());
        }
    }
}
