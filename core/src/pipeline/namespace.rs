//! An open namespace as all its holders share it: the current snapshot, the listeners, and the way to ask for a load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

use super::Reply;
use crate::change::{ChangeEvent, content_diff, diff};
use crate::error::{Error, ErrorKind, Result};
use crate::listener::Listeners;
use crate::monitor::{NamespaceMetrics, NamespaceMonitor};
use crate::snapshot::{Identity, Place, Snapshot};

/// One open namespace. Its pipeline writes, everybody reads.
pub(crate) struct Namespace {
    place: Arc<Place>,
    current: ArcSwap<Snapshot>,
    /// Of the key-value view.
    listeners: Listeners,
    /// Of the namespace as one text.
    content_listeners: Listeners,
    monitor: NamespaceMonitor,
    sequence: AtomicU64,
    settled: watch::Sender<bool>,
    ask: mpsc::Sender<Reply>,
}

impl Namespace {
    /// A namespace with nothing in it; loads are asked for through `ask`.
    pub(crate) fn new(place: Arc<Place>, queue_limit: usize, ask: mpsc::Sender<Reply>) -> Self {
        Self {
            current: ArcSwap::from_pointee(Snapshot::empty(place.clone())),
            listeners: Listeners::new(queue_limit),
            content_listeners: Listeners::new(queue_limit),
            monitor: NamespaceMonitor::new(),
            sequence: AtomicU64::new(0),
            settled: watch::Sender::new(false),
            ask,
            place,
        }
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.place.identity
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    pub(crate) fn current(&self) -> &ArcSwap<Snapshot> {
        &self.current
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    pub(crate) fn content_listeners(&self) -> &Listeners {
        &self.content_listeners
    }

    pub(crate) fn monitor(&self) -> &NamespaceMonitor {
        &self.monitor
    }

    pub(crate) fn metrics(&self) -> NamespaceMetrics {
        let queue = self.listeners.depth() + self.content_listeners.depth();
        self.monitor.metrics(&self.snapshot(), queue)
    }

    /// Returns once the first load has ended, well or not.
    pub(crate) async fn opened(&self) {
        let mut settled = self.settled.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = settled.wait_for(|settled| *settled).await;
    }

    pub(crate) fn is_settled(&self) -> bool {
        *self.settled.borrow()
    }

    /// Loads now and says how it went.
    pub(crate) async fn refresh(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.ask.send(reply).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Makes it the current content and then wakes the listeners, so that a read inside a listener sees it. The first content
    /// is no change. True when the content as the server sent it differs.
    pub(super) fn publish(&self, new: &Arc<Snapshot>) -> bool {
        let old = self.current.swap(new.clone());
        let changed = old.configurations() != new.configurations();
        if changed && self.is_settled() {
            self.wake(&old, new);
        }
        changed
    }

    pub(super) fn settle(&self, after: Duration) {
        let first = !self.settled.send_replace(true);
        if first {
            self.monitor.settled(after);
        }
    }

    /// Ends the subscriptions after what is queued, and every wait.
    pub(super) fn close(&self) {
        self.listeners.close();
        self.content_listeners.close();
        self.settled.send_replace(true);
    }

    fn wake(&self, old: &Snapshot, new: &Arc<Snapshot>) {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let changes = diff(old.values(), new.values());
        if !changes.is_empty() {
            let event = ChangeEvent::new(changes, old, new.clone(), sequence);
            self.listeners.publish(&Arc::new(event));
        }
        if !self.content_listeners.is_empty() {
            let event = ChangeEvent::new(content_diff(old, new), old, new.clone(), sequence);
            self.content_listeners.publish(&Arc::new(event));
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "refresh", "the client is closed")
}
