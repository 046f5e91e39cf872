//! Limits how much work of one kind each user has at a time on this node, so that one of them leaves
//! what all share to the others. Knows no kind of work.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The work that runs or waits. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct UserTurns {
    of_user: usize,
    users: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// The permission to run, until it is dropped.
#[derive(Debug)]
pub(super) struct UserTurn {
    _permit: OwnedSemaphorePermit,
}

impl UserTurns {
    /// At most this many turns of a user at a time.
    pub(super) fn new(of_user: usize) -> Self {
        Self { of_user, users: Arc::default() }
    }

    /// `None` if the user has all turns already.
    pub(super) fn take(&self, user: &str) -> Option<UserTurn> {
        let permit = self.semaphore(user).try_acquire_owned().ok()?;
        Some(UserTurn { _permit: permit })
    }

    /// Waits for a turn; `None` if the user had all of them for this time.
    pub(super) async fn wait(&self, user: &str, patience: Duration) -> Option<UserTurn> {
        let permit = timeout(patience, self.semaphore(user).acquire_owned()).await.ok()?.ok()?;
        Some(UserTurn { _permit: permit })
    }

    fn semaphore(&self, user: &str) -> Arc<Semaphore> {
        let mut users = self.users.lock();
        // Those of work that has ended.
        users.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        let semaphore = users.entry(user.to_owned());
        Arc::clone(semaphore.or_insert_with(|| Arc::new(Semaphore::new(self.of_user))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn a_user_who_has_all_turns_keeps_no_other_waiting() {
        let turns = UserTurns::new(2);
        let mut taken = vec![turns.take("bob").unwrap(), turns.take("bob").unwrap()];
        assert!(turns.take("bob").is_none());
        let other = turns.take("eve").unwrap();
        taken.pop();
        assert!(turns.take("bob").is_some());
        drop((taken, other));
        assert!(turns.take("ann").is_some());
        assert_eq!(turns.users.lock().len(), 1, "what ended leaves nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_waits_for_a_turn_for_a_limited_time() {
        let turns = UserTurns::new(1);
        let taken = turns.take("bob").unwrap();
        assert!(turns.wait("bob", PATIENCE).await.is_none());
        let (waited, ()) = tokio::join!(turns.wait("bob", PATIENCE), async { drop(taken) });
        assert!(waited.is_some());
    }
}
