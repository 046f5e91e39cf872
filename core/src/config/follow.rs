//! Following the content of a namespace: whatever keeps something made of it, in any language, is built on this, so that nothing
//! remains on an old release. Does not know what is made of the content.

use std::fmt;
use std::sync::Arc;

use super::Config;
use crate::change::ChangeEvent;
use crate::listener::{ChangeStream, Subscription};
use crate::pipeline::EventKind;
use crate::snapshot::Snapshot;

/// Follows the content of a namespace, made by [`Config::follow`]: first what there is now, then each newer content, never an
/// older one. Content that was replaced before anybody looked at it is skipped; the newest never is.
///
/// ```
/// # use castalia_core::{Config, Subscription};
/// fn print_limit(config: &Config) -> Subscription {
///     let follower = config.follow();
///     println!("the limit is {}", follower.snapshot().get_or("limit", 100));
///     follower.on_newer(|snapshot| println!("the limit is {}", snapshot.get_or("limit", 100)))
/// }
/// ```
pub struct Follower {
    config: Config,
    stream: ChangeStream,
    seen: Arc<Snapshot>,
}

impl Follower {
    pub(super) fn new(config: &Config) -> Self {
        // In this order: content that arrives after listening began has an event, and what came before is read.
        let stream = config.stream(EventKind::Newest);
        Self { seen: config.snapshot(), stream, config: config.clone() }
    }

    /// The content that was returned last, or that was there when following began.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.seen
    }

    /// The next newer content; `None` when the client is closed. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Arc<Snapshot>> {
        loop {
            self.stream.next().await?;
            // Read now: an event may be older than the content that following began with.
            let now = self.config.snapshot();
            if !Arc::ptr_eq(&now, &self.seen) {
                self.seen = now.clone();
                return Some(now);
            }
        }
    }

    /// Calls this function for each newer content, one call at a time, on a thread that may block. A panic is caught and counted.
    pub fn on_newer(
        self,
        mut function: impl FnMut(&Arc<Snapshot>) + Send + 'static,
    ) -> Subscription {
        let Self { config, stream, mut seen } = self;
        // The namespace keeps the function, so the function must not keep the namespace.
        let namespace = Arc::downgrade(&config.namespace);
        config.deliver(EventKind::Newest, stream, move |_: &Arc<ChangeEvent>| {
            let now = namespace.upgrade().map(|namespace| namespace.snapshot());
            if let Some(now) = now.filter(|now| !Arc::ptr_eq(now, &seen)) {
                seen = now;
                function(&seen);
            }
        })
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Follower").field(&self.seen).finish()
    }
}
