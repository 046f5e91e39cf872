//! Validators: the thread that applies a release waits until the JVM has taken the release and
//! answered.

use castalia_core::host::open::View;
use castalia_core::host::{call, validate};

use crate::content::Content;
use crate::error::Result;

/// The releases of one validator, one at a time. After this is dropped, every release is rejected.
#[derive(uniffi::Object)]
pub(crate) struct PendingReleases(pub(crate) validate::PendingReleases);

#[uniffi::export]
impl PendingReleases {
    /// Waits for the next release; false at the end. A release that has no verdict yet is rejected.
    async fn next(&self) -> Result<bool> {
        Ok(call::run(self.0.next()).await?)
    }

    /// The content of the current release; `None` if it has a verdict.
    fn content(&self) -> Option<Content> {
        self.0.current().map(|snapshot| Content::of(&snapshot, View::Values))
    }

    /// Accepts the current release, or rejects it with a reason.
    fn answer(&self, reason: Option<String>) {
        self.0.answer(reason);
    }
}
