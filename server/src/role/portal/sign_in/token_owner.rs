//! Whether the directory that users sign in with still has the owner of an access token, which may
//! be valid for a year without another sign-in. The directory is asked about each owner once in
//! several minutes. While it does not answer, its last answer applies, for as long as a session
//! lasts. Does not know what a token allows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex as SyncMutex;
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::directory::Unavailable;
use crate::error::{Error, Reaction, Result};
use crate::log_rate::{LogRate, shortened};
use crate::role::portal::Portal;

/// Time for which an answer applies without another question.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// Time after a failure until the next question.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Maximum time for which an answer applies while the directory does not answer: that of a session.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Maximum number of owners whose answers are kept.
const LARGEST: usize = 10_000;

/// What the directory answered about the owners of tokens.
#[derive(Debug)]
pub(in crate::role::portal) struct TokenOwners(Cache<String, Arc<Owner>>);

#[derive(Debug, Default)]
struct Owner {
    known: SyncMutex<Known>,
    /// Locked while the directory is asked.
    question: Mutex<()>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// Whether the directory admits the owner, and when it was asked.
    answer: Option<(bool, Instant)>,
    /// When it is asked again.
    due: Option<Instant>,
}

impl Known {
    fn is_due(&self) -> bool {
        self.due.is_none_or(|due| due <= Instant::now())
    }

    /// The last answer, unless it is too old.
    fn valid(&self) -> Option<bool> {
        let (is_admitted, at) = self.answer?;
        (at.elapsed() < LONGEST).then_some(is_admitted)
    }
}

impl Owner {
    /// Asks the question, and notes the answer.
    async fn ask(&self, owner: &str, question: impl Future<Output = Result<bool, Unavailable>>) {
        let now = Instant::now();
        let answer = question.await;
        let mut known = self.known.lock();
        match answer {
            Ok(is_admitted) => {
                *known = Known { answer: Some((is_admitted, now)), due: Some(now + FRESH) };
            }
            Err(unavailable) => {
                report(owner, &unavailable);
                known.due = Some(Instant::now() + AFTER_FAILURE);
            }
        }
    }
}

impl Default for TokenOwners {
    fn default() -> Self {
        Self(Cache::new(LARGEST))
    }
}

impl TokenOwners {
    /// Whether the directory admits an owner; `None` if it does not answer and has not answered for
    /// too long. Asks the question only if it is due; of the requests that arrive meanwhile, only
    /// those wait that have no answer.
    async fn admits(
        &self,
        owner: &str,
        question: impl Future<Output = Result<bool, Unavailable>>,
    ) -> Option<bool> {
        let Ok(asked) = self.0.get_or_insert_with(owner, || Ok::<_, Infallible>(Arc::default()));
        let known = *asked.known.lock();
        if !known.is_due() {
            return known.valid();
        }
        let _turn = match (asked.question.try_lock(), known.valid()) {
            (Ok(turn), _) => turn,
            (Err(_), Some(is_admitted)) => return Some(is_admitted),
            (Err(_), None) => asked.question.lock().await,
        };
        // Another request may have asked meanwhile.
        let known = *asked.known.lock();
        if known.is_due() {
            if known.valid().is_some() {
                // Callers that disconnect before an answer must not make the next ones wait again.
                asked.known.lock().due = Some(Instant::now() + AFTER_FAILURE);
            }
            asked.ask(owner, question).await;
        }
        let known = *asked.known.lock();
        known.valid()
    }
}

impl Portal {
    /// Requires that the owner of a token may still sign in, if that depends on a directory.
    ///
    /// # Errors
    /// Fails if the directory does not have the user any more, or has not answered for too long.
    pub(in crate::role::portal) async fn check_token_owner(&self, owner: &str) -> Result<()> {
        let Some(directory) = &self.own.directory else { return Ok(()) };
        if self.state.settings.sign_in.is_local(owner) {
            return Ok(());
        }
        match self.own.token_owners.admits(owner, directory.admits(owner)).await {
            Some(true) => Ok(()),
            Some(false) => Err(Error::unauthorized("Unauthorized user token")),
            None => {
                let reason = "The directory of users does not answer; try again later.";
                Err(Error::new(Reaction::Unavailable, reason))
            }
        }
    }
}

fn report(owner: &str, Unavailable(problem): &Unavailable) {
    static FAILURES: LogRate = LogRate::new();
    if let Some(suppressed) = FAILURES.admit() {
        tracing::warn!(
            user = shortened(owner),
            problem = problem.as_str(),
            suppressed,
            "cannot look up the owner of an access token in the directory"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::*;

    fn answers(is_admitted: bool) -> impl Future<Output = Result<bool, Unavailable>> {
        ready(Ok(is_admitted))
    }

    fn fails() -> impl Future<Output = Result<bool, Unavailable>> {
        ready(Err(Unavailable("down".to_owned())))
    }

    /// X56.
    #[tokio::test(start_paused = true)]
    async fn an_owner_who_left_the_directory_is_refused_after_minutes() {
        let owners = TokenOwners::default();
        assert_eq!(owners.admits("anna", answers(true)).await, Some(true));
        assert_eq!(owners.admits("anna", answers(false)).await, Some(true), "not asked again");
        assert_eq!(owners.admits("bert", answers(false)).await, Some(false));
        tokio::time::advance(FRESH).await;
        assert_eq!(owners.admits("anna", answers(false)).await, Some(false));
        assert_eq!(owners.admits("bert", answers(true)).await, Some(true), "who came back");
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_directory_is_down_its_last_answer_applies_for_a_day() {
        let owners = TokenOwners::default();
        assert_eq!(owners.admits("bert", fails()).await, None, "it has never answered");
        assert_eq!(owners.admits("anna", answers(true)).await, Some(true));
        tokio::time::advance(FRESH).await;
        assert_eq!(owners.admits("anna", fails()).await, Some(true));
        assert_eq!(owners.admits("anna", answers(false)).await, Some(true), "not asked again");
        tokio::time::advance(LONGEST - FRESH - AFTER_FAILURE).await;
        assert_eq!(owners.admits("anna", fails()).await, Some(true));
        tokio::time::advance(AFTER_FAILURE).await;
        assert_eq!(owners.admits("anna", fails()).await, None);
        tokio::time::advance(AFTER_FAILURE).await;
        assert_eq!(owners.admits("anna", answers(true)).await, Some(true), "it is back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_does_not_wait_for_the_answer_delays_no_other() {
        let owners = TokenOwners::default();
        assert_eq!(owners.admits("anna", answers(true)).await, Some(true));
        tokio::time::advance(FRESH).await;
        assert_eq!(owners.admits("anna", pending()).now_or_never(), None);
        assert_eq!(owners.admits("anna", pending()).now_or_never(), Some(Some(true)));
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_directory_is_asked_only_those_without_an_answer_wait() {
        let owners = TokenOwners::default();
        assert_eq!(owners.admits("anna", answers(true)).await, Some(true));
        tokio::time::advance(FRESH).await;
        let mut asks = Box::pin(owners.admits("anna", pending()));
        assert_eq!((&mut asks).now_or_never(), None);
        assert_eq!(owners.admits("anna", fails()).now_or_never(), Some(Some(true)));
        let mut first = Box::pin(owners.admits("bert", pending()));
        assert_eq!((&mut first).now_or_never(), None);
        assert_eq!(owners.admits("bert", answers(true)).now_or_never(), None);
        drop(first);
        assert_eq!(owners.admits("bert", answers(true)).now_or_never(), Some(Some(true)));
    }
}
