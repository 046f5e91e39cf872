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
/// Most measurements of which one has to be quick.
const TRIES: usize = 4;

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

/// A limit on a time, on a machine that may be busy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// One of a few measurements has to be below this.
    pub(crate) usual: Duration,
    /// Each of them has to be below this, which only a fault exceeds.
    pub(crate) most: Duration,
}

impl Limit {
    /// Measures until a time is below the usual limit.
    pub(crate) async fn check(self, what: &str, mut measure: impl AsyncFnMut() -> Duration) {
        let mut times = Vec::new();
        while times.len() < TRIES {
            let time = measure().await;
            times.push(time);
            assert!(time < self.most, "{what} took {times:?}");
            if time < self.usual {
                return;
            }
        }
        panic!("{what} took {times:?}");
    }

    /// Makes a call until it takes less than the usual limit.
    pub(crate) async fn time(self, what: &str, mut call: impl AsyncFnMut()) {
        let measure = async || {
            let watch = Stopwatch::start();
            call().await;
            watch.elapsed()
        };
        self.check(what, measure).await;
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

    const LIMIT: Limit = Limit { usual: Duration::from_secs(2), most: Duration::from_secs(9) };

    #[tokio::test]
    async fn one_of_a_few_times_is_below_the_usual_limit() {
        let mut times = [8, 3, 1, 0].map(Duration::from_secs).into_iter();
        LIMIT.check("a call", async || times.next().unwrap()).await;
        assert_eq!(times.count(), 1);
    }

    #[tokio::test]
    #[should_panic(expected = "a call took [8s, 9s]")]
    async fn a_time_that_only_a_fault_explains_is_not_forgiven() {
        let mut times = [8, 9, 1].map(Duration::from_secs).into_iter();
        LIMIT.check("a call", async || times.next().unwrap()).await;
    }

    #[tokio::test]
    async fn a_call_is_made_until_it_is_quick() {
        let mut calls = 0;
        let limit = Limit { usual: Duration::from_millis(300), ..LIMIT };
        let call = async || {
            calls += 1;
            tokio::time::sleep(Duration::from_millis(if calls == 1 { 1_500 } else { 0 })).await;
        };
        limit.time("a call", call).await;
        assert!(calls > 1, "{calls}");
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
