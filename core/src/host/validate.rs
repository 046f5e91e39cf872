//! A validator that runs on a thread of the host: the release is passed there, and the thread that
//! applies it waits for the verdict.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::host::stream::Queue;
use crate::snapshot::Snapshot;

/// What a validator says: why a release must not be applied; see [`crate::Client::validate`].
pub type Verdict = std::result::Result<(), String>;

/// A release that waits for a verdict.
pub struct PendingRelease {
    /// The release.
    pub snapshot: Arc<Snapshot>,
    verdict: SyncSender<Verdict>,
}

impl PendingRelease {
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

/// Passes a release to the host and waits for its verdict. A release that the host drops without an
/// answer, as one that is ending does, is rejected: what nobody can judge must not be applied.
///
/// ```
/// use std::thread;
/// use castalia_core::InMemory;
/// use castalia_core::host::validate::{PendingRelease, ask};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let host = |pending: PendingRelease| {
///     drop(thread::spawn(move || pending.answer(Some("no".into()))));
/// };
/// let memory = InMemory::new()?;
/// memory.client().validate("application", move |release| ask(release, host))?;
/// let config = memory.client().config("application").await?;
/// assert!(memory.set("application", "a", "1").await.is_err());
/// assert!(config.get("a").is_none());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The reason of the host, or that it did not answer.
pub fn ask(release: &Arc<Snapshot>, pass: impl FnOnce(PendingRelease)) -> Verdict {
    let (verdict, answer) = sync_channel(1);
    pass(PendingRelease { snapshot: release.clone(), verdict });
    answer.recv().unwrap_or_else(|_| unanswered())
}

/// The verdict on a release that the host did not judge.
///
/// # Errors
/// Always: it is rejected.
pub fn unanswered() -> Verdict {
    Err("the validator did not answer".to_owned())
}

/// A validator, and its pending releases.
pub(super) fn queue()
-> (impl Fn(&Arc<Snapshot>) -> Verdict + Send + Sync + 'static, PendingReleases) {
    let (sender, queue) = Queue::new(1);
    // A release that cannot be sent is dropped.
    let pass = move |pending: PendingRelease| drop(sender.blocking_send(pending));
    let releases = PendingReleases { queue, current: Arc::default() };
    (move |release: &Arc<Snapshot>| ask(release, &pass), releases)
}

/// The pending releases of one validator, for a host that takes them one at a time. After this is
/// dropped, every release is rejected.
pub struct PendingReleases {
    queue: Queue<PendingRelease>,
    /// The current release, unless it has a verdict. Kept here, because an object of its own would
    /// be lost, and its load would wait forever, if the host failed to take it over.
    current: Arc<Mutex<Option<PendingRelease>>>,
}

impl PendingReleases {
    /// Waits for the next release; false at the end. A release that has no verdict yet is rejected.
    ///
    /// # Errors
    /// None; a result, so that it is run as other calls are.
    pub fn next(&self) -> impl Future<Output = Result<bool>> + Send + 'static {
        self.take();
        let (next, current) = (self.queue.next(), self.current.clone());
        async move {
            let next = next.await?;
            let is_open = next.is_some();
            *lock(&current) = next;
            Ok(is_open)
        }
    }

    /// The current release; `None` if it has a verdict.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        lock(&self.current).as_ref().map(|release| release.snapshot.clone())
    }

    /// Accepts the current release, or rejects it; see [`PendingRelease::answer`].
    pub fn answer(&self, reason: Option<String>) {
        if let Some(release) = self.take() {
            release.answer(reason);
        }
    }

    fn take(&self) -> Option<PendingRelease> {
        lock(&self.current).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            assert_eq!(ask(&release, |pending| pending.answer(reason)), verdict);
        }
        assert!(ask(&release, drop).is_err(), "a host that is ending judges nothing");
    }

    #[test]
    fn a_queued_release_waits_until_it_is_answered_or_the_next_one_is_taken() {
        let release = Snapshot::sample("application", "1", &[("n", "1")]);
        let (validate, pending) = queue();
        let asking = thread::spawn({
            let release = release.clone();
            move || ([validate(&release), validate(&release)], validate)
        });
        let has_next = || blocking::runtime().unwrap().block_on(pending.next()).unwrap();
        assert!(has_next() && pending.current().is_some());
        pending.answer(Some("no".to_owned()));
        assert!(pending.current().is_none() && has_next());
        // Whoever waits for another one rejects this one.
        drop(pending.next());
        let ([rejected, unanswered], validate) = asking.join().unwrap();
        assert_eq!(rejected, Err("no".to_owned()));
        assert!(unanswered.is_err());
        drop(pending);
        assert!(validate(&release).is_err(), "nobody can judge it");
    }
}
