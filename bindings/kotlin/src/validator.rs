//! Validators: the thread that applies a release waits until the JVM has taken the question and
//! answered.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use castalia_core::Snapshot;
use castalia_core::host::call;
use tokio::sync::{Mutex, mpsc};

use crate::content::Content;
use crate::error::Failure;

/// Why a release must not be applied; `None` if it may.
type Reason = Option<String>;

/// The questions of one validator.
#[derive(uniffi::Object)]
pub(crate) struct Questions {
    waiting: Arc<Mutex<mpsc::Receiver<Question>>>,
}

/// A release, and where to answer whether it may be applied.
#[derive(uniffi::Record)]
pub(crate) struct Question {
    content: Content,
    verdict: Arc<Verdict>,
}

impl Questions {
    /// The asking and the answering side. After the latter is dropped, no question is asked.
    pub(crate) fn new() -> (impl Fn(&Arc<Snapshot>) -> Result<(), String> + Send + Sync, Arc<Self>)
    {
        let (asked, waiting) = mpsc::channel(1);
        let ask = move |snapshot: &Arc<Snapshot>| {
            let (sender, answer) = sync_channel(1);
            let verdict = Arc::new(Verdict { sender: StdMutex::new(Some(sender)) });
            let question = Question { content: Content::of_values(snapshot), verdict };
            if asked.blocking_send(question).is_err() {
                return Ok(());
            }
            let cut_off = |_| Some("the validator did not answer".to_owned());
            answer.recv().unwrap_or_else(cut_off).map_or(Ok(()), Err)
        };
        (ask, Arc::new(Self { waiting: Arc::new(Mutex::new(waiting)) }))
    }
}

#[uniffi::export]
impl Questions {
    /// The next question; `None` at the end.
    async fn next(&self) -> Result<Option<Question>, Failure> {
        let waiting = self.waiting.clone();
        Ok(call::run(async move { Ok(waiting.lock().await.recv().await) }).await?)
    }
}

/// Receives one answer. Dropping it without one rejects the release.
#[derive(uniffi::Object)]
pub(crate) struct Verdict {
    sender: StdMutex<Option<SyncSender<Reason>>>,
}

#[uniffi::export]
impl Verdict {
    fn answer(&self, reason: Reason) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Fails if the client was closed meanwhile.
        let _ = sender.map(|sender| sender.send(reason));
    }
}
