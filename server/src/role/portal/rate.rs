//! Limits the requests of each token and of each user, in memory of this node: as many per second
//! as the row of the token allows, and a fixed number for a user, over all of its sessions. Nothing
//! is refused in the first second of a consumer token, as in Apollo. Knows no identity.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use castalia_store::Id;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Requests of a user per second. That is more than a person causes, and a small part of what a
/// node answers.
pub(super) const OF_USER: i32 = 200;
/// Time for which the unused requests of a user are saved up: a thousand, since each part of
/// `/openapi/v1/reads` is one, and a page may read several hundred of them at once.
const SAVED_FOR_USER: Duration = Duration::from_secs(5);
/// The same for a token: those of a second.
const SAVED_FOR_TOKEN: Duration = Duration::from_secs(1);
/// Time after the first request of a consumer token in which nothing is refused.
const GRACE: Duration = Duration::from_secs(1);
/// Maximum number of buckets; those that are full again are dropped first.
const LARGEST: usize = 20_000;

/// Buckets by token or user; for each portal one instance for each kind of caller.
#[derive(Debug)]
pub(super) struct RequestRates<K> {
    /// Time after which an unused bucket is full, whatever its rate.
    saved: Duration,
    grace: Duration,
    buckets: Mutex<HashMap<K, RequestBucket>>,
}

#[derive(Debug, Clone, Copy)]
struct RequestBucket {
    /// Requests that are not made up for yet.
    used: f64,
    at: Instant,
    created: Instant,
}

impl RequestBucket {
    fn refill(&mut self, now: Instant, per_second: f64) {
        let restored = now.duration_since(self.at).as_secs_f64() * per_second;
        self.used = (self.used - restored).max(0.0);
        self.at = now;
    }
}

impl RequestRates<Id> {
    pub(super) fn of_consumer_tokens() -> Self {
        Self { saved: SAVED_FOR_TOKEN, grace: GRACE, buckets: Mutex::default() }
    }

    pub(super) fn of_user_tokens() -> Self {
        Self { saved: SAVED_FOR_TOKEN, grace: Duration::ZERO, buckets: Mutex::default() }
    }
}

impl RequestRates<String> {
    pub(super) fn of_users() -> Self {
        Self { saved: SAVED_FOR_USER, grace: Duration::ZERO, buckets: Mutex::default() }
    }
}

impl<K: Eq + Hash> RequestRates<K> {
    /// Counts a request; returns whether it may proceed. A limit of 0 is none.
    pub(super) fn admit(&self, caller: K, per_second: i32) -> bool {
        if per_second <= 0 {
            return true;
        }
        let (now, per_second) = (Instant::now(), f64::from(per_second));
        let mut buckets = self.buckets.lock();
        if buckets.len() >= LARGEST && !buckets.contains_key(&caller) {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < self.saved);
        }
        let new = RequestBucket { used: 0.0, at: now, created: now };
        let bucket = buckets.entry(caller).or_insert(new);
        bucket.refill(now, per_second);
        if bucket.used + 1.0 <= per_second * self.saved.as_secs_f64() {
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
        let rates = RequestRates::of_consumer_tokens();
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
        let rates = RequestRates::of_user_tokens();
        assert_eq!((0..20).filter(|_| rates.admit(Id(1), 3)).count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_makes_a_thousand_requests_at_once_and_then_two_hundred_per_second() {
        let rates = RequestRates::of_users();
        let admitted =
            |user: &str| (0..5_000).filter(|_| rates.admit(user.to_owned(), OF_USER)).count();
        assert_eq!(admitted("u1"), 1_000);
        assert_eq!(admitted("u2"), 1_000, "each user has a rate of its own");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(admitted("u1"), 200);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(admitted("u1"), 1_000, "no more is saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn callers_whose_buckets_are_full_again_are_forgotten() {
        let rates = RequestRates::of_users();
        for user in 0..LARGEST {
            rates.admit(user.to_string(), OF_USER);
        }
        tokio::time::advance(SAVED_FOR_USER).await;
        rates.admit("another".to_owned(), OF_USER);
        assert_eq!(rates.buckets.lock().len(), 1);
    }
}
