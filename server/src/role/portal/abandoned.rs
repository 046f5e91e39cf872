//! Changes that continue after their callers disconnected. Connections do not limit them, so each
//! caller may have some on this node, with what their bodies occupy. Knows no kind of change.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disconnect::to_the_end_with;
use crate::domain::permission::requirement::Identity;
use crate::environment::revision;
use crate::error::{Error, Reaction, Result};

/// Number of changes without their caller from which it cannot begin another one.
const MOST: usize = 64;

/// The changes without callers, by the unique name of each caller.
#[derive(Debug, Default)]
pub(super) struct AbandonedChanges(Arc<Mutex<HashMap<String, usize>>>);

/// Marks a request as a part of a change that is counted as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartOfChange;

impl AbandonedChanges {
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
        if self.0.lock().get(&caller).is_some_and(|count| *count >= MOST) {
            let message = format!(
                "{MOST} changes of yours continue although you disconnected before their answers; \
                 repeat this when they are done."
            );
            return Err(Error::new(Reaction::TooMany, message));
        }
        let counts = Arc::clone(&self.0);
        let abandon = move || Some(AbandonedChange::new(counts, caller));
        Ok(to_the_end_with(abandon, revision::carried(change), |_| ()).await)
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
        let changes = AbandonedChanges::default();
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
        while !changes.0.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        changes.run(&ann, change()).await.unwrap();
    }
}
