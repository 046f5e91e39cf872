//! Leaves turns to others beside work that takes long. Statements that wait for a lock on one table
//! or row would otherwise have all turns within a second, and everything else would be refused.
//!
//! What a write job accesses, and which lock a statement waits for, is known only while it runs. So
//! what runs for longer than usual counts as long, whatever the reason, and so does the next work
//! of its kind, which probably takes as long: all of these together have half of the turns. They
//! wait for a permit before they wait for a turn, and work that has a turn waits for nothing here,
//! so that no two callers wait for each other. Work that only waits makes no kind long: a kind that
//! is quick again would remain long while more of it arrives than half of the turns can do. Knows no
//! table.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::turns::semaphore;

/// Work that runs for longer takes long. What arrives within this time may take all turns, if it is
/// so much; a shorter time would divide the turns of a database that is only slow or far away.
const USUAL: Duration = Duration::from_millis(250);
/// How long a kind counts as long after the last such work of it has ended. The next one, which has
/// its permit then, takes long only after a while, and of many kinds each has permits in turn.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Fewer turns are not divided.
const FEWEST: u32 = 4;

/// The work of one kind that takes long.
#[derive(Default)]
struct Kind {
    running: usize,
    /// When the last one ended.
    ended: Option<Instant>,
}

impl Kind {
    fn is_long(&self) -> bool {
        self.running > 0 || self.ended.is_some_and(|ended| ended.elapsed() < REMEMBERED)
    }
}

/// The work of different kinds that takes long. Cheap to clone.
#[derive(Clone)]
pub(super) struct LongWork<K> {
    kinds: Arc<Mutex<HashMap<K, Kind>>>,
    /// Permits for a part of the turns; `None` if there is no limit.
    part: Option<Arc<Semaphore>>,
}

impl<K> LongWork<K> {
    /// Long work has half of so many turns.
    pub(super) fn of(turns: u32) -> Self {
        let part = (turns >= FEWEST).then(|| semaphore(turns / 2));
        Self { kinds: Arc::default(), part }
    }

    pub(super) fn unlimited() -> Self {
        Self { kinds: Arc::default(), part: None }
    }
}

impl<K: Copy + Eq + Hash> LongWork<K> {
    /// Waits for the permit that work of this kind needs before its turn. It needs none unless
    /// others of its kind take long, or did a moment ago.
    pub(super) async fn enter(
        &self,
        kind: K,
    ) -> Result<Option<OwnedSemaphorePermit>, AcquireError> {
        let Some(part) = &self.part else { return Ok(None) };
        if !self.is_long(kind) {
            return Ok(None);
        }
        Arc::clone(part).acquire_owned().await.map(Some)
    }

    fn is_long(&self, kind: K) -> bool {
        self.kinds.lock().get(&kind).is_some_and(Kind::is_long)
    }

    /// Runs work that has a turn, and a permit if it needed one. The work is boxed, or every caller
    /// would have the whole of a job on its stack once more.
    pub(super) async fn run<T>(
        &self,
        kind: K,
        has_permit: bool,
        mut work: impl Future<Output = T> + Unpin,
    ) -> T {
        let Some(part) = &self.part else { return work.await };
        if let Ok(done) = timeout(USUAL, &mut work).await {
            return done;
        }
        let _long = Counted::of(self, kind);
        // Without waiting, because it has a turn.
        let _permit = if has_permit { None } else { Arc::clone(part).try_acquire_owned().ok() };
        work.await
    }
}

impl<K> fmt::Debug for LongWork<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongWork").field("part", &self.part).finish_non_exhaustive()
    }
}

/// One work by which its kind takes long.
struct Counted<'a, K: Copy + Eq + Hash> {
    kinds: &'a Mutex<HashMap<K, Kind>>,
    kind: K,
}

impl<'a, K: Copy + Eq + Hash> Counted<'a, K> {
    fn of(work: &'a LongWork<K>, kind: K) -> Self {
        let mut kinds = work.kinds.lock();
        // The others do not accumulate: each text of a statement is a kind.
        kinds.retain(|_, other| other.is_long());
        kinds.entry(kind).or_default().running += 1;
        Self { kinds: &work.kinds, kind }
    }
}

impl<K: Copy + Eq + Hash> Drop for Counted<'_, K> {
    fn drop(&mut self) {
        if let Some(kind) = self.kinds.lock().get_mut(&self.kind) {
            kind.running -= 1;
            kind.ended = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::*;

    const TURNS: u32 = 16;
    /// Time for which a statement waits for a lock.
    const LOCKED: Duration = Duration::from_secs(5);
    /// Pause between two requests.
    const PAUSE: Duration = Duration::from_millis(50);

    struct Pool {
        turns: Arc<Semaphore>,
        long: LongWork<u32>,
    }

    impl Pool {
        fn new() -> Self {
            Self { turns: semaphore(TURNS), long: LongWork::of(TURNS) }
        }

        /// Begins work that waits for a permit, if it needs one, and for a turn.
        fn begin(&self, kind: u32, duration: Duration) -> JoinHandle<()> {
            let (turns, long) = (Arc::clone(&self.turns), self.long.clone());
            tokio::spawn(async move {
                let permit = long.enter(kind).await.unwrap();
                let _turn = turns.acquire_owned().await.unwrap();
                long.run(kind, permit.is_some(), Box::pin(sleep(duration))).await;
            })
        }

        /// Its last long work has ended, and no permit is left behind.
        async fn becomes_quick(&self, kind: u32) {
            assert!(self.long.is_long(kind));
            sleep(REMEMBERED).await;
            assert!(!self.long.is_long(kind));
            let part = self.long.part.as_ref().unwrap();
            assert_eq!(part.available_permits(), TURNS as usize / 2);
        }
    }

    /// S99
    #[tokio::test(start_paused = true)]
    async fn work_that_waits_for_locks_leaves_turns_to_other_kinds() {
        let pool = Pool::new();
        for number in 0..400 {
            // Edits, publishes and other changes, all of which need one table.
            pool.begin(number % 4, LOCKED);
            sleep(PAUSE).await;
            let free = pool.turns.available_permits();
            assert!(free >= TURNS as usize / 4, "{free} turns are free at the request {number}");
        }
        let other = timeout(PAUSE, pool.begin(9, Duration::ZERO));
        other.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn quick_work_has_all_turns() {
        let pool = Pool::new();
        let all: Vec<_> = (0..TURNS).map(|_| pool.begin(1, USUAL / 2)).collect();
        sleep(USUAL / 4).await;
        assert_eq!(pool.turns.available_permits(), 0);
        for work in all {
            work.await.unwrap();
        }
        assert!(!pool.long.is_long(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_is_quick_again_after_its_last_long_work() {
        let pool = Pool::new();
        let long = [pool.begin(1, LOCKED), pool.begin(1, 2 * LOCKED)];
        sleep(2 * USUAL).await;
        for work in long {
            assert!(pool.long.is_long(1) && !pool.long.is_long(2));
            work.await.unwrap();
        }
        pool.becomes_quick(1).await;
    }

    /// S99: more than half of the turns can do, and each takes no longer than usual again.
    #[tokio::test(start_paused = true)]
    async fn a_kind_of_which_much_arrives_is_quick_again() {
        let pool = Pool::new();
        let long = pool.begin(1, LOCKED);
        sleep(2 * USUAL).await;
        let each = USUAL / 2;
        for _ in 0..2 * (LOCKED + REMEMBERED).as_millis() / each.as_millis() {
            for _ in 0..TURNS * 3 / 4 {
                pool.begin(1, each);
            }
            sleep(each).await;
        }
        assert!(long.is_finished() && !pool.long.is_long(1));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_dropped_does_not_take_long_any_more() {
        let pool = Pool::new();
        let all: Vec<_> = (0..TURNS).map(|_| pool.begin(1, LOCKED)).collect();
        sleep(2 * USUAL).await;
        // It waits for a permit.
        let waiting = pool.begin(1, LOCKED);
        sleep(PAUSE).await;
        for work in [waiting].into_iter().chain(all) {
            assert!(pool.long.is_long(1));
            work.abort();
            assert!(work.await.unwrap_err().is_cancelled());
        }
        pool.becomes_quick(1).await;
    }
}
