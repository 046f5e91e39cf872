//! Limits the requests of each token, in memory of this node: as many per second as the row of the
//! token allows. Nothing is refused in the first second of a consumer token, as in Apollo. Knows no
//! identity.

use std::collections::HashMap;
use std::time::Duration;

use castalia_store::Id;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Time after the first request of a consumer token in which nothing is refused.
const GRACE: Duration = Duration::from_secs(1);
/// Time after which an unused bucket is full, whatever its rate.
const FULL_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of buckets; those that are full again are dropped first.
const LARGEST: usize = 20_000;

/// Buckets by token; for each portal one instance for each kind of token.
#[derive(Debug)]
pub(super) struct TokenRates {
    grace: Duration,
    buckets: Mutex<HashMap<Id, TokenBucket>>,
}

#[derive(Debug, Clone, Copy)]
struct TokenBucket {
    /// Requests that are not made up for yet.
    used: f64,
    at: Instant,
    created: Instant,
}

impl TokenBucket {
    fn refill(&mut self, now: Instant, per_second: f64) {
        let restored = now.duration_since(self.at).as_secs_f64() * per_second;
        self.used = (self.used - restored).max(0.0);
        self.at = now;
    }
}

impl TokenRates {
    pub(super) fn of_consumers() -> Self {
        Self { grace: GRACE, buckets: Mutex::default() }
    }

    pub(super) fn of_users() -> Self {
        Self { grace: Duration::ZERO, buckets: Mutex::default() }
    }

    /// Counts a request; returns whether it may proceed. A limit of 0 is none.
    pub(super) fn admit(&self, token: Id, per_second: i32) -> bool {
        if per_second <= 0 {
            return true;
        }
        let (now, per_second) = (Instant::now(), f64::from(per_second));
        let mut buckets = self.buckets.lock();
        if buckets.len() >= LARGEST && !buckets.contains_key(&token) {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < FULL_AFTER);
        }
        let new = TokenBucket { used: 0.0, at: now, created: now };
        let bucket = buckets.entry(token).or_insert(new);
        bucket.refill(now, per_second);
        if bucket.used + 1.0 <= per_second {
            bucket.used += 1.0;
            return true;
        }
        now.duration_since(bucket.created) < self.grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_makes_as_many_requests_per_second_as_its_limit() {
        let rates = TokenRates::of_consumers();
        let admitted = |token: i64| (0..20).filter(|_| rates.admit(Id(token), 2)).count();
        assert_eq!(admitted(1), 20, "nothing is refused in the first second");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(admitted(1), 2);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(admitted(1), 1);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(admitted(1), 2, "what was not used is not saved up");
        assert!((0..100).all(|_| rates.admit(Id(2), 0)), "a token without a limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_token_is_limited_from_its_first_request_on() {
        let rates = TokenRates::of_users();
        assert_eq!((0..20).filter(|_| rates.admit(Id(1), 3)).count(), 3);
    }
}
