//! An open namespace as all its holders share it: the current snapshot, the listeners, and the way to ask for a load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RefreshReply;
use super::handle::HandleCount;
use crate::change::{ChangeEvent, Changes, content_diff, visible_diff};
use crate::error::{Error, ErrorKind, Result};
use crate::listener::{ChangeStream, Delivery, Listeners, Subscriber};
use crate::monitor::{ErrorLog, NamespaceMetrics, NamespaceMonitor};
use crate::process_local::ProcessLocal;
use crate::protocol::namespace::NamespaceKey;
use crate::snapshot::{CurrentSnapshot, NamespaceContext, Snapshot};

/// One open namespace. Its pipeline writes, everybody reads.
pub(crate) struct Namespace {
    context: Arc<NamespaceContext>,
    current: CurrentSnapshot,
    sequence: AtomicU64,
    /// Functions to call, with the listeners they belong to; kept apart from `runtime` for the sake of forked children.
    subscribers: ArcSwap<Vec<(EventKind, Arc<Subscriber>)>>,
    handle_count: HandleCount,
    runtime: ArcSwap<ProcessLocal<NamespaceRuntime>>,
}

/// What a listener is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// The key-value view.
    Values,
    /// The namespace as one text.
    Content,
    /// Whatever the newest content is, without what differs.
    Newest,
}

/// What the pipeline of this process keeps going.
pub(crate) struct NamespaceRuntime {
    values: Listeners,
    content: Listeners,
    newest: Listeners,
    monitor: NamespaceMonitor,
    settled: watch::Sender<bool>,
    refresh_requests: mpsc::Sender<RefreshReply>,
    released: CancellationToken,
}

impl NamespaceRuntime {
    fn new(
        queue_limit: usize,
        refresh_requests: mpsc::Sender<RefreshReply>,
        errors: Arc<ErrorLog>,
    ) -> Self {
        Self {
            values: Listeners::new(queue_limit),
            content: Listeners::new(queue_limit),
            newest: Listeners::newest_only(),
            monitor: NamespaceMonitor::new(errors),
            settled: watch::Sender::new(false),
            refresh_requests,
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

    pub(crate) fn listeners(&self, kind: EventKind) -> &Listeners {
        match kind {
            EventKind::Values => &self.values,
            EventKind::Content => &self.content,
            EventKind::Newest => &self.newest,
        }
    }
}

impl Namespace {
    /// A namespace with nothing in it; loads are asked for through `refresh_requests`.
    pub(crate) fn new(
        context: Arc<NamespaceContext>,
        queue_limit: usize,
        refresh_requests: mpsc::Sender<RefreshReply>,
        errors: Arc<ErrorLog>,
    ) -> Self {
        Self {
            current: CurrentSnapshot::new(Snapshot::empty(context.clone())),
            sequence: AtomicU64::new(0),
            subscribers: ArcSwap::default(),
            handle_count: HandleCount::default(),
            runtime: ArcSwap::from_pointee(ProcessLocal::new(NamespaceRuntime::new(
                queue_limit,
                refresh_requests,
                errors,
            ))),
            context,
        }
    }

    pub(crate) fn identity(&self) -> &NamespaceKey {
        &self.context.identity
    }

    pub(crate) fn context(&self) -> &Arc<NamespaceContext> {
        &self.context
    }

    #[inline]
    pub(crate) fn current(&self) -> &CurrentSnapshot {
        &self.current
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(crate) fn runtime(&self) -> Guard<Arc<ProcessLocal<NamespaceRuntime>>> {
        self.runtime.load()
    }

    pub(crate) fn metrics(&self) -> NamespaceMetrics {
        let runtime = self.runtime();
        let mut metrics = runtime.monitor.metrics(&self.snapshot());
        for listeners in [&runtime.values, &runtime.content, &runtime.newest] {
            metrics.listener_queue += listeners.depth();
            metrics.events_delivered += listeners.delivered();
        }
        metrics
    }

    /// Registers a function for the events of a stream of this view; what is given back delivers to it.
    pub(crate) fn subscribe(
        &self,
        kind: EventKind,
        stream: ChangeStream,
        function: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> (Arc<Subscriber>, Delivery) {
        let (subscriber, delivery) = Subscriber::new(stream, Box::new(function));
        self.subscribers.rcu(|known| {
            let known = known.iter().filter(|(_, known)| !known.has_ended()).cloned();
            known.chain([(kind, subscriber.clone())]).collect::<Vec<_>>()
        });
        (subscriber, delivery)
    }

    /// Calls a function for each event until the subscription or the namespace ends.
    pub(crate) async fn deliver(self: Arc<Self>, delivery: Delivery) {
        delivery.run(|namespace| self.runtime().monitor.listener_failed(namespace)).await;
    }

    /// Starts anew in a forked child, with the content and the functions that are there; gives what delivers to them.
    pub(crate) fn resume(
        &self,
        queue_limit: usize,
        refresh_requests: mpsc::Sender<RefreshReply>,
        errors: Arc<ErrorLog>,
    ) -> Vec<Delivery> {
        let runtime = NamespaceRuntime::new(queue_limit, refresh_requests, errors);
        runtime.settled.send_replace(true);
        self.current.replace(Arc::new(self.snapshot().renewed()));
        let subscribers = self.subscribers.load_full();
        let deliveries = subscribers
            .iter()
            .filter_map(|(kind, subscriber)| subscriber.resume(runtime.listeners(*kind)))
            .collect();
        // What the parent had not yet delivered is lost with its threads.
        runtime.newest.publish(&self.newest_event(&self.snapshot()));
        self.runtime.store(Arc::new(ProcessLocal::new(runtime)));
        deliveries
    }

    /// Returns once the first load has ended, well or not.
    pub(crate) async fn wait_until_settled(&self) {
        let mut settled = self.runtime().settled.subscribe();
        // Fails when the namespace was closed meanwhile, which ends the wait as well.
        let _ = settled.wait_for(|settled| *settled).await;
    }

    pub(crate) fn is_settled(&self) -> bool {
        *self.runtime().settled.borrow()
    }

    pub(super) fn handle_count(&self) -> &HandleCount {
        &self.handle_count
    }

    /// Whether its last holder has given it up; it is never opened again.
    pub(crate) fn is_released(&self) -> bool {
        self.handle_count.is_closed()
    }

    /// Nobody wants it any more: its task ends, and with it its subscriptions.
    pub(super) fn cancel_runtime(&self) {
        let runtime = self.runtime();
        // In a forked child there is nothing to end, and a lock may be held for ever.
        if runtime.belongs_to_this_process() {
            runtime.released.cancel();
        }
    }

    /// Loads now and says how it went.
    pub(crate) async fn refresh(&self) -> Result<()> {
        let refresh_requests = self.runtime().refresh_requests.clone();
        let (reply, answer) = oneshot::channel();
        refresh_requests.send(reply).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Makes it the current content and then wakes the listeners, so that a read inside a listener sees it. The first content
    /// is no change. True when the content as the server sent it differs.
    pub(super) fn publish(&self, new: &Arc<Snapshot>) -> bool {
        let old = self.current.replace(new.clone());
        let changed = old.configurations() != new.configurations();
        if self.is_settled() {
            if changed {
                self.publish_changes(&old, new);
            }
            self.publish_newest(new);
        }
        changed
    }

    fn settle(&self, after: Duration) {
        let runtime = self.runtime();
        let first = !runtime.settled.send_replace(true);
        if first {
            runtime.monitor.first_load_done(after);
        }
    }

    /// Ends the subscriptions after what is queued, and every wait.
    pub(super) fn close(&self) {
        let runtime = self.runtime();
        runtime.values.close();
        runtime.content.close();
        runtime.newest.close();
        runtime.settled.send_replace(true);
    }

    fn publish_changes(&self, old: &Snapshot, new: &Arc<Snapshot>) {
        let runtime = self.runtime();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let changes = visible_diff(old, new);
        if !changes.is_empty() {
            let event = ChangeEvent::new(changes, old, new.clone(), sequence);
            runtime.values.publish(&Arc::new(event));
        }
        if !runtime.content.is_empty() {
            let event = ChangeEvent::new(content_diff(old, new), old, new.clone(), sequence);
            runtime.content.publish(&Arc::new(event));
        }
    }

    /// Wakes those that follow the content as a whole: also where no value that others see has changed.
    fn publish_newest(&self, new: &Arc<Snapshot>) {
        let runtime = self.runtime();
        if !runtime.newest.is_empty() {
            runtime.newest.publish(&self.newest_event(new));
        }
    }

    fn newest_event(&self, new: &Arc<Snapshot>) -> Arc<ChangeEvent> {
        let sequence = self.sequence.load(Ordering::Relaxed);
        Arc::new(ChangeEvent::new(Changes::default(), new, new.clone(), sequence))
    }
}

/// Counts a first load as ended at the latest when it is dropped, so that nobody waits for one that panicked.
pub(super) struct FirstLoadGuard {
    namespace: Arc<Namespace>,
    pub(super) start: Instant,
}

impl FirstLoadGuard {
    pub(super) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace, start: Instant::now() }
    }

    pub(super) fn settle(&self) {
        self.namespace.settle(self.start.elapsed());
    }
}

impl Drop for FirstLoadGuard {
    fn drop(&mut self) {
        self.settle();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "refresh", "the client or the namespace is closed")
}
