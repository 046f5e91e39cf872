//! Limits how often meta servers are asked: an outage must not become a load on them.

use std::time::Duration;

use tokio::time::Instant;

/// Time from the first query of a client that finds no service to the second; the value of the Java
/// client.
const FIRST_GAP: Duration = Duration::from_secs(1);
/// Limit of the times between its queries, which double.
const LAST_GAP: Duration = Duration::from_secs(5);
/// Limit for rates close to 0, whose time between queries may be beyond the clock.
const MAX_GAP: Duration = Duration::from_secs(86_400);

/// When the next query may be sent. The time is counted from the end of the last one: a meta server
/// that hangs must not be asked without a pause.
pub(super) struct Pace {
    ended_at: Option<Instant>,
    /// Shortest time between queries.
    least: Duration,
    /// The same while no service answers, if `backs_off`.
    gap: Duration,
    backs_off: bool,
}

impl Pace {
    /// At most this many queries per second.
    pub(super) fn new(per_second: f64) -> Self {
        let least = Duration::try_from_secs_f64(1.0 / per_second);
        Self {
            ended_at: None,
            least: least.map_or(MAX_GAP, |least| least.min(MAX_GAP)),
            gap: Duration::ZERO,
            backs_off: false,
        }
    }

    /// From now on, the times between queries double from 1 s to 5 s while no service answers.
    pub(super) fn back_off(&mut self) {
        self.backs_off = true;
    }

    /// A query has ended.
    pub(super) fn queried(&mut self) {
        self.ended_at = Some(Instant::now());
        self.gap = (self.gap * 2).clamp(FIRST_GAP, LAST_GAP);
    }

    /// When the next query may be sent, `None` for the first one; `is_lost` while no service
    /// answers.
    pub(super) fn next_at(&self, is_lost: bool) -> Option<Instant> {
        let gap = match is_lost && self.backs_off {
            true => self.gap.max(self.least),
            false => self.least,
        };
        self.ended_at.map(|ended| ended + gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds between queries.
    fn gaps(pace: &mut Pace, is_lost: bool, count: usize) -> Vec<u128> {
        let gap = |_| {
            pace.queried();
            (pace.next_at(is_lost).unwrap() - Instant::now()).as_millis()
        };
        (0..count).map(gap).collect()
    }

    /// B65
    #[tokio::test(start_paused = true)]
    async fn queries_of_a_client_are_soon_and_then_rare() {
        let mut pace = Pace::new(1.0);
        pace.back_off();
        assert_eq!(pace.next_at(true), None);
        assert_eq!(gaps(&mut pace, true, 5), [1000, 2000, 4000, 5000, 5000]);
        assert_eq!(gaps(&mut pace, false, 2), [1000, 1000], "a service answers");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lower_rate_is_kept() {
        let mut pace = Pace::new(0.25);
        pace.back_off();
        assert_eq!(gaps(&mut pace, true, 4), [4000, 4000, 4000, 5000]);
    }

    /// A load may be the first to ask.
    #[tokio::test(start_paused = true)]
    async fn a_query_before_the_backoff_counts() {
        let mut pace = Pace::new(1.0);
        pace.queried();
        pace.back_off();
        assert_eq!(gaps(&mut pace, true, 3), [2000, 4000, 5000]);
    }

    #[tokio::test(start_paused = true)]
    async fn other_callers_keep_to_their_rate() {
        assert_eq!(gaps(&mut Pace::new(2.0), true, 3), [500, 500, 500]);
        for rate in [1e-20, f64::MIN_POSITIVE] {
            assert_eq!(gaps(&mut Pace::new(rate), true, 1), [86_400_000]);
        }
    }
}
