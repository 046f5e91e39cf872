//! Records the changes that consumers make: the guard queues each call, and a task writes them in
//! batches, so that no call waits for it.

use tokio::sync::mpsc;

use crate::domain::consumer::{self, ConsumerCall};
use crate::state::PortalState;

/// Calls that wait to be written; further ones are dropped, and the loss is logged.
const QUEUE: usize = 10_000;
/// Calls per statement.
const BATCH: usize = 100;

/// Accepts calls; its task ends with the last handle.
#[derive(Debug)]
pub(super) struct Calls {
    queue: mpsc::Sender<ConsumerCall>,
}

impl Calls {
    pub(super) fn start(state: PortalState) -> Self {
        let (queue, calls) = mpsc::channel(QUEUE);
        tokio::spawn(write(state, calls));
        Self { queue }
    }

    pub(super) fn record(&self, call: ConsumerCall) {
        if self.queue.try_send(call).is_err() {
            tracing::warn!("the call of a consumer is not recorded: the queue of records is full");
        }
    }
}

/// While one batch is written, the next one is collected.
async fn write(state: PortalState, mut calls: mpsc::Receiver<ConsumerCall>) {
    let mut batch = Vec::with_capacity(BATCH);
    while calls.recv_many(&mut batch, BATCH).await > 0 {
        let count = batch.len();
        if let Err(error) = consumer::record_calls(&state.store, std::mem::take(&mut batch)).await {
            tracing::warn!(%error, count, "cannot write the records of calls of consumers; they are lost");
        }
    }
}
