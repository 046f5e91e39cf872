//! Measures how long the tested process takes, without the moments at which this machine ran
//! nothing.
//!
//! A virtual machine can stop for seconds while its host runs others, and a disk or scheduler can
//! keep every process waiting. A thread that only sleeps notices it: it wakes late. A limit on what
//! a server may take does not include this time.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks at the clock.
const STEP: Duration = Duration::from_millis(10);
/// Waking this much later than asked is usual.
const USUAL: Duration = Duration::from_millis(20);

static CLOCK: LazyLock<Clock> = LazyLock::new(|| {
    thread::spawn(look_often);
    Clock { start: Instant::now(), looked: AtomicU64::new(0), stalled: AtomicU64::new(0) }
});

#[expect(clippy::disallowed_methods, reason = "a thread of its own, which blocks no worker")]
fn look_often() {
    loop {
        thread::sleep(STEP);
        CLOCK.look();
    }
}

struct Clock {
    start: Instant,
    /// Microseconds from the start to the last look.
    looked: AtomicU64,
    /// Microseconds that this machine has stopped for.
    stalled: AtomicU64,
}

impl Clock {
    fn now(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    fn look(&self) {
        let now = self.now();
        self.stalled
            .fetch_add(late(self.looked.swap(now, Ordering::SeqCst), now), Ordering::SeqCst);
    }

    /// Includes a stop that the thread has not noticed yet.
    fn stalled(&self) -> u64 {
        let looked = self.looked.load(Ordering::SeqCst);
        self.stalled.load(Ordering::SeqCst) + late(looked, self.now())
    }
}

fn late(looked: u64, now: u64) -> u64 {
    now.saturating_sub(looked).saturating_sub((STEP + USUAL).as_micros() as u64)
}

#[derive(Clone, Copy)]
pub(crate) struct Stopwatch {
    start: Instant,
    stalled: u64,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let stalled = CLOCK.stalled();
        Self { start: Instant::now(), stalled }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        let stalled = CLOCK.stalled().saturating_sub(self.stalled);
        self.start.elapsed().saturating_sub(Duration::from_micros(stalled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn time_that_passes_is_measured() {
        let mut longest = Duration::ZERO;
        // The machine may stop during some of them.
        for _ in 0..10 {
            let watch = Stopwatch::start();
            tokio::time::sleep(Duration::from_millis(300)).await;
            longest = longest.max(watch.elapsed());
            if longest >= Duration::from_millis(200) {
                return;
            }
        }
        panic!("{longest:?}");
    }

    #[test]
    fn a_late_look_is_a_stop() {
        let clock = Clock {
            start: Instant::now() - Duration::from_secs(2),
            looked: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        };
        assert!(clock.stalled() > 1_900_000, "before the thread noticed");
        clock.look();
        assert!(clock.stalled() > 1_900_000, "and after");
        clock.look();
        let stalled = clock.stalled();
        assert!(stalled < clock.now(), "once");
    }
}
