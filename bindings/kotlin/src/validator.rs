//! Validators: the thread that applies a release waits until the JVM has taken the question and
//! answered.

use std::sync::Arc;

use castalia_core::Snapshot;
use castalia_core::host::call;
use castalia_core::host::open::View;
use castalia_core::host::question::{self, Verdict};
use tokio::sync::{Mutex, mpsc};

use crate::content::Content;
use crate::error::Failure;

/// The questions of one validator.
#[derive(uniffi::Object)]
pub(crate) struct Questions {
    waiting: Arc<Mutex<mpsc::Receiver<question::Question>>>,
}

impl Questions {
    /// The asking and the answering side. After the latter is dropped, every release is accepted.
    pub(crate) fn new() -> (impl Fn(&Arc<Snapshot>) -> Verdict + Send + Sync, Arc<Self>) {
        let (asked, waiting) = mpsc::channel(1);
        let pass = move |question: question::Question| {
            if let Err(mpsc::error::SendError(question)) = asked.blocking_send(question) {
                question.answer(None);
            }
        };
        let unanswered = || Err("the validator did not answer".to_owned());
        let ask = move |release: &_| question::ask(release, unanswered(), &pass);
        (ask, Arc::new(Self { waiting: Arc::new(Mutex::new(waiting)) }))
    }
}

#[uniffi::export]
impl Questions {
    /// The next question; `None` at the end.
    async fn next(&self) -> Result<Option<Arc<Question>>, Failure> {
        let waiting = self.waiting.clone();
        let question = call::run(async move { Ok(waiting.lock().await.recv().await) }).await?;
        Ok(question.map(|question| Arc::new(Question { question })))
    }
}

/// A release that waits for a verdict. Dropping it without one rejects the release.
#[derive(uniffi::Object)]
pub(crate) struct Question {
    question: question::Question,
}

#[uniffi::export]
impl Question {
    fn content(&self) -> Content {
        Content::of(&self.question.snapshot, View::Values)
    }

    /// Accepts the release, or rejects it with a reason.
    fn answer(&self, reason: Option<String>) {
        self.question.answer(reason);
    }
}
