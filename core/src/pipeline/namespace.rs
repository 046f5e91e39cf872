//! An open namespace as all its holders share it: the current snapshot, the listeners, and the way to ask for a load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Reply;
use super::holding::Holders;
use crate::change::{ChangeEvent, Changes, content_diff, visible_diff};
use crate::error::{Error, ErrorKind, Result};
use crate::listener::{ChangeStream, Delivery, Listeners, Subscriber};
use crate::monitor::{ErrorLog, NamespaceMetrics, NamespaceMonitor};
use crate::process::Bound;
use crate::snapshot::{Current, Identity, Place, Snapshot};

/// One open namespace. Its pipeline writes, everybody reads.
pub(crate) struct Namespace {
    place: Arc<Place>,
    current: Current,
    sequence: AtomicU64,
    /// Functions to call, with the listeners they belong to; kept apart from `live` for the sake of forked children.
    subscribers: ArcSwap<Vec<(View, Arc<Subscriber>)>>,
    holders: Holders,
    live: ArcSwap<Bound<Live>>,
}

/// What a listener is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The key-value view.
    Values,
    /// The namespace as one text.
    Content,
    /// Whatever the newest content is, without what differs.
    Newest,
}

/// What the pipeline of this process keeps going.
pub(crate) struct Live {
    values: Listeners,
    content: Listeners,
    newest: Listeners,
    monitor: NamespaceMonitor,
    settled: watch::Sender<bool>,
    ask: mpsc::Sender<Reply>,
    released: CancellationToken,
}

impl Live {
    fn new(queue_limit: usize, ask: mpsc::Sender<Reply>, errors: Arc<ErrorLog>) -> Self {
        Self {
            values: Listeners::new(queue_limit),
            content: Listeners::new(queue_limit),
            newest: Listeners::of_newest(),
            monitor: NamespaceMonitor::new(errors),
            settled: watch::Sender::new(false),
            ask,
            released: CancellationToken::new(),
        }
    }

    /// Cancelled when nobody wants the namespace any more.
    pub(super) fn released(&self) -> CancellationToken {
        self.released.clone()
    }

    pub(crate) fn monitor(&self) -> &NamespaceMonitor {
        &self.monitor
    }

    pub(crate) fn listeners(&self, view: View) -> &Listeners {
        match view {
            View::Values => &self.values,
            View::Content => &self.content,
            View::Newest => &self.newest,
        }
    }
}

impl Namespace {
    /// A namespace with nothing in it; loads are asked for through `ask`.
    pub(crate) fn new(
        place: Arc<Place>,
        queue_limit: usize,
        ask: mpsc::Sender<Reply>,
        errors: Arc<ErrorLog>,
    ) -> Self {
        Self {
            current: Current::new(Snapshot::empty(place.clone())),
            sequence: AtomicU64::new(0),
            subscribers: ArcSwap::default(),
            holders: Holders::default(),
            live: ArcSwap::from_pointee(Bound::new(Live::new(queue_limit, ask, errors))),
            place,
        }
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.place.identity
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    #[inline]
    pub(crate) fn current(&self) -> &Current {
        &self.current
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(crate) fn live(&self) -> Guard<Arc<Bound<Live>>> {
        self.live.load()
    }

    pub(crate) fn metrics(&self) -> NamespaceMetrics {
        let live = self.live();
        let mut metrics = live.monitor.metrics(&self.snapshot());
        for listeners in [&live.values, &live.content, &live.newest] {
            metrics.listener_queue += listeners.depth();
            metrics.events_taken += listeners.taken();
        }
        metrics
    }

    /// Registers a function for the events of a stream of this view; what is given back delivers to it.
    pub(crate) fn subscribe(
        &self,
        view: View,
        stream: ChangeStream,
        function: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> (Arc<Subscriber>, Delivery) {
        let (subscriber, delivery) = Subscriber::new(stream, Box::new(function));
        self.subscribers.rcu(|known| {
            let known = known.iter().filter(|(_, known)| !known.has_ended()).cloned();
            known.chain([(view, subscriber.clone())]).collect::<Vec<_>>()
        });
        (subscriber, delivery)
    }

    /// Calls a function for each event until the subscription or the namespace ends.
    pub(crate) async fn deliver(self: Arc<Self>, delivery: Delivery) {
        delivery.run(|namespace| self.live().monitor.listener_failed(namespace)).await;
    }

    /// Starts anew in a forked child, with the content and the functions that are there; gives what delivers to them.
    pub(crate) fn resume(
        &self,
        queue_limit: usize,
        ask: mpsc::Sender<Reply>,
        errors: Arc<ErrorLog>,
    ) -> Vec<Delivery> {
        let live = Live::new(queue_limit, ask, errors);
        live.settled.send_replace(true);
        self.current.replace(Arc::new(self.snapshot().renewed()));
        let subscribers = self.subscribers.load_full();
        let deliveries = subscribers
            .iter()
            .filter_map(|(view, subscriber)| subscriber.resume(live.listeners(*view)))
            .collect();
        // What the parent had not yet delivered is lost with its threads.
        live.newest.publish(&self.newest_event(&self.snapshot()));
        self.live.store(Arc::new(Bound::new(live)));
        deliveries
    }

    /// Returns once the first load has ended, well or not.
    pub(crate) async fn opened(&self) {
        let mut settled = self.live().settled.subscribe();
        // Fails when the namespace was closed meanwhile, which ends the wait as well.
        let _ = settled.wait_for(|settled| *settled).await;
    }

    pub(crate) fn is_settled(&self) -> bool {
        *self.live().settled.borrow()
    }

    pub(super) fn holders(&self) -> &Holders {
        &self.holders
    }

    /// Whether its last holder has given it up; it is never opened again.
    pub(crate) fn is_released(&self) -> bool {
        self.holders.is_closed()
    }

    /// Nobody wants it any more: its task ends, and with it its subscriptions.
    pub(super) fn release(&self) {
        let live = self.live();
        // In a forked child there is nothing to end, and a lock may be held for ever.
        if live.is_ours() {
            live.released.cancel();
        }
    }

    /// Loads now and says how it went.
    pub(crate) async fn refresh(&self) -> Result<()> {
        let ask = self.live().ask.clone();
        let (reply, answer) = oneshot::channel();
        ask.send(reply).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Makes it the current content and then wakes the listeners, so that a read inside a listener sees it. The first content
    /// is no change. True when the content as the server sent it differs.
    pub(super) fn publish(&self, new: &Arc<Snapshot>) -> bool {
        let old = self.current.replace(new.clone());
        let changed = old.configurations() != new.configurations();
        if self.is_settled() {
            if changed {
                self.wake(&old, new);
            }
            self.wake_newest(new);
        }
        changed
    }

    fn settle(&self, after: Duration) {
        let live = self.live();
        let first = !live.settled.send_replace(true);
        if first {
            live.monitor.settled(after);
        }
    }

    /// Ends the subscriptions after what is queued, and every wait.
    pub(super) fn close(&self) {
        let live = self.live();
        live.values.close();
        live.content.close();
        live.newest.close();
        live.settled.send_replace(true);
    }

    fn wake(&self, old: &Snapshot, new: &Arc<Snapshot>) {
        let live = self.live();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let changes = visible_diff(old, new);
        if !changes.is_empty() {
            let event = ChangeEvent::new(changes, old, new.clone(), sequence);
            live.values.publish(&Arc::new(event));
        }
        if !live.content.is_empty() {
            let event = ChangeEvent::new(content_diff(old, new), old, new.clone(), sequence);
            live.content.publish(&Arc::new(event));
        }
    }

    /// Wakes those that follow the content as a whole: also where no value that others see has changed.
    fn wake_newest(&self, new: &Arc<Snapshot>) {
        let live = self.live();
        if !live.newest.is_empty() {
            live.newest.publish(&self.newest_event(new));
        }
    }

    fn newest_event(&self, new: &Arc<Snapshot>) -> Arc<ChangeEvent> {
        let sequence = self.sequence.load(Ordering::Relaxed);
        Arc::new(ChangeEvent::new(Changes::default(), new, new.clone(), sequence))
    }
}

/// Counts a first load as ended at the latest when it is dropped, so that nobody waits for one that panicked.
pub(super) struct Opening {
    namespace: Arc<Namespace>,
    pub(super) start: Instant,
}

impl Opening {
    pub(super) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace, start: Instant::now() }
    }

    pub(super) fn settle(&self) {
        self.namespace.settle(self.start.elapsed());
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.settle();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "refresh", "the client or the namespace is closed")
}
