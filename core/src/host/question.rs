//! A validator that runs on a thread of the host: the release is passed there as a question, and
//! the thread that applies it waits for the answer.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::sync::mpsc::error::SendError;

use crate::host::stream::Queue;
use crate::snapshot::Snapshot;

/// What a validator says: why a release must not be applied; see [`crate::Client::validate`].
pub type Verdict = Result<(), String>;

/// A release that waits for a verdict.
pub struct Question {
    /// The release.
    pub snapshot: Arc<Snapshot>,
    verdict: SyncSender<Verdict>,
}

impl Question {
    /// Accepts the release, or rejects it; see [`verdict`]. Only the first answer takes effect.
    pub fn answer(&self, reason: Option<String>) {
        // Fails after the first answer.
        let _ = self.verdict.try_send(verdict(reason));
    }
}

/// Accepts a release, or rejects it with a reason, which is not empty: programs often join the
/// problems that they found.
///
/// # Errors
/// The reason.
pub fn verdict(reason: Option<String>) -> Verdict {
    reason.filter(|reason| !reason.is_empty()).map_or(Ok(()), Err)
}

/// Passes a release to the host and waits for its verdict, which is `unanswered` if the host drops
/// the question.
///
/// ```
/// use std::thread;
/// use castalia_core::InMemory;
/// use castalia_core::host::question::{Question, ask};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let host = |question: Question| drop(thread::spawn(move || question.answer(Some("no".into()))));
/// let memory = InMemory::new()?;
/// memory.client().validate("application", move |release| ask(release, Ok(()), host))?;
/// let config = memory.client().config("application").await?;
/// assert!(memory.set("application", "a", "1").await.is_err());
/// assert!(config.get("a").is_none());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The reason of the host, or that of `unanswered`.
pub fn ask(release: &Arc<Snapshot>, unanswered: Verdict, pass: impl FnOnce(Question)) -> Verdict {
    let (verdict, answer) = sync_channel(1);
    pass(Question { snapshot: release.clone(), verdict });
    answer.recv().unwrap_or(unanswered)
}

/// A validator, and its questions for a host that takes them one at a time. After these are dropped,
/// every release is accepted; a question that is dropped without an answer rejects its release.
pub fn queue() -> (impl Fn(&Arc<Snapshot>) -> Verdict + Send + Sync + 'static, Queue<Question>) {
    let (asked, questions) = Queue::new(1);
    let pass = move |question: Question| {
        if let Err(SendError(question)) = asked.blocking_send(question) {
            question.answer(None);
        }
    };
    let unanswered = || Err("the validator did not answer".to_owned());
    (move |release: &Arc<Snapshot>| ask(release, unanswered(), &pass), questions)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crate::blocking;

    use super::*;

    #[test]
    fn an_empty_reason_accepts() {
        let release = Snapshot::sample("application", "1", &[("n", "1")]);
        for (reason, verdict) in [
            (None, Ok(())),
            (Some(String::new()), Ok(())),
            (Some("no".to_owned()), Err("no".to_owned())),
        ] {
            assert_eq!(ask(&release, Ok(()), |question| question.answer(reason)), verdict);
        }
    }

    #[test]
    fn a_queued_question_waits_until_it_is_answered_or_dropped() {
        let release = Snapshot::sample("application", "1", &[("n", "1")]);
        let (validate, questions) = queue();
        let asking = thread::spawn({
            let release = release.clone();
            move || ([validate(&release), validate(&release)], validate)
        });
        let take = || blocking::runtime().unwrap().block_on(questions.next()).unwrap().unwrap();
        take().answer(Some("no".to_owned()));
        drop(take());
        let ([rejected, unanswered], validate) = asking.join().unwrap();
        assert_eq!(rejected, Err("no".to_owned()));
        assert!(unanswered.is_err());
        drop(questions);
        assert_eq!(validate(&release), Ok(()));
    }
}
