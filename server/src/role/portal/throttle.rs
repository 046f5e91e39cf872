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
#[derive(Debug)]
pub(super) struct SignInAttempt {
    account: String,
    network: IpAddr,
    /// Name of the browser, if it proved that it signed in to this account before.
    browser: Option<String>,
    /// The counters in which it was counted, of the entry that the directory found as well.
    taken: Vec<Taken>,
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

/// What an attempt took from a counter: less than one from that of an account under attack.
type Taken = (ThrottleKey, f64);

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
        let (account, network) = (folded(account), network(address));
        Self { account, network, browser, taken: Vec::new() }
    }

    fn keys(&self) -> Vec<ThrottleKey> {
        if let Some(browser) = &self.browser {
            return vec![ThrottleKey::Browser(browser.clone())];
        }
        let of_account = self.keys_of(&self.account).into_iter();
        of_account.chain([ThrottleKey::Address(self.network)]).collect()
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
    pub(super) async fn admit(&self, attempt: &mut SignInAttempt) -> Result<(), Duration> {
        let keys = attempt.keys();
        if self.charge(attempt, keys)? { self.delay().await } else { Ok(()) }
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
        let keys = attempt.keys_of(&id).into();
        self.charge(attempt, keys)
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

    /// Counts an attempt in these counters; returns whether it has to wait.
    fn charge(
        &self,
        attempt: &mut SignInAttempt,
        keys: Vec<ThrottleKey>,
    ) -> Result<bool, Duration> {
        let taken = self.count(keys)?;
        let waits = taken.iter().any(|(_, taken)| *taken < 1.0);
        attempt.taken.extend(taken);
        Ok(waits)
    }

    /// Counts in all counters, or in none; returns what was taken from each.
    fn count(&self, keys: Vec<ThrottleKey>) -> Result<Vec<Taken>, Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        for key in &keys {
            let left = left(&buckets, key, now);
            if left < 1.0 && key.refuses() {
                return Err(PAUSE.mul_f64(1.0 - left));
            }
        }
        let mut all = Vec::with_capacity(keys.len());
        for key in keys {
            let left = left(&buckets, &key, now);
            let taken = left.min(1.0);
            buckets.insert(key.clone(), Bucket { left: left - taken, at: now });
            all.push((key, taken));
        }
        if buckets.len() > LARGEST {
            shrink(&mut buckets, now);
        }
        Ok(all)
    }

    /// Undoes the counting of a successful attempt, so that only failures are counted, and of the
    /// earlier failures of its user.
    pub(super) fn forgive(&self, attempt: &SignInAttempt) {
        self.give_back(attempt);
        let mut buckets = self.buckets.lock();
        for (key, _) in &attempt.taken {
            if matches!(key, ThrottleKey::Browser(_) | ThrottleKey::Pair(..)) {
                buckets.remove(key);
            }
        }
    }

    /// Undoes the counting of an attempt that ended without a verdict about the password. Earlier
    /// failures remain counted, or guesses could be hidden among such attempts.
    pub(super) fn give_back(&self, attempt: &SignInAttempt) {
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        for (key, taken) in &attempt.taken {
            let left = (left(&buckets, key, now) + taken).min(key.free());
            buckets.insert(key.clone(), Bucket { left, at: now });
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
mod tests;
