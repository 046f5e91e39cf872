//! Limits how many refusals are recorded, in memory of this node: their callers need no permission,
//! and could otherwise fill the database. The next record says how many were omitted. What was
//! refused is not known here.

use std::collections::HashMap;
use std::time::Duration;

use castalia_store::Id;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::permission::requirement::Identity;

/// Refusals that are recorded at once.
const AT_ONCE: f64 = 100.0;
/// Time after which one more is recorded, that is, ten per minute.
const PAUSE: Duration = Duration::from_secs(6);
/// Number of callers from which those are forgotten of whom nothing was omitted lately.
const MANY: usize = 20_000;

/// The records that may still be made.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    at: Instant,
    suppressed: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: AT_ONCE, at: Instant::now(), suppressed: 0 }
    }
}

impl Allowance {
    /// Whether a further one is recorded: with the number of those that were not recorded before
    /// it.
    pub(super) fn admit(&mut self) -> Option<u64> {
        self.refill();
        if self.left < 1.0 {
            self.suppressed += 1;
            return None;
        }
        self.left -= 1.0;
        Some(std::mem::take(&mut self.suppressed))
    }

    fn refill(&mut self) {
        let now = Instant::now();
        let restored = now.duration_since(self.at).as_secs_f64() / PAUSE.as_secs_f64();
        self.left = (self.left + restored).min(AT_ONCE);
        self.at = now;
    }

    /// Whether it is as good as a new one.
    fn is_full(&mut self) -> bool {
        self.refill();
        self.left >= AT_ONCE && self.suppressed == 0
    }
}

/// Those of all known callers; one instance for each table.
#[derive(Debug, Default)]
pub(in crate::role::portal) struct RefusedCalls(Mutex<HashMap<RefusedCaller, Allowance>>);

/// A user, whose tokens share the allowance, or a consumer.
#[derive(Debug, PartialEq, Eq, Hash)]
enum RefusedCaller {
    User(String),
    Consumer(Id),
}

impl RefusedCalls {
    /// Same as [`Allowance::admit`], for this caller.
    pub(in crate::role::portal) fn admit(&self, caller: &Identity) -> Option<u64> {
        let caller = match caller {
            Identity::User(user_id) => RefusedCaller::User(user_id.to_lowercase()),
            Identity::Token(token) => RefusedCaller::User(token.user_id.to_lowercase()),
            Identity::Consumer(consumer) => RefusedCaller::Consumer(consumer.id),
        };
        let mut allowances = self.0.lock();
        if allowances.len() >= MANY && !allowances.contains_key(&caller) {
            allowances.retain(|_, allowance| !allowance.is_full());
        }
        allowances.entry(caller).or_default().admit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_caller_fills_no_table_with_refused_calls() {
        let limit = RefusedCalls::default();
        let recorded = |user: &str| {
            let caller = Identity::User(user.to_owned());
            (0..10_000).filter(|_| limit.admit(&caller).is_some()).count()
        };
        assert_eq!(recorded("u1"), 100);
        assert_eq!(recorded("U1"), 0);
        assert_eq!(recorded("u2"), 100, "each caller has its own allowance");
        tokio::time::advance(Duration::from_secs(60)).await;
        let omitted = limit.admit(&Identity::User("u1".to_owned()));
        assert_eq!(omitted, Some(19_900), "the next record says how many are missing");
        assert_eq!(recorded("u1"), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_of_whom_nothing_is_missing_are_forgotten() {
        let limit = RefusedCalls::default();
        let admit = |user: usize| limit.admit(&Identity::User(user.to_string()));
        for _ in 0..101 {
            admit(0);
        }
        for user in 1..MANY {
            admit(user);
        }
        tokio::time::advance(Duration::from_secs(3600)).await;
        admit(MANY);
        assert_eq!(limit.0.lock().len(), 2);
        assert_eq!(admit(0), Some(1), "what was omitted is not forgotten");
    }
}
