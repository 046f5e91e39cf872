//! Turns of checks, each of which has a thread and the memory of its errors: few run at a time. One
//! caller has one for its publishes and one for its other requests, and the latter leave one for
//! publishes, so that nobody keeps the namespaces of others from being published. Knows no schema.

use std::sync::LazyLock;
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

/// Who wants a check, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checking {
    caller: String,
    is_publish: bool,
}

impl Checking {
    /// A publish of this caller depends on it.
    #[must_use]
    pub fn to_publish(caller: String) -> Self {
        Self { caller, is_publish: true }
    }

    /// No publish depends on it.
    #[must_use]
    pub fn to_know(caller: String) -> Self {
        Self { caller, is_publish: false }
    }

    /// Waits until the check may run.
    pub(super) async fn turn(&self) -> Result<CheckTurn> {
        TURNS.take(self).await
    }
}

#[derive(Debug, Default)]
struct CheckTurns(KeyedTurns<CheckKey>);

/// What checks share a limit by.
#[derive(Debug, PartialEq, Eq, Hash)]
enum CheckKey {
    Own(Checking),
    Questions,
    All,
}

/// The permission to run a check, until it is dropped.
#[derive(Debug)]
pub(super) struct CheckTurn {
    _turns: Vec<Turn>,
}

impl CheckTurns {
    /// Only a check that may run with regard to its caller waits for those of others.
    async fn take(&self, checking: &Checking) -> Result<CheckTurn> {
        let own = || {
            let message =
                "Your other JSON Schemas are being checked; repeat this when they are done.";
            Error::new(Reaction::TooMany, message)
        };
        let others = || Error::unavailable("Other JSON Schemas are being checked; retry later.");
        let key = CheckKey::Own(checking.clone());
        let turn = self.0.wait_at_most(OWN_PATIENCE, key, 1).await.ok_or_else(own)?;
        let mut turns = vec![turn];
        let questions = (!checking.is_publish).then_some((CheckKey::Questions, QUESTIONS));
        for (key, limit) in questions.into_iter().chain([(CheckKey::All, CHECKS)]) {
            let turn = self.0.wait_at_most(PATIENCE, key, limit).await;
            turns.push(turn.ok_or_else(others)?);
        }
        Ok(CheckTurn { _turns: turns })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn question(caller: &str) -> Checking {
        Checking::to_know(caller.to_owned())
    }

    fn publish(caller: &str) -> Checking {
        Checking::to_publish(caller.to_owned())
    }

    /// X55.
    #[tokio::test]
    async fn questions_leave_a_check_for_publishes() {
        let turns = CheckTurns::default();
        let _first = turns.take(&question("eve")).await.unwrap();
        let mut waiting = Vec::new();
        for caller in ["eve", "eve", "bob", "ann"] {
            let checking = question(caller);
            let turns = &turns;
            let mut waits = Box::pin(async move { turns.take(&checking).await });
            assert!((&mut waits).now_or_never().is_none(), "{caller}");
            waiting.push(waits);
        }
        assert!(turns.take(&publish("ann")).now_or_never().unwrap().is_ok());
        assert!(turns.take(&publish("eve")).now_or_never().unwrap().is_ok());
    }

    /// X55.
    #[tokio::test]
    async fn a_caller_publishes_one_namespace_at_a_time() {
        let turns = CheckTurns::default();
        let first = turns.take(&publish("eve")).await.unwrap();
        let second = publish("eve");
        let mut second = Box::pin(turns.take(&second));
        assert!((&mut second).now_or_never().is_none());
        let other = turns.take(&publish("ann")).now_or_never().unwrap().unwrap();
        drop(first);
        assert!((&mut second).now_or_never().unwrap().is_ok());
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_waits_for_a_limited_time() {
        let turns = CheckTurns::default();
        let _running = turns.take(&question("eve")).await.unwrap();
        let refused = turns.take(&question("eve")).await.unwrap_err();
        assert_eq!(refused.reaction(), Reaction::TooMany);
        let refused = turns.take(&question("bob")).await.unwrap_err();
        assert_eq!(refused.reaction(), Reaction::Unavailable);
    }
}
