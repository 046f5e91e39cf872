//! Delays between retries: doubling, capped and jittered. Computes only; callers wait.

use std::time::Duration;

/// The current position in a [`BackoffPolicy`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackoffPolicy {
    first: Duration,
    cap: Duration,
    jitter: f64,
}

impl BackoffPolicy {
    /// Delays that double from `first` up to `cap`.
    ///
    /// # Panics
    /// If `first` is zero or greater than `cap`; in a constant this is a compile error.
    #[must_use]
    pub const fn doubling(first: Duration, cap: Duration) -> Self {
        assert!(
            !first.is_zero() && first.as_nanos() <= cap.as_nanos(),
            "the first delay must be above zero and not above the cap"
        );
        Self { first, cap, jitter: 0.0 }
    }

    /// The same delay every time.
    #[must_use]
    pub const fn fixed(delay: Duration) -> Self {
        Self::doubling(delay, delay)
    }

    /// Multiplies each delay by a uniform random number in `1 - part ..= 1 + part`, so that many
    /// clients that fail together do not retry together.
    ///
    /// # Panics
    /// If `part` is not in `0.0..1.0`; in a constant this is a compile error.
    #[must_use]
    pub const fn jittered(mut self, part: f64) -> Self {
        assert!(part >= 0.0 && part < 1.0, "the jitter must be in 0.0..1.0");
        self.jitter = part;
        self
    }
}

/// A position on a ladder.
///
/// ```
/// use std::time::Duration;
/// use castalia_core::backoff::{Backoff, BackoffPolicy};
///
/// let mut backoff = Backoff::new(BackoffPolicy::fixed(Duration::from_secs(5)));
/// let mut random = fastrand::Rng::new();
/// assert!(backoff.is_at_start());
/// assert_eq!(backoff.next_delay(&mut random), Duration::from_secs(5));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: BackoffPolicy,
    next: Duration,
}

impl Backoff {
    /// Starts with the first delay.
    #[must_use]
    pub fn new(policy: BackoffPolicy) -> Self {
        Self { policy, next: policy.first }
    }

    /// Returns the delay to wait now and doubles the one after it, up to the cap.
    pub fn next_delay(&mut self, random: &mut fastrand::Rng) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.policy.cap);
        // Jitter is applied to the result only: applied to `next`, it would accumulate.
        apply_jitter(delay, self.policy.jitter, random)
    }

    /// Returns to the first delay, after a success.
    pub fn reset(&mut self) {
        self.next = self.policy.first;
    }

    /// Whether no delay has been taken since the start or the last reset.
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        self.next == self.policy.first
    }
}

/// Multiplies a delay by a uniform random number in `1 - part ..= 1 + part`.
#[must_use]
pub fn apply_jitter(delay: Duration, part: f64, random: &mut fastrand::Rng) -> Duration {
    delay.mul_f64(1.0 - part + 2.0 * part * random.f64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLL: BackoffPolicy =
        BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(120));

    fn seconds(policy: BackoffPolicy, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(policy);
        let mut random = fastrand::Rng::with_seed(1);
        (0..count).map(|_| backoff.next_delay(&mut random).as_secs()).collect()
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        assert_eq!(seconds(POLL, 9), [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    }

    #[test]
    fn success_goes_back_to_the_first_delay() {
        let mut backoff = Backoff::new(POLL);
        let mut random = fastrand::Rng::new();
        backoff.next_delay(&mut random);
        backoff.next_delay(&mut random);
        backoff.reset();
        assert!(backoff.is_at_start());
        assert_eq!(backoff.next_delay(&mut random), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_its_part(seed: u64, part in 0.0..0.99f64, millis in 1u64..1_000_000) {
            let delay = Duration::from_millis(millis);
            let jittered = apply_jitter(delay, part, &mut fastrand::Rng::with_seed(seed));
            prop_assert!(jittered >= delay.mul_f64(1.0 - part - 1e-9));
            prop_assert!(jittered <= delay.mul_f64(1.0 + part + 1e-9));
        }
    }
}
