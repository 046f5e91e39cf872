//! Validators: the thread that applies a release waits until the JVM has taken the question and
//! answered.

use std::sync::Arc;

use castalia_core::host::open::View;
use castalia_core::host::stream::Queue;
use castalia_core::host::{call, question};

use crate::content::Content;
use crate::error::Result;

/// The questions of one validator. After this is dropped, every release is accepted.
#[derive(uniffi::Object)]
pub(crate) struct Questions(pub(crate) Queue<question::Question>);

#[uniffi::export]
impl Questions {
    /// The next question; `None` at the end.
    async fn next(&self) -> Result<Option<Arc<Question>>> {
        Ok(call::run(self.0.next()).await?.map(|question| Arc::new(Question(question))))
    }
}

/// A release that waits for a verdict. Dropping it without one rejects the release.
#[derive(uniffi::Object)]
pub(crate) struct Question(question::Question);

#[uniffi::export]
impl Question {
    fn content(&self) -> Content {
        Content::of(&self.0.snapshot, View::Values)
    }

    /// Accepts the release, or rejects it with a reason.
    fn answer(&self, reason: Option<String>) {
        self.0.answer(reason);
    }
}
