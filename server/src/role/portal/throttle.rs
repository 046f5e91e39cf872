//! Limits failed sign-ins, in memory of this node. A failure is counted for the account as tried
//! from one address, and for the address over all accounts: attempts over these limits are refused.
//! It is also counted for the account from all addresses, but that only delays further attempts,
//! since refusing them would let any client lock a user out. A browser that has signed in to the
//! account before has its own counter, which failures of other clients do not affect. A directory
//! finds one entry by many names, so a failure is counted for the entry as well.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Time in which one attempt is restored, that is, ten per minute.
const PAUSE: Duration = Duration::from_secs(6);
/// Delay of an attempt while passwords of its account are guessed from many addresses.
const DELAY: Duration = Duration::from_secs(2);
/// Maximum number of attempts that wait concurrently, so that they cannot fill the memory; further
/// ones are refused.
const WAITING: usize = 256;
/// Maximum number of counters, so that guessing names cannot fill the memory.
const LARGEST: usize = 20_000;
/// Characters of an account's name that are stored; no user has a longer one.
const ACCOUNT: usize = 64;

/// Counters of attempts; one instance for each portal.
#[derive(Debug)]
pub(super) struct Throttle {
    buckets: Mutex<HashMap<ThrottleKey, Bucket>>,
    waiting: tokio::sync::Semaphore,
}

/// An attempt to sign in.
#[derive(Debug, Clone)]
pub(super) struct SignInAttempt {
    account: String,
    /// The id of the entry that the directory found, if it was counted as well.
    entry: Option<String>,
    network: IpAddr,
    /// Name of the browser, if it proved that it signed in to this account before.
    browser: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ThrottleKey {
    Browser(String),
    Pair(String, IpAddr),
    Address(IpAddr),
    Account(String),
    OwnChange(String),
}

impl ThrottleKey {
    /// Failures without consequences: users mistype, and a proxy that is not in the settings may
    /// represent many of them.
    fn free(&self) -> f64 {
        match self {
            ThrottleKey::Browser(_) | ThrottleKey::Pair(..) | ThrottleKey::OwnChange(_) => 5.0,
            ThrottleKey::Address(_) => 50.0,
            ThrottleKey::Account(_) => 20.0,
        }
    }

    fn refuses(&self) -> bool {
        !matches!(self, ThrottleKey::Account(_))
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { buckets: Mutex::default(), waiting: tokio::sync::Semaphore::new(WAITING) }
    }
}

impl SignInAttempt {
    pub(super) fn new(account: &str, address: IpAddr, browser: Option<String>) -> Self {
        Self { account: folded(account), entry: None, network: network(address), browser }
    }

    fn keys(&self) -> Vec<ThrottleKey> {
        if let Some(browser) = &self.browser {
            return vec![ThrottleKey::Browser(browser.clone())];
        }
        let names = [Some(&self.account), self.entry.as_ref()];
        let of_names = names.into_iter().flatten().flat_map(|name| self.keys_of(name));
        of_names.chain([ThrottleKey::Address(self.network)]).collect()
    }

    fn keys_of(&self, name: &str) -> [ThrottleKey; 2] {
        [ThrottleKey::Pair(name.to_owned(), self.network), ThrottleKey::Account(name.to_owned())]
    }
}

/// A name as it is counted. A directory ignores case, and blanks but for one between two words.
fn folded(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").chars().take(ACCOUNT).collect::<String>().to_lowercase()
}

impl Throttle {
    /// Counts the attempt, and waits if its account is under attack.
    ///
    /// # Errors
    /// The time to wait before the next attempt, if this one is refused.
    pub(super) async fn admit(&self, attempt: &SignInAttempt) -> Result<(), Duration> {
        if self.count(attempt.keys())? { self.delay().await } else { Ok(()) }
    }

    /// Also counts the attempt for the entry with this id, which the directory found by its name.
    /// Returns whether it has to wait.
    ///
    /// # Errors
    /// The time to wait before the next attempt, if this one is refused.
    pub(super) fn count_entry(
        &self,
        attempt: &mut SignInAttempt,
        id: &str,
    ) -> Result<bool, Duration> {
        let id = folded(id);
        if attempt.browser.is_some() || attempt.account == id {
            return Ok(false);
        }
        let waits = self.count(attempt.keys_of(&id).into())?;
        attempt.entry = Some(id);
        Ok(waits)
    }

    /// Counts a change of the own account, which verifies and hashes a password like an attempt.
    ///
    /// # Errors
    /// The time to wait before the next change, if this one is refused.
    pub(super) fn count_own_change(&self, user: &str) -> Result<(), Duration> {
        self.count(vec![ThrottleKey::OwnChange(folded(user))]).map(drop)
    }

    /// Waits as an attempt on an account that is under attack.
    ///
    /// # Errors
    /// The time to wait before the next attempt, if too many wait.
    pub(super) async fn delay(&self) -> Result<(), Duration> {
        let _permit = self.waiting.try_acquire().map_err(|_| DELAY)?;
        tokio::time::sleep(DELAY).await;
        Ok(())
    }

    /// Counts in all counters, or in none; returns whether the attempt has to wait.
    fn count(&self, keys: Vec<ThrottleKey>) -> Result<bool, Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        let mut waits = false;
        for key in &keys {
            let left = left(&buckets, key, now);
            if left < 1.0 && key.refuses() {
                return Err(PAUSE.mul_f64(1.0 - left));
            }
            waits |= left < 1.0;
        }
        for key in keys {
            let left = (left(&buckets, &key, now) - 1.0).max(0.0);
            buckets.insert(key, Bucket { left, at: now });
        }
        if buckets.len() > LARGEST {
            shrink(&mut buckets, now);
        }
        Ok(waits)
    }

    /// Undoes the counting of a successful attempt, so that only failures are counted.
    pub(super) fn forgive(&self, attempt: &SignInAttempt) {
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        for key in attempt.keys() {
            match key {
                ThrottleKey::Browser(_) | ThrottleKey::Pair(..) => drop(buckets.remove(&key)),
                ThrottleKey::Address(_) | ThrottleKey::Account(_) | ThrottleKey::OwnChange(_) => {
                    let left = (left(&buckets, &key, now) + 1.0).min(key.free());
                    buckets.insert(key, Bucket { left, at: now });
                }
            }
        }
    }
}

/// Remaining attempts of a counter.
fn left(buckets: &HashMap<ThrottleKey, Bucket>, key: &ThrottleKey, now: Instant) -> f64 {
    buckets.get(key).map_or(key.free(), |bucket| refilled(key, bucket, now))
}

fn refilled(key: &ThrottleKey, bucket: &Bucket, now: Instant) -> f64 {
    let since = now.saturating_duration_since(bucket.at);
    (bucket.left + since.as_secs_f64() / PAUSE.as_secs_f64()).min(key.free())
}

/// Removes counters that have recovered and, if that is not sufficient, the half of the others with
/// the fewest failures.
fn shrink(buckets: &mut HashMap<ThrottleKey, Bucket>, now: Instant) {
    let missing = |key: &ThrottleKey, bucket: &Bucket| key.free() - refilled(key, bucket, now);
    buckets.retain(|key, bucket| missing(key, bucket) > 0.0);
    if buckets.len() > LARGEST / 2 {
        let mut all: Vec<f64> = buckets.iter().map(|(key, bucket)| missing(key, bucket)).collect();
        all.sort_by(f64::total_cmp);
        let median = all[all.len() / 2];
        buckets.retain(|key, bucket| missing(key, bucket) > median);
    }
}

/// The network of a client: one site may have a whole /64 of IPv6 addresses.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(account: &str, last: u8) -> SignInAttempt {
        SignInAttempt::new(account, IpAddr::from([10, 0, 0, last]), None)
    }

    #[tokio::test(start_paused = true)]
    async fn after_five_failures_ten_a_minute_are_admitted() {
        let throttle = Throttle::default();
        let admitted = (0..1000).filter(|_| throttle.count(from("u", 1).keys()).is_ok()).count();
        assert_eq!(admitted, 5);
        let mut later = 0;
        for _ in 0..60 {
            tokio::time::advance(Duration::from_secs(1)).await;
            later += usize::from(throttle.count(from("u", 1).keys()).is_ok());
        }
        assert!((9..=10).contains(&later), "{later}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_stopped_though_it_changes_the_account() {
        let throttle = Throttle::default();
        let admitted =
            (0..1000).filter(|n| throttle.count(from(&n.to_string(), 1).keys()).is_ok()).count();
        assert_eq!(admitted, 50);
        assert!(throttle.count(from("0", 2).keys()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_from_many_addresses_slow_an_account_down_and_never_lock_it() {
        let throttle = Throttle::default();
        for last in 0..=250 {
            assert!(throttle.count(from("u", last).keys()).is_ok());
        }
        let started = Instant::now();
        assert!(throttle.admit(&from("u", 251)).await.is_ok());
        assert_eq!(started.elapsed(), DELAY);
        assert_eq!(throttle.count(from("other", 251).keys()), Ok(false));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_others_do_not_reach_a_browser_that_signed_in_before() {
        let throttle = Throttle::default();
        for n in 0..100_u8 {
            let _ = throttle.count(from("u", 1).keys());
            let _ = throttle.count(from(&n.to_string(), 1).keys());
            let _ = throttle.count(from("u", n).keys());
        }
        let known =
            SignInAttempt::new("u", IpAddr::from([10, 0, 0, 1]), Some("browser".to_owned()));
        assert_eq!(throttle.count(known.keys()), Ok(false));
        let admitted = (0..100).filter(|_| throttle.count(known.keys()).is_ok()).count();
        assert_eq!(admitted, 4, "it is throttled by its own failures");
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_is_never_counted() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            assert_eq!(throttle.count(from("u", 1).keys()), Ok(false));
            throttle.forgive(&from("u", 1));
        }
    }

    /// X61.
    #[tokio::test(start_paused = true)]
    async fn names_that_a_directory_does_not_distinguish_count_together() {
        let throttle = Throttle::default();
        let typed = ["a b", " a b", "a b ", "a\t b", "A  B", "a b"];
        let admitted = typed.map(|name| throttle.count(from(name, 1).keys()).is_ok());
        assert_eq!(admitted, [true, true, true, true, true, false]);
        let long = " ".repeat(ACCOUNT) + "a b";
        assert!(throttle.count(from(&long, 1).keys()).is_err());
    }

    /// X61.
    #[tokio::test(start_paused = true)]
    async fn attempts_by_many_names_of_an_entry_count_together() {
        let throttle = Throttle::default();
        let attempt = |name: &str| {
            let mut attempt = from(name, 1);
            throttle.count(attempt.keys()).unwrap();
            throttle.count_entry(&mut attempt, "Anna").map(|_| attempt)
        };
        for n in 0..4 {
            attempt(&format!("anna+{n}@example.org")).unwrap();
        }
        let last = attempt("anna").unwrap();
        assert_eq!(last.entry, None, "not counted twice");
        assert!(attempt("a@example.org").is_err());
        throttle.forgive(&last);
        let other = attempt("a@example.org").unwrap();
        throttle.forgive(&other);
        let free = left(&throttle.buckets.lock(), &other.keys_of("anna")[0], Instant::now());
        assert!((free - 5.0).abs() < 0.001, "{free}");
        let browser = Some("browser".to_owned());
        let mut known = SignInAttempt::new("a@b", IpAddr::from([10, 0, 0, 1]), browser);
        assert_eq!(throttle.count_entry(&mut known, "anna"), Ok(false));
        assert_eq!(known.entry, None, "it has a counter of its own");
    }

    /// X59.
    #[tokio::test(start_paused = true)]
    async fn changes_of_the_own_account_are_limited_and_no_sign_ins() {
        let throttle = Throttle::default();
        let admitted = (0..100).filter(|_| throttle.count_own_change("u").is_ok()).count();
        assert_eq!(admitted, 5);
        assert!(throttle.count_own_change("other").is_ok());
        assert_eq!(throttle.count(from("u", 1).keys()), Ok(false));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..2 * LARGEST as u32 {
            let attempt = SignInAttempt::new(&n.to_string(), IpAddr::from(n.to_be_bytes()), None);
            let _ = throttle.count(attempt.keys());
        }
        assert!(throttle.buckets.lock().len() <= LARGEST + 3);
    }

    #[test]
    fn the_addresses_of_one_site_count_together() {
        let of = |address: &str| SignInAttempt::new("u", address.parse().unwrap(), None).network;
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
