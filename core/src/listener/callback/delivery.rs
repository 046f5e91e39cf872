//! The task that calls a subscriber.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Left, Subscriber};
use crate::blocking_pool::{DROP_POOL, LISTENER_POOL, warn_if_slow};
use crate::change::ChangeEvent;
use crate::listener::ChangeStream;
use crate::supervise::supervise;

/// The task that calls a subscriber. Dropping it ends the subscription if `abandon` is cancelled;
/// otherwise the runtime has ended, and another one may continue.
pub(crate) struct Delivery {
    /// `None` only while it is being dropped.
    stream: Option<ChangeStream>,
    /// The event of the last call.
    taken: Option<Arc<ChangeEvent>>,
    /// Whether the call has begun, or the event was left for another runtime.
    claimed: Arc<AtomicBool>,
    subscriber: Arc<Subscriber>,
    abandon: CancellationToken,
}

impl Delivery {
    pub(super) fn new(stream: ChangeStream, subscriber: Arc<Subscriber>) -> Self {
        let abandon = CancellationToken::new();
        let claimed = Arc::default();
        Self { stream: Some(stream), taken: None, claimed, subscriber, abandon }
    }

    /// Delivers events until the subscription or the client ends, or until `abandon` is cancelled.
    /// `failed` is called with the name of the namespace if the function panics.
    pub(crate) async fn run(
        mut self,
        failed: impl Fn(&str) + Send + Sync,
        abandon: CancellationToken,
    ) {
        self.abandon = abandon;
        let mut subject = (self, failed);
        supervise("change listener", &mut subject, |(delivery, failed)| {
            Box::pin(delivery.deliver_until_closed(failed))
        })
        .await;
        let (delivery, _) = subject;
        let subscriber = delivery.subscriber.clone();
        subscriber.ended.store(true, Ordering::SeqCst);
        // Dropped on a blocking thread: the function may own something whose destructor blocks.
        let _ = DROP_POOL.run(move || subscriber.drop_function()).await;
    }

    async fn deliver_until_closed(&mut self, failed: &(impl Fn(&str) + Sync)) {
        while let Some(event) = self.next().await {
            let subscriber = self.subscriber.clone();
            let namespace = event.identity().namespace.clone();
            let claimed = self.claimed.clone();
            let call = LISTENER_POOL
                .start(move || claimed.swap(true, Ordering::SeqCst) || subscriber.call(&event));
            let waits = || {
                warn!(
                    namespace,
                    "a change event waits for a listener thread: too many listeners of this process are blocked"
                );
            };
            let call = warn_if_slow(call, waits).await;
            // It loses no event, but receives them late.
            let runs = || {
                warn!(
                    namespace,
                    "a change listener has been running for 30 s; its later events are waiting"
                );
            };
            let completed = warn_if_slow(call, runs).await;
            // An error means that the runtime is shutting down, not that the listener failed.
            if !completed.unwrap_or(true) {
                failed(&namespace);
                error!(namespace, "a change listener failed; it remains registered");
            }
        }
    }

    /// The next event; the last one again if its call has not begun, because this task panicked.
    async fn next(&mut self) -> Option<Arc<ChangeEvent>> {
        if self.taken.is_none() || self.claimed.load(Ordering::SeqCst) {
            self.taken = self.stream.as_mut()?.next().await;
            self.claimed = Arc::default();
        }
        self.taken.clone()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let subscriber = &self.subscriber;
        if self.abandon.is_cancelled() {
            subscriber.ended.store(true, Ordering::SeqCst);
        }
        if subscriber.has_ended() {
            subscriber.drop_idle_function();
            return;
        }
        // Unless another runtime has continued already.
        if let Some(stream) = self.stream.take()
            && Arc::ptr_eq(&subscriber.queue.load(), &stream.queue)
        {
            let is_called = self.claimed.swap(true, Ordering::SeqCst);
            let taken = self.taken.take().filter(|_| !is_called);
            subscriber.leave(Left { taken, _stream: stream });
        }
    }
}
