//! Back-off of failed sign-ins, for each account and each address: a few are free, then one every six seconds. In memory of this
//! node; a success gives its attempt back, so that only failures count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures that nobody has to wait after: people mistype.
const FREE: f64 = 5.0;
/// One attempt comes back in this time, that is, ten in a minute.
const PAUSE: Duration = Duration::from_secs(6);
/// Accounts and addresses remembered, so that guessing names cannot fill the memory.
const LARGEST: usize = 20_000;
/// Characters of an account's name that are remembered; no user has a longer one.
const ACCOUNT: usize = 64;

/// Counts attempts. One for each portal.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    buckets: Mutex<HashMap<Key, Bucket>>,
}

/// What attempts are counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Account(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Throttle {
    /// The two keys of an attempt.
    pub(super) fn keys(account: &str, address: IpAddr) -> [Key; 2] {
        let account = account.chars().take(ACCOUNT).collect::<String>().to_lowercase();
        [Key::Account(account), Key::Address(network(address.to_canonical()))]
    }

    /// Takes an attempt from each key, or from none and says how long to wait.
    pub(super) fn admit(&self, keys: &[Key]) -> Result<(), Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |bucket: Option<&Bucket>| bucket.map_or(FREE, |bucket| bucket.refilled(now));
        let lowest = keys.iter().map(|key| left(buckets.get(key))).fold(FREE, f64::min);
        if lowest < 1.0 {
            return Err(PAUSE.mul_f64(1.0 - lowest));
        }
        for key in keys {
            let left = left(buckets.get(key)) - 1.0;
            buckets.insert(key.clone(), Bucket { left, at: now });
        }
        if buckets.len() > LARGEST {
            shrink(&mut buckets, now);
        }
        Ok(())
    }

    /// Gives back the attempt of a success; the account starts anew.
    pub(super) fn forgive(&self, keys: &[Key]) {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            match (key, buckets.get_mut(key)) {
                (Key::Account(_), Some(_)) => drop(buckets.remove(key)),
                (Key::Address(_), Some(bucket)) => {
                    *bucket = Bucket { left: (bucket.refilled(now) + 1.0).min(FREE), at: now };
                }
                (_, None) => {}
            }
        }
    }
}

impl Bucket {
    fn refilled(&self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at);
        (self.left + since.as_secs_f64() / PAUSE.as_secs_f64()).min(FREE)
    }
}

/// Forgets what has recovered, and the better half of the rest where that is not enough.
fn shrink(buckets: &mut HashMap<Key, Bucket>, now: Instant) {
    buckets.retain(|_, bucket| bucket.refilled(now) < FREE);
    if buckets.len() > LARGEST / 2 {
        let mut left: Vec<f64> = buckets.values().map(|bucket| bucket.refilled(now)).collect();
        left.sort_by(f64::total_cmp);
        let median = left[left.len() / 2];
        buckets.retain(|_, bucket| bucket.refilled(now) < median);
    }
}

/// One site holds a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(account: &str) -> [Key; 2] {
        Throttle::keys(account, IpAddr::from([10, 0, 0, 1]))
    }

    #[tokio::test(start_paused = true)]
    async fn after_five_failures_ten_a_minute_are_let_through() {
        let throttle = Throttle::default();
        let admitted = (0..1000).filter(|_| throttle.admit(&keys("u")).is_ok()).count();
        assert_eq!(admitted, 5);
        let mut later = 0;
        for _ in 0..60 {
            tokio::time::advance(Duration::from_secs(1)).await;
            later += usize::from(throttle.admit(&keys("u")).is_ok());
        }
        assert!((9..=10).contains(&later), "{later}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_stopped_though_it_changes_the_account() {
        let throttle = Throttle::default();
        let admitted = (0..100).filter(|n| throttle.admit(&keys(&n.to_string())).is_ok()).count();
        assert_eq!(admitted, 5);
        let elsewhere = Throttle::keys("0", IpAddr::from([10, 0, 0, 2]));
        assert!(throttle.admit(&elsewhere).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_signs_in_is_never_stopped() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            assert!(throttle.admit(&keys("u")).is_ok());
            throttle.forgive(&keys("u"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..3 * LARGEST as u32 {
            let _ = throttle.admit(&Throttle::keys(&n.to_string(), IpAddr::from(n.to_be_bytes())));
        }
        assert!(throttle.buckets.lock().unwrap().len() <= LARGEST + 2);
    }

    #[test]
    fn the_addresses_of_one_site_count_together() {
        let [_, a] = Throttle::keys("u", "2001:db8::1".parse().unwrap());
        let [_, b] = Throttle::keys("u", "2001:db8::ffff".parse().unwrap());
        assert_eq!(a, b);
    }
}
