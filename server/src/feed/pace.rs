//! The task that wakes large crowds in batches, if the operator has set one of the two keys for it.
//! It wakes one crowd after the other, so that the scan of messages never waits for a pause.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::hub::Crowd;
use crate::server_config::{ServerConfig, keys};

/// Crowds that wait for their turn; further ones are woken at once, as without pacing.
const QUEUE: usize = 100;

/// Passes crowds to the task.
#[derive(Debug)]
pub(super) struct Pacer {
    config: ServerConfig,
    queue: Sender<Crowd>,
    /// Taken by the task when it starts.
    crowds: Mutex<Option<Receiver<Crowd>>>,
}

impl Pacer {
    pub(super) fn new(config: ServerConfig) -> Self {
        let (queue, crowds) = channel(QUEUE);
        Self { config, queue, crowds: Mutex::new(Some(crowds)) }
    }

    /// Queues a crowd, or returns it if it has to be woken at once.
    pub(super) fn take(&self, crowd: Crowd) -> Option<Crowd> {
        let is_paced =
            self.config.is_set(&keys::FAN_OUT_BATCH) || self.config.is_set(&keys::FAN_OUT_PAUSE);
        if !is_paced || crowd.len() <= pace(&self.config).0 {
            return Some(crowd);
        }
        self.queue.try_send(crowd).err().map(tokio::sync::mpsc::error::TrySendError::into_inner)
    }

    /// Runs the task.
    pub(super) async fn run(&self) {
        let crowds = self.crowds.lock().take();
        let Some(mut crowds) = crowds else { return };
        while let Some(crowd) = crowds.recv().await {
            crowd.tell_in_batches(|| pace(&self.config)).await;
        }
    }
}

fn pace(config: &ServerConfig) -> (usize, Duration) {
    let batch = config.get(&keys::FAN_OUT_BATCH);
    (usize::try_from(batch).unwrap_or(usize::MAX), config.get(&keys::FAN_OUT_PAUSE))
}
