//! Validators: the thread that applies a release waits until the JVM has taken the release and
//! answered.

use std::sync::{Mutex, MutexGuard, PoisonError};

use castalia_core::host::call;
use castalia_core::host::open::View;
use castalia_core::host::stream::Queue;
use castalia_core::host::validate::PendingRelease;

use crate::content::Content;
use crate::error::Result;

/// The releases of one validator, one at a time. After this is dropped, every release is rejected.
#[derive(uniffi::Object)]
pub(crate) struct PendingReleases {
    queue: Queue<PendingRelease>,
    /// The current release, unless it has a verdict. Kept here, because an object of its own would
    /// be lost, and its load would wait forever, if the JVM failed to take it over.
    current: Mutex<Option<PendingRelease>>,
}

impl PendingReleases {
    pub(crate) fn new(queue: Queue<PendingRelease>) -> Self {
        Self { queue, current: Mutex::default() }
    }

    fn current(&self) -> MutexGuard<'_, Option<PendingRelease>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[uniffi::export]
impl PendingReleases {
    /// Waits for the next release; false at the end. A release that has no verdict yet is rejected.
    async fn next(&self) -> Result<bool> {
        self.current().take();
        let next = call::run(self.queue.next()).await?;
        let is_open = next.is_some();
        *self.current() = next;
        Ok(is_open)
    }

    /// The content of the current release; `None` if it has a verdict.
    fn content(&self) -> Option<Content> {
        let snapshot = self.current().as_ref().map(|release| release.snapshot.clone())?;
        Some(Content::of(&snapshot, View::Values))
    }

    /// Accepts the current release, or rejects it with a reason.
    fn answer(&self, reason: Option<String>) {
        if let Some(release) = self.current().take() {
            release.answer(reason);
        }
    }
}
