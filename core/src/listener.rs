//! Delivery of change events: each subscription has its own bounded queue, in order, off the network path, so that a slow or
//! failing listener delays nobody. Knows nothing of how events come about.

mod callback;
mod queue;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::stream::Stream;

use crate::change::{ChangeEvent, Interest};
use crate::process_local::ProcessLocal;

pub use callback::Subscription;
pub(crate) use callback::{Delivery, Subscriber};
use queue::{Queue, QueueLimit};

/// All subscriptions of one namespace.
#[derive(Debug)]
pub(crate) struct Listeners {
    queues: Mutex<Vec<Arc<ProcessLocal<Queue>>>>,
    closed: AtomicBool,
    limit: QueueLimit,
    delivered: Arc<AtomicU64>,
}

impl Listeners {
    /// Subscriptions whose queues hold at most `limit` events each.
    pub(crate) fn new(limit: usize) -> Self {
        Self::limited(QueueLimit::Events(limit))
    }

    /// Subscriptions that hear of the newest event only.
    pub(crate) fn newest_only() -> Self {
        Self::limited(QueueLimit::Newest)
    }

    fn limited(limit: QueueLimit) -> Self {
        Self {
            queues: Mutex::default(),
            closed: AtomicBool::new(false),
            limit,
            delivered: Arc::default(),
        }
    }

    /// Queues an event for every subscription that it interests; wakes them and waits for none.
    pub(crate) fn publish(&self, event: &Arc<ChangeEvent>) {
        let mut queues = self.lock();
        queues.retain(|queue| !queue.is_closed());
        for queue in queues.iter() {
            queue.push(event);
        }
    }

    /// A stream of the events from now on; it ends at once when there will be none.
    pub(crate) fn stream(&self, interest: Interest) -> ChangeStream {
        let queue =
            Arc::new(ProcessLocal::new(Queue::new(interest, self.limit, self.delivered.clone())));
        let mut queues = self.lock();
        queues.retain(|queue| !queue.is_closed());
        match self.closed.load(Ordering::SeqCst) {
            true => queue.close(),
            false => queues.push(queue.clone()),
        }
        drop(queues);
        ChangeStream { queue }
    }

    /// A stream that begins where another one is: with what that has not delivered yet. `unapplied` is an event that it has
    /// delivered, but whose reader does not show it yet.
    pub(crate) fn stream_after(
        &self,
        other: &ChangeStream,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        // Nothing is published while the lock is held, so that no event is lost between both queues.
        let mut queues = self.lock();
        let pending = unapplied.into_iter().chain(other.queue.pending());
        let queue = Queue::new(Interest::everything(), self.limit, self.delivered.clone());
        let queue = Arc::new(ProcessLocal::new(queue.with_pending(pending)));
        match self.closed.load(Ordering::SeqCst) {
            true => queue.close(),
            false => queues.push(queue.clone()),
        }
        drop(queues);
        ChangeStream { queue }
    }

    /// Ends every subscription once its queue is empty.
    pub(crate) fn close(&self) {
        let mut queues = self.lock();
        self.closed.store(true, Ordering::SeqCst);
        for queue in queues.drain(..) {
            queue.close();
        }
    }

    /// Whether nobody listens.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How many events wait in all queues together.
    pub(crate) fn depth(&self) -> usize {
        self.lock().iter().map(|queue| queue.len()).sum()
    }

    /// How many events were taken out of all queues together.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ProcessLocal<Queue>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The changes of a namespace as a stream; ends when the client is closed. Dropping it unsubscribes.
///
/// A reader that does not keep up loses no change, only steps: at 256 waiting events the oldest are merged.
#[derive(Debug)]
pub struct ChangeStream {
    queue: Arc<ProcessLocal<Queue>>,
}

impl ChangeStream {
    /// Narrows the stream to events that change this key, beside those asked for before.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.queue.update_interest(|interest| interest.key(key));
        self
    }

    /// Narrows the stream to events that change a key with this prefix, beside those asked for before.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.queue.update_interest(|interest| interest.prefix(prefix));
        self
    }

    /// Forgets the events that wait.
    pub(crate) fn clear_pending(&self) {
        self.queue.clear();
    }

    /// Narrows the stream to what interests.
    pub(crate) fn with_interest(self, interest: Interest) -> Self {
        self.queue.update_interest(|_| interest);
        self
    }

    /// The next event; `None` when the client is closed. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Arc<ChangeEvent>> {
        std::future::poll_fn(|context| self.queue.poll_next(context)).await
    }
}

impl Stream for ChangeStream {
    type Item = Arc<ChangeEvent>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.poll_next(context)
    }
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        // The queue of a parent process may be locked by a thread that a forked child does not have.
        if self.queue.belongs_to_this_process() {
            self.queue.discard();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::diff;
    use crate::snapshot::Snapshot;

    fn event(sequence: u64) -> Arc<ChangeEvent> {
        let before = (sequence - 1).to_string();
        let after = sequence.to_string();
        let old = Snapshot::sample("application", &before, &[("n", &before)]);
        let new = Snapshot::sample("application", &after, &[("n", &after)]);
        let changes = diff(old.configurations(), new.configurations());
        Arc::new(ChangeEvent::new(changes, &old, new, sequence))
    }

    #[tokio::test]
    async fn events_come_in_order_and_the_stream_ends_after_the_last() {
        let listeners = Listeners::new(256);
        let mut stream = listeners.stream(Interest::everything());
        for sequence in 1..=3 {
            listeners.publish(&event(sequence));
        }
        listeners.close();
        for sequence in 1..=3 {
            assert_eq!(stream.next().await.unwrap().sequence(), sequence);
        }
        assert!(stream.next().await.is_none());
        assert_eq!(listeners.delivered(), 3);
    }

    #[tokio::test]
    async fn the_oldest_events_are_merged_when_the_queue_is_full() {
        // C104
        let listeners = Listeners::new(256);
        let mut stream = listeners.stream(Interest::everything());
        for sequence in 1..=10_000 {
            listeners.publish(&event(sequence));
            assert!(listeners.depth() <= 256);
        }
        let first = stream.next().await.unwrap();
        assert_eq!((first.sequence(), first.coalesced()), (9745, 9744));
        assert_eq!(first.change("n").unwrap().old_value.as_deref(), Some("0"));
        let mut last = first;
        for _ in 1..256 {
            let next = stream.next().await.unwrap();
            assert_eq!(next.sequence(), last.sequence() + 1);
            last = next;
        }
        assert_eq!(last.sequence(), 10_000);
    }

    #[tokio::test]
    async fn a_stream_after_another_begins_where_that_is() {
        let listeners = Listeners::new(256);
        let mut first = listeners.stream(Interest::everything());
        for sequence in 1..=3 {
            listeners.publish(&event(sequence));
        }
        let _applied = first.next().await.unwrap();
        let unapplied = first.next().await;
        let mut second = listeners.stream_after(&first, unapplied);
        let mut narrow = listeners.stream_after(&first, None).key("other");
        listeners.publish(&event(4));
        listeners.close();
        for sequence in 2..=4 {
            assert_eq!(second.next().await.unwrap().sequence(), sequence);
        }
        assert!(second.next().await.is_none() && narrow.next().await.is_none());
        assert!(listeners.stream_after(&first, None).next().await.is_some(), "what still waits");
    }

    #[tokio::test]
    async fn a_narrowed_stream_skips_what_it_did_not_ask_for() {
        let listeners = Listeners::new(256);
        let mut other = listeners.stream(Interest::everything()).prefix("db.");
        listeners.publish(&event(1));
        listeners.close();
        assert!(other.next().await.is_none());
    }

    #[test]
    fn a_dropped_stream_is_forgotten() {
        let listeners = Listeners::new(256);
        for _ in 0..100 {
            drop(listeners.stream(Interest::everything()));
            assert_eq!(listeners.lock().len(), 1);
        }
        listeners.publish(&event(1));
        assert!(listeners.lock().is_empty());
    }
}
