//! Limits the sign-ins of an account that the database refuses: it may lock the account after some
//! of them, and logs each. After a refusal, work fails with the same error, except for one attempt
//! after each pause, whose outcome decides for the rest. Knows no table.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sea_orm::DbErr;

use crate::error::is_refused_sign_in;
use crate::retirement::Retirement;

/// Pause after the first refusal; short, because only the server that checks passwords may have
/// failed for a moment. It doubles with each attempt, up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether the account of a database may sign in. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct SignIn {
    refused: Arc<Mutex<Option<Refused>>>,
    retirement: Retirement,
}

#[derive(Debug)]
struct Refused {
    error: DbErr,
    next: Instant,
    pause: Duration,
}

impl SignIn {
    pub(super) fn new(retirement: Retirement) -> Self {
        Self { refused: Arc::default(), retirement }
    }

    /// Runs work that may open a connection, unless the account was refused shortly before.
    pub(super) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let is_attempt = self.begin()?;
        let outcome = work.await;
        self.end(outcome.as_ref().err(), is_attempt);
        outcome
    }

    /// Whether the outcome of the work that begins now decides for other work.
    fn begin(&self) -> Result<bool, DbErr> {
        let mut noted = self.refused.lock();
        let Some(refused) = &mut *noted else { return Ok(false) };
        match refused.is_due(Instant::now()) {
            true => Ok(true),
            false => Err(refused.error.clone()),
        }
    }

    /// Notes the error of work, if any. Only an attempt that succeeds shows that the account may
    /// sign in again: other work began before the refusal, and an attempt that failed otherwise may
    /// have had no connection.
    pub(super) fn end(&self, error: Option<&DbErr>, is_attempt: bool) {
        match error.filter(|error| is_refused_sign_in(error)) {
            Some(error) => {
                let refused = || Refused::new(error.clone(), Instant::now());
                self.refused.lock().get_or_insert_with(refused).error = error.clone();
                // Those that are open are accepted until they end, so that some work would go on
                // for long.
                self.retirement.retire_refused();
            }
            None if is_attempt && error.is_none() => *self.refused.lock() = None,
            None => {}
        }
    }
}

impl Refused {
    fn new(error: DbErr, now: Instant) -> Self {
        Self { error, next: now + PAUSE, pause: PAUSE }
    }

    /// Whether the caller is to make an attempt now.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            self.next = now + self.pause;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S90
    #[test]
    fn an_account_that_is_refused_signs_in_every_five_seconds() {
        let begun = Instant::now();
        let mut refused = Refused::new(DbErr::Custom("refused".into()), begun);
        let mut attempts_in = |seconds: std::ops::Range<u32>| {
            let times = seconds.start * 100 + 1..=seconds.end * 100;
            times.filter(|&time| refused.is_due(begun + Duration::from_millis(10) * time)).count()
        };
        assert_eq!(attempts_in(0..10), 6);
        assert_eq!(attempts_in(10..60), 10);
    }
}
