//! A token bucket: a number of permits per second, with a burst of one second.

use std::time::Duration;

use tokio::time::Instant;

/// Permits that refill evenly.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: f64,
    permits: f64,
    refilled_at: Instant,
}

impl RateLimit {
    /// A bucket for `per_second` permits. It starts with one and never holds more than one second's
    /// worth, as in the Java client.
    fn new(per_second: f64) -> Self {
        Self { per_second, permits: 1.0, refilled_at: Instant::now() }
    }

    /// A bucket that starts with more permits, for a start that makes several requests in a row
    /// without delay.
    pub(crate) fn starting_with(per_second: f64, permits: f64) -> Self {
        Self { permits, ..Self::new(per_second) }
    }

    /// Takes a permit; false if there is none.
    fn try_take(&mut self) -> bool {
        self.refill();
        let granted = self.permits >= 1.0;
        if granted {
            self.permits -= 1.0;
        }
        granted
    }

    /// Takes a permit, waiting at most `limit` for it, and then continues without one, as in the
    /// Java client: one request too many is better than a client that stops.
    pub(crate) async fn take(&mut self, limit: Duration) {
        if self.try_take() {
            return;
        }
        let missing = Duration::try_from_secs_f64((1.0 - self.permits) / self.per_second);
        // It is no `Duration` at a rate close to 0.
        tokio::time::sleep(missing.map_or(limit, |missing| missing.min(limit))).await;
        self.refill();
        self.permits = (self.permits - 1.0).max(0.0);
    }

    fn refill(&mut self) {
        let now = Instant::now();
        let elapsed = now.duration_since(self.refilled_at).as_secs_f64();
        // At least 1, or a rate below one per second would never reach a whole permit; extra
        // permits of the start are kept.
        let most = self.per_second.max(1.0).max(self.permits);
        self.permits = (self.permits + elapsed * self.per_second).min(most);
        self.refilled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_close_to_zero_waits_as_long_as_allowed() {
        for rate in [1e-20, f64::MIN_POSITIVE] {
            let mut limit = RateLimit::new(rate);
            while limit.try_take() {}
            let begun = Instant::now();
            limit.take(Duration::from_secs(5)).await;
            assert_eq!(begun.elapsed().as_secs(), 5);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn permits_come_at_the_given_rate() {
        let mut limit = RateLimit::new(2.0);
        let start = Instant::now();
        for _ in 0..5 {
            limit.take(Duration::from_secs(5)).await;
        }
        let elapsed = start.elapsed().as_millis();
        assert!((1990..2020).contains(&elapsed), "{elapsed} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn permits_of_the_start_are_had_once() {
        let mut limit = RateLimit::starting_with(1.0, 3.0);
        assert!((0..3).all(|_| limit.try_take()) && !limit.try_take());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(limit.try_take() && !limit.try_take());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_one_second_of_permits() {
        let mut limit = RateLimit::new(2.0);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(limit.try_take() && limit.try_take());
        assert!(!limit.try_take());
    }
}
