//! Delivers change events. Each subscription has its own bounded queue, so that a slow or failing
//! listener delays neither loads nor other listeners.

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
pub(crate) use callback::{Delivery, Subscriber, exclusive};
use queue::{Queue, QueueLimit};

/// All subscriptions of one namespace for one kind of event.
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

    /// Subscriptions that receive only the newest event.
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

    /// Queues an event for every interested subscription. Never waits for a listener.
    pub(crate) fn publish(&self, event: &Arc<ChangeEvent>) {
        let mut queues = self.lock();
        // Subscriptions that ended are removed here and below: there is no task that could do it.
        queues.retain(|queue| !queue.is_closed());
        for queue in queues.iter() {
            queue.push(event);
        }
    }

    /// A stream of the events from now on; it ends at once if the namespace is closed.
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

    /// A stream that continues where another one is: with the events that the other has not
    /// delivered yet. `unapplied` is an event that the other has delivered but its reader not
    /// applied.
    pub(crate) fn stream_after(
        &self,
        other: &ChangeStream,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        self.stream_after_queue(&other.queue, unapplied)
    }

    /// The same for the queue of a stream.
    fn stream_after_queue(
        &self,
        other: &Queue,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        // Nothing is published while the lock is held, so no event is lost between the two queues.
        let mut queues = self.lock();
        let pending = unapplied.into_iter().chain(other.pending());
        let queue = Queue::new(Interest::everything(), self.limit, self.delivered.clone());
        let queue = Arc::new(ProcessLocal::new(queue.with_pending(pending)));
        match self.closed.load(Ordering::SeqCst) {
            true => queue.close(),
            false => queues.push(queue.clone()),
        }
        drop(queues);
        ChangeStream { queue }
    }

    /// Ends every subscription after its queued events.
    pub(crate) fn close(&self) {
        let mut queues = self.lock();
        // Set under the lock: a stream created concurrently is either drained here or sees the
        // flag.
        self.closed.store(true, Ordering::SeqCst);
        for queue in queues.drain(..) {
            queue.close();
        }
    }

    /// Whether there is no subscription.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Number of events waiting in all queues.
    pub(crate) fn depth(&self) -> usize {
        self.lock().iter().map(|queue| queue.len()).sum()
    }

    /// Number of events taken from all queues.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ProcessLocal<Queue>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The changes of a namespace as a stream. It ends when the client or the namespace is closed;
/// dropping it unsubscribes.
///
/// A reader that falls behind loses no change, only intermediate steps: beyond 256 waiting events
/// (`castalia.listener-queue`) the oldest are merged.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// let config = memory.client().config("application").await?;
/// let mut changes = config.changes().key("timeout").prefix("db.");
///
/// memory.set("application", "color", "red").await?;
/// memory.set("application", "db.host", "db1").await?;
///
/// let event = changes.next().await.expect("the client is open");
/// assert_eq!(event.interested_keys(), ["db.host"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ChangeStream {
    queue: Arc<ProcessLocal<Queue>>,
}

impl ChangeStream {
    /// Limits the stream to events that change this key, or a key or prefix added before.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.queue.update_interest(|interest| interest.key(key));
        self
    }

    /// Limits the stream to events that change a key with this prefix, or a key or prefix added
    /// before.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.queue.update_interest(|interest| interest.prefix(prefix));
        self
    }

    /// Discards the waiting events.
    pub(crate) fn clear_pending(&self) {
        self.queue.clear();
    }

    /// Limits the stream to events of this interest, which replaces keys and prefixes added before.
    #[must_use]
    pub fn with_interest(self, interest: Interest) -> Self {
        self.queue.update_interest(|_| interest);
        self
    }

    /// The next event; `None` once the client or the namespace is closed, and in a child process that
    /// was forked after the stream began. Dropping the future loses
    /// no event.
    pub async fn next(&mut self) -> Option<Arc<ChangeEvent>> {
        std::future::poll_fn(|context| self.poll_queue(context)).await
    }

    fn poll_queue(&self, context: &mut Context<'_>) -> Poll<Option<Arc<ChangeEvent>>> {
        // Nothing is published to it in a forked child, whose namespaces begin anew.
        match self.queue.belongs_to_this_process() {
            true => self.queue.poll_next(context),
            false => Poll::Ready(None),
        }
    }
}

impl Stream for ChangeStream {
    type Item = Arc<ChangeEvent>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_queue(context)
    }
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        // In a forked child the queue may be locked by a thread that does not exist there.
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
