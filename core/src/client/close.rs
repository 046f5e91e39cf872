//! Closes a client: its tasks end, then its validators, which may refer to the client.

use std::sync::Arc;
use std::time::Duration;

use super::Client;
use crate::blocking_pool::DROP_POOL;
use crate::error::Result;
use crate::pipeline::Validators;

/// How long [`Client::close`] waits for listeners that are still running.
pub(crate) const DRAIN: Duration = Duration::from_secs(2);
/// How long [`Client::close`] waits in total, mainly for cache files.
const CLOSE: Duration = Duration::from_secs(5);

impl Client {
    /// Fails after the client is closed, for hosts whose calls must report this immediately.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) after [`Client::close`].
    pub fn check_open(&self) -> Result<()> {
        self.tasks.check_open()
    }

    /// Cancels requests, waits at most two seconds for listeners to finish their queued events, and
    /// finishes the cache files. Reads still return the last values; other calls fail with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed). Calling it again only waits.
    pub async fn close(&self) {
        self.stop();
        self.tasks.wait_until_stopped(DRAIN, CLOSE).await;
    }

    /// Like [`Client::close`], without waiting.
    pub fn stop(&self) {
        let are_lost = self.tasks.are_lost();
        self.tasks.stop();
        if are_lost {
            self.inner.namespaces.load().values().for_each(|open| open.close_without_task());
        }
        // Not at once: a load that is just ending still has its release judged.
        let validators = LastUse(self.inner.validators.clone());
        self.tasks.spawn_last(validators.end());
    }
}

/// Ends the validators of a closed client, which may refer to the client: it would then never be
/// freed. Dropping this does so too, because there may be no runtime that would wait for the tasks.
struct LastUse(Arc<Validators>);

impl LastUse {
    async fn end(self) {
        let Some(validators) = self.0.close() else { return };
        // Dropped on a blocking thread: a function may own something whose destructor blocks.
        let _ = DROP_POOL.run(move || drop(validators)).await;
    }
}

impl Drop for LastUse {
    fn drop(&mut self) {
        drop(self.0.close());
    }
}
