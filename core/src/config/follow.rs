//! Follows the snapshots of a namespace. Everything that is derived from one, in any language, is
//! built on this, so that nothing stays at an old release.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Config;
use crate::change::ChangeEvent;
use crate::listener::{ChangeStream, Subscription};
use crate::pipeline::EventKind;
use crate::snapshot::Snapshot;

/// Follows the snapshots of a namespace: first the current one, then each newer one, never an older
/// one. Snapshots that are replaced before they are read are skipped, except the newest.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "limit", "100").await?;
/// let config = memory.client().config("application").await?;
///
/// let mut follower = config.follow();
/// assert_eq!(follower.snapshot().get_or("limit", 0), 100);
/// memory.set("application", "limit", "200").await?;
/// let newer = follower.next().await.expect("the client is open");
/// assert_eq!(newer.get_or("limit", 0), 200);
/// # Ok(())
/// # }
/// ```
pub struct Follower {
    config: Config,
    stream: ChangeStream,
    seen: Arc<Snapshot>,
}

impl Follower {
    pub(super) fn new(config: &Config) -> Self {
        // The stream is created before the snapshot is read, so a release between the two is not
        // missed.
        let stream = config.stream(EventKind::Newest);
        Self { seen: config.snapshot(), stream, config: config.clone() }
    }

    /// The snapshot that was returned last, or the one at the start.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.seen
    }

    /// The next newer snapshot; `None` once the client or the namespace is closed. Dropping the
    /// future loses nothing.
    pub async fn next(&mut self) -> Option<Arc<Snapshot>> {
        loop {
            self.stream.next().await?;
            // The snapshot is read here: the event may be older than the one at the start.
            let now = self.config.snapshot();
            if !Arc::ptr_eq(&now, &self.seen) {
                self.seen = now.clone();
                return Some(now);
            }
        }
    }

    /// Calls a function for each newer snapshot, one call at a time, on a blocking thread. A panic
    /// is caught and counted. A child that was forked during a call calls it for its own snapshot.
    pub fn on_newer(
        self,
        function: impl Fn(&Arc<Snapshot>) + Send + Sync + 'static,
    ) -> Subscription {
        let Self { config, stream, seen } = self;
        let seen = ArcSwap::new(seen);
        // The namespace owns the function: a strong reference would keep both alive forever.
        let namespace = Arc::downgrade(&config.namespace);
        config.deliver(EventKind::Newest, stream, move |_: &Arc<ChangeEvent>| {
            let now = namespace.upgrade().map(|namespace| namespace.snapshot());
            if let Some(now) = now.filter(|now| !Arc::ptr_eq(now, &seen.load())) {
                seen.store(now.clone());
                function(&now);
            }
        })
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Follower").field(&self.seen).finish()
    }
}
