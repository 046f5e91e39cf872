//! Batches of peers, which are parsed, carried out and answered on threads of their own: one of
//! 8 MiB takes longer than other requests may wait. Batches of a sender keep their order, and those
//! of different senders do not wait for each other.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

use super::Eureka;
use super::batch_order::{BatchNumber, LastBatches};

/// Numbers of small and of large batches that are carried out at once. Heartbeats arrive in small
/// ones, which Spring's servers give up after 200 ms.
const SMALL: usize = 4;
const LARGE: usize = 2;

/// The batches that are carried out.
#[derive(Debug)]
pub(super) struct Batches {
    last: LastBatches,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Why a batch is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum NotCarriedOut {
    /// Its sender has given it up and sent its changes again.
    #[error("a later batch of this node was carried out before")]
    GivenUp,
    /// The work panicked, or the node ends.
    #[error("the work on a batch was aborted: {0}")]
    Aborted(#[source] JoinError),
}

impl Batches {
    pub(super) fn new() -> Self {
        Self {
            last: LastBatches::default(),
            small: Arc::new(Semaphore::new(SMALL)),
            large: Arc::new(Semaphore::new(LARGE)),
        }
    }
}

impl Eureka {
    /// Carries out a batch: `work` parses it, applies its changes and writes the outcomes. A batch
    /// whose caller does not wait for its turn is not carried out.
    ///
    /// # Errors
    /// Fails if its sender has given it up, or if the work does not end.
    pub async fn carry_out<T: Send + 'static>(
        &self,
        batch: Option<BatchNumber>,
        is_large: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NotCarriedOut> {
        let batches = &self.0.batches;
        // Before the permit, so that many batches of one sender hold one at most.
        let turn = batches.last.turn(batch).await.ok_or(NotCarriedOut::GivenUp)?;
        let permits = if is_large { &batches.large } else { &batches.small };
        let permit = Arc::clone(permits).acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            // Until the end, also if the caller does not wait for it.
            let _held = (turn, permit);
            work()
        });
        done.await.map_err(NotCarriedOut::Aborted)
    }
}
