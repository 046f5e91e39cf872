//! Changes that continue after their callers disconnected. Connections do not limit them, so each
//! caller may have some on this node, with what their bodies occupy. Knows no kind of change.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use crate::disconnect::to_the_end_with;
use crate::domain::permission::requirement::Identity;
use crate::environment::revision;
use crate::error::{Error, Reaction, Result};

/// Number of changes without their caller from which it cannot begin another one.
const MOST: usize = 64;

/// The changes without callers.
#[derive(Debug)]
pub(super) struct AbandonedChanges {
    /// By the unique name of each caller.
    counts: Arc<Mutex<HashMap<String, usize>>>,
    /// Counts all changes, for the end of the node.
    tracker: TaskTracker,
}

/// Marks a request as a part of a change that is counted as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartOfChange;

impl AbandonedChanges {
    /// The node waits for the tracker when it ends.
    pub(super) fn new(tracker: TaskTracker) -> Self {
        Self { counts: Arc::default(), tracker }
    }

    /// Runs a change to its end, even if its caller disconnects. A half of it would remain
    /// otherwise, so those that have begun are never ended, however many they are.
    ///
    /// # Errors
    /// Fails before the change begins if its caller has left too many others.
    pub(super) async fn run<F>(&self, caller: &Identity, change: F) -> Result<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let caller = caller.unique_name();
        if self.counts.lock().get(&caller).is_some_and(|count| *count >= MOST) {
            let message = format!(
                "{MOST} changes of yours continue although you disconnected before their answers; \
                 repeat this when they are done."
            );
            return Err(Error::new(Reaction::TooMany, message));
        }
        let counts = Arc::clone(&self.counts);
        let abandon = move || Some(AbandonedChange::new(counts, caller));
        let change = self.tracker.track_future(revision::carried(change));
        Ok(to_the_end_with(abandon, change, |_| ()).await)
    }
}

/// One of them, until it ends.
struct AbandonedChange {
    counts: Arc<Mutex<HashMap<String, usize>>>,
    caller: String,
}

impl AbandonedChange {
    fn new(counts: Arc<Mutex<HashMap<String, usize>>>, caller: String) -> Self {
        *counts.lock().entry(caller.clone()).or_default() += 1;
        Self { counts, caller }
    }
}

impl Drop for AbandonedChange {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::watch;

    use super::*;

    /// X100: nothing limited the changes that callers left.
    #[tokio::test]
    async fn a_caller_who_left_many_changes_begins_no_other_until_they_end() {
        let changes = AbandonedChanges::new(TaskTracker::new());
        let (ann, bob) = (Identity::User("ann".to_owned()), Identity::User("bob".to_owned()));
        let (open, gate) = watch::channel(false);
        let change = || {
            let mut gate = gate.clone();
            async move { drop(gate.wait_for(|is_open| *is_open).await.unwrap()) }
        };
        for _ in 0..MOST {
            assert!(changes.run(&ann, change()).now_or_never().is_none());
        }
        let refused = changes.run(&ann, change()).await.unwrap_err();
        assert_eq!(refused.reaction(), Reaction::TooMany);
        assert!(changes.run(&bob, change()).now_or_never().is_none());
        open.send(true).unwrap();
        while !changes.counts.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        changes.run(&ann, change()).await.unwrap();
    }

    /// X111: the end of the node cut it off.
    #[tokio::test]
    async fn a_change_whose_caller_has_left_is_waited_for() {
        let tracker = TaskTracker::new();
        let changes = AbandonedChanges::new(tracker.clone());
        let (open, mut gate) = watch::channel(false);
        let change = async move { drop(gate.wait_for(|is_open| *is_open).await.unwrap()) };
        let caller = Identity::User("ann".to_owned());
        assert!(changes.run(&caller, change).now_or_never().is_none());
        tracker.close();
        assert!(tracker.wait().now_or_never().is_none());
        open.send(true).unwrap();
        tracker.wait().await;
    }
}
