//! The waiters of one release message, and how they are woken: at once, or in batches with pauses
//! if the operator configures that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Wake, Woken};

/// Waiters that are woken before other tasks run.
const SLICE: usize = 256;

/// Waiters that were removed from the hub. Dropping this ends those that remain as if the node
/// drained.
#[derive(Debug)]
pub struct Waiters {
    wake: Arc<Wake>,
    senders: Vec<oneshot::Sender<Woken>>,
}

impl Waiters {
    pub(super) fn new(senders: Vec<oneshot::Sender<Woken>>, wake: Wake) -> Self {
        Self { wake: Arc::new(wake), senders }
    }

    /// Number of waiters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.senders.len()
    }

    /// Whether there are no waiters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.senders.is_empty()
    }

    /// Wakes all waiters, in slices between which other tasks run.
    pub async fn wake(self) {
        for (at, sender) in self.senders.into_iter().enumerate() {
            if at > 0 && at % SLICE == 0 {
                tokio::task::yield_now().await;
            }
            let _ = sender.send(Woken::Message(Arc::clone(&self.wake)));
        }
    }

    /// Wakes them in batches. Reads size and pause before each waiter, so that a change takes
    /// effect at once.
    pub async fn wake_in_batches(self, pace: impl Fn() -> (usize, Duration)) {
        for (at, sender) in self.senders.into_iter().enumerate() {
            let (batch, pause) = pace();
            if at > 0 && at % batch.max(1) == 0 {
                tokio::time::sleep(pause).await;
            }
            let _ = sender.send(Woken::Message(Arc::clone(&self.wake)));
        }
    }
}
