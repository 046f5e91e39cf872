//! Self-preservation: while most heartbeats are missing, the network is more likely broken than all
//! instances, and no lease ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Time in which heartbeats are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Registries of this size or smaller never hold: one dead node is a large part of them.
const SMALL: usize = 6;
/// Part of the expected heartbeats below which no lease ends.
const LEAST: f64 = 0.85;

/// Heartbeats of the last minute, without those of the services of this process, whose leases do
/// not end. The caller counts those of one lease only as often as a client can need to send them.
#[derive(Debug, Default)]
pub(crate) struct Preservation {
    /// Heartbeats by the second in which they arrived.
    seconds: VecDeque<(Instant, u32)>,
    holds: bool,
}

impl Preservation {
    pub(crate) fn count(&mut self, now: Instant) {
        match self.seconds.back_mut() {
            Some((second, number)) if now.saturating_duration_since(*second).as_secs() == 0 => {
                *number = number.saturating_add(1);
            }
            _ => self.seconds.push_back((now, 1)),
        }
        self.forget(now);
    }

    /// Compares the heartbeats with the intervals and the ages of all leases.
    pub(crate) fn update(&mut self, leases: impl Iterator<Item = (u32, Duration)>, now: Instant) {
        self.forget(now);
        let (mut number, mut expected) = (0, 0.0);
        for (interval, age) in leases {
            number += 1;
            expected += age.min(WINDOW).as_secs_f64() / f64::from(interval.max(1));
        }
        let received: f64 = self.seconds.iter().map(|(_, number)| f64::from(*number)).sum();
        self.holds = number > SMALL && received < expected * LEAST;
    }

    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |second: &Instant| now.saturating_duration_since(*second) >= WINDOW;
        while self.seconds.front().is_some_and(|(second, _)| is_old(second)) {
            self.seconds.pop_front();
        }
    }
}
