//! Limits how much work of each key, such as a user, runs at a time on this node, so that one of
//! them leaves what all share to the others. Forgets keys without work. Knows no kind of work.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The work that runs or waits, by key. All calls for one key state the same limit.
#[derive(Debug)]
pub(crate) struct KeyedTurns<K>(Mutex<HashMap<K, Arc<Semaphore>>>);

/// The permission to run, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl<K> Default for KeyedTurns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> KeyedTurns<K> {
    /// One of `limit` turns of a key; `None` if all are taken.
    pub(crate) fn take(&self, key: K, limit: usize) -> Option<Turn> {
        let permit = self.semaphore(key, limit).try_acquire_owned().ok()?;
        Some(Turn { _permit: permit })
    }

    /// Waits for one of `limit` turns of a key, the first one longest.
    #[expect(clippy::expect_used, reason = "no semaphore is closed")]
    pub(crate) async fn wait(&self, key: K, limit: usize) -> Turn {
        let permit = self.semaphore(key, limit).acquire_owned().await;
        Turn { _permit: permit.expect("the semaphore is open") }
    }

    /// The same; `None` if all were taken for this time.
    pub(crate) async fn wait_at_most(
        &self,
        patience: Duration,
        key: K,
        limit: usize,
    ) -> Option<Turn> {
        timeout(patience, self.wait(key, limit)).await.ok()
    }

    fn semaphore(&self, key: K, limit: usize) -> Arc<Semaphore> {
        let mut semaphores = self.0.lock();
        // Those of work that has ended.
        semaphores.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        Arc::clone(semaphores.entry(key).or_insert_with(|| Arc::new(Semaphore::new(limit))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn a_key_that_has_all_turns_keeps_no_other_waiting() {
        let turns = KeyedTurns::default();
        let mut taken = vec![turns.take("bob", 2).unwrap(), turns.take("bob", 2).unwrap()];
        assert!(turns.take("bob", 2).is_none());
        let other = turns.take("eve", 2).unwrap();
        taken.pop();
        assert!(turns.take("bob", 2).is_some());
        drop((taken, other));
        assert!(turns.take("ann", 2).is_some());
        assert_eq!(turns.0.lock().len(), 1, "what ended leaves nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_awaited_for_a_limited_time() {
        let turns = KeyedTurns::default();
        let taken = turns.take("bob", 1).unwrap();
        assert!(turns.wait_at_most(PATIENCE, "bob", 1).await.is_none());
        let waited = turns.wait_at_most(PATIENCE, "bob", 1);
        let (waited, ()) = tokio::join!(waited, async { drop(taken) });
        assert!(waited.is_some());
    }

    #[test]
    fn those_who_wait_are_not_forgotten() {
        let turns = KeyedTurns::default();
        let taken = turns.take("bob", 1).unwrap();
        let mut first = Box::pin(turns.wait("bob", 1));
        let mut second = Box::pin(turns.wait("bob", 1));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop(taken);
        assert!(turns.take("eve", 1).is_some());
        assert!(turns.take("bob", 1).is_none(), "the first one that waits has the turn");
        assert!((&mut second).now_or_never().is_none());
        drop((&mut first).now_or_never().unwrap());
        assert!(second.now_or_never().is_some());
    }
}
