//! Turns of checks, each of which has a thread and the memory of its errors: few run at a time. One
//! caller has one for its publishes and one for its other requests, and the latter leave one for
//! publishes, so that nobody keeps the namespaces of others from being published. Knows no schema.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::error::{Error, Reaction, Result};
use crate::turns::{KeyedTurns, Turn};

/// Checks at a time.
const CHECKS: usize = 2;
/// Those that no publish depends on.
const QUESTIONS: usize = 1;
/// How long a check waits for those of others, and for the earlier ones of its caller, which may
/// publish many namespaces at once.
const PATIENCE: Duration = Duration::from_secs(5);
const OWN_PATIENCE: Duration = Duration::from_secs(30);

static TURNS: LazyLock<CheckTurns> = LazyLock::new(CheckTurns::default);

/// A check that may run with regard to its caller: their earlier ones have ended. Begun before the
/// content is read, so that a caller who sends many requests keeps the content of one in memory.
#[derive(Debug)]
pub struct Checking {
    is_publish: bool,
    own: Arc<Turn>,
}

impl Checking {
    /// Waits for the earlier publishes of this caller, to check another one.
    ///
    /// # Errors
    /// Fails if they take too long.
    pub async fn to_publish(caller: String) -> Result<Self> {
        TURNS.begin(caller, true).await
    }

    /// Waits for the earlier checks of this caller that no publish depends on, for another one.
    ///
    /// # Errors
    /// Fails if they take too long.
    pub async fn to_know(caller: String) -> Result<Self> {
        TURNS.begin(caller, false).await
    }

    /// Waits until the check may run with regard to those of others.
    pub(super) async fn turn(&self) -> Result<CheckTurn> {
        TURNS.take(self).await
    }
}

#[derive(Debug, Default)]
struct CheckTurns(KeyedTurns<CheckKey>);

/// What checks share a limit by.
#[derive(Debug, PartialEq, Eq, Hash)]
enum CheckKey {
    Own { caller: String, is_publish: bool },
    Questions,
    All,
}

/// The permission to run a check, until it is dropped.
#[derive(Debug)]
pub(super) struct CheckTurn {
    _own: Arc<Turn>,
    _shared: Vec<Turn>,
}

impl CheckTurns {
    async fn begin(&self, caller: String, is_publish: bool) -> Result<Checking> {
        let key = CheckKey::Own { caller, is_publish };
        let own = self.0.wait_at_most(OWN_PATIENCE, key, 1).await.ok_or_else(|| {
            let message =
                "Your other JSON Schemas are being checked; repeat this when they are done.";
            Error::new(Reaction::TooMany, message)
        })?;
        Ok(Checking { is_publish, own: Arc::new(own) })
    }

    async fn take(&self, checking: &Checking) -> Result<CheckTurn> {
        let others = || Error::unavailable("Other JSON Schemas are being checked; retry later.");
        let questions = (!checking.is_publish).then_some((CheckKey::Questions, QUESTIONS));
        let mut shared = Vec::new();
        for (key, limit) in questions.into_iter().chain([(CheckKey::All, CHECKS)]) {
            let turn = self.0.wait_at_most(PATIENCE, key, limit).await;
            shared.push(turn.ok_or_else(others)?);
        }
        Ok(CheckTurn { _own: Arc::clone(&checking.own), _shared: shared })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    async fn check(turns: &CheckTurns, caller: &str, is_publish: bool) -> Result<CheckTurn> {
        let checking = turns.begin(caller.to_owned(), is_publish).await?;
        turns.take(&checking).await
    }

    fn question<'t>(
        turns: &'t CheckTurns,
        caller: &'t str,
    ) -> impl Future<Output = Result<CheckTurn>> + 't {
        check(turns, caller, false)
    }

    fn publish<'t>(
        turns: &'t CheckTurns,
        caller: &'t str,
    ) -> impl Future<Output = Result<CheckTurn>> + 't {
        check(turns, caller, true)
    }

    /// X55.
    #[tokio::test]
    async fn questions_leave_a_check_for_publishes() {
        let turns = CheckTurns::default();
        let _first = question(&turns, "eve").await.unwrap();
        let mut waiting = Vec::new();
        for caller in ["eve", "eve", "bob", "ann"] {
            let mut waits = Box::pin(question(&turns, caller));
            assert!((&mut waits).now_or_never().is_none(), "{caller}");
            waiting.push(waits);
        }
        assert!(publish(&turns, "ann").now_or_never().unwrap().is_ok());
        assert!(publish(&turns, "eve").now_or_never().unwrap().is_ok());
    }

    /// X55.
    #[tokio::test]
    async fn a_caller_publishes_one_namespace_at_a_time() {
        let turns = CheckTurns::default();
        let first = publish(&turns, "eve").await.unwrap();
        let mut second = Box::pin(publish(&turns, "eve"));
        assert!((&mut second).now_or_never().is_none());
        let other = publish(&turns, "ann").now_or_never().unwrap().unwrap();
        drop(first);
        assert!((&mut second).now_or_never().unwrap().is_ok());
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_waits_for_a_limited_time() {
        let turns = CheckTurns::default();
        let _running = question(&turns, "eve").await.unwrap();
        let refused = question(&turns, "eve").await.unwrap_err();
        assert_eq!(refused.reaction(), Reaction::TooMany);
        let refused = question(&turns, "bob").await.unwrap_err();
        assert_eq!(refused.reaction(), Reaction::Unavailable);
    }
}
