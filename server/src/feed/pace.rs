//! The task that wakes many waiters in batches, if the operator has set one of the two keys for it.
//! It wakes those of one message after those of another, so that the scan of messages never waits
//! for a pause.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::hub::Waiters;
use crate::server_config::{ServerConfig, keys};

/// Messages whose waiters wait for their turn; those of further ones are woken at once, as without
/// pacing.
const QUEUE: usize = 100;

/// Passes waiters to the task.
#[derive(Debug)]
pub(super) struct Pacer {
    config: ServerConfig,
    queue: Sender<Waiters>,
    /// Taken by the task when it starts.
    queued: Mutex<Option<Receiver<Waiters>>>,
}

impl Pacer {
    pub(super) fn new(config: ServerConfig) -> Self {
        let (queue, queued) = channel(QUEUE);
        Self { config, queue, queued: Mutex::new(Some(queued)) }
    }

    /// Queues waiters, or returns them if they have to be woken at once.
    pub(super) fn take(&self, waiters: Waiters) -> Option<Waiters> {
        let is_paced =
            self.config.is_set(&keys::FAN_OUT_BATCH) || self.config.is_set(&keys::FAN_OUT_PAUSE);
        if !is_paced || waiters.len() <= pace(&self.config).0 {
            return Some(waiters);
        }
        self.queue.try_send(waiters).err().map(tokio::sync::mpsc::error::TrySendError::into_inner)
    }

    /// Runs the task.
    pub(super) async fn run(&self) {
        let queued = self.queued.lock().take();
        let Some(mut queued) = queued else { return };
        while let Some(waiters) = queued.recv().await {
            waiters.wake_in_batches(|| pace(&self.config)).await;
        }
    }
}

fn pace(config: &ServerConfig) -> (usize, Duration) {
    let batch = config.get(&keys::FAN_OUT_BATCH);
    (usize::try_from(batch).unwrap_or(usize::MAX), config.get(&keys::FAN_OUT_PAUSE))
}
