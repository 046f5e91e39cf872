//! An open namespace, shared by all its handles: the current snapshot, the listeners, and the
//! channel that requests a load.

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
use crate::snapshot::{CurrentSnapshot, NamespaceContext, Snapshot, Source};

/// One open namespace. Its pipeline writes, everything else reads.
pub(crate) struct Namespace {
    context: Arc<NamespaceContext>,
    current: CurrentSnapshot,
    sequence: AtomicU64,
    /// Registered functions and the kind of event each receives. Outside `runtime`, because they
    /// survive a fork and the runtime does not.
    subscribers: ArcSwap<Vec<(EventKind, Arc<Subscriber>)>>,
    handle_count: HandleCount,
    runtime: ArcSwap<ProcessLocal<NamespaceRuntime>>,
}

/// Which events a listener receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// Changes of the key-value view.
    Values,
    /// Changes of the namespace as one text, under the key `content`.
    Content,
    /// Every new snapshot, without a list of changes.
    Newest,
}

/// The parts of a namespace that are served by tasks, and therefore belong to one process.
pub(crate) struct NamespaceRuntime {
    values: Arc<Listeners>,
    content: Arc<Listeners>,
    newest: Arc<Listeners>,
    monitor: NamespaceMonitor,
    // True once the first load has ended. A watch rather than a `Notify`, because callers may
    // arrive later.
    settled: watch::Sender<bool>,
    /// Whether an earlier runtime may have shown its values, or their absence, to listeners.
    is_resumed: bool,
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
            values: Arc::new(Listeners::new(queue_limit)),
            content: Arc::new(Listeners::new(queue_limit)),
            newest: Arc::new(Listeners::newest_only()),
            monitor: NamespaceMonitor::new(errors),
            settled: watch::Sender::new(false),
            is_resumed: false,
            refresh_requests,
            released: CancellationToken::new(),
        }
    }

    /// Publishes to the streams of another runtime of the same process.
    fn continue_streams(&mut self, other: &Self) {
        self.values = other.values.clone();
        self.content = other.content.clone();
        self.newest = other.newest.clone();
    }

    fn settle(&self, after: Duration) {
        let first = !self.settled.send_replace(true);
        if first {
            self.monitor.first_load_done(after);
        }
    }

    /// Cancelled when the last handle closes the namespace.
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
    /// An empty namespace; loads are requested through `refresh_requests`.
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

    /// Registers a function for the events of a stream. The caller runs the returned delivery.
    pub(crate) fn subscribe(
        &self,
        kind: EventKind,
        stream: ChangeStream,
        function: impl Fn(&Arc<ChangeEvent>) + Send + Sync + 'static,
    ) -> (Arc<Subscriber>, Delivery) {
        let (subscriber, delivery) = Subscriber::new(stream, Box::new(function));
        // Ended subscriptions are removed here, so that programs that subscribe again and again do
        // not accumulate them.
        self.subscribers.rcu(|known| {
            let known = known.iter().filter(|(_, known)| !known.has_ended()).cloned();
            known.chain([(kind, subscriber.clone())]).collect::<Vec<_>>()
        });
        (subscriber, delivery)
    }

    /// Calls a registered function for each event until the subscription or the namespace ends.
    pub(crate) async fn deliver(self: Arc<Self>, delivery: Delivery, abandon: CancellationToken) {
        let failed = |namespace: &str| self.runtime().monitor.listener_failed(namespace);
        delivery.run(failed, abandon).await;
    }

    /// Restarts the namespace in a forked child, or on another runtime, with the last snapshot and
    /// the registered functions. The caller runs the returned deliveries.
    pub(crate) fn resume(
        &self,
        queue_limit: usize,
        refresh_requests: mpsc::Sender<RefreshReply>,
        errors: Arc<ErrorLog>,
    ) -> Vec<Delivery> {
        let mut runtime = NamespaceRuntime::new(queue_limit, refresh_requests, errors);
        let previous = self.runtime();
        if previous.belongs_to_this_process() {
            runtime.continue_streams(&previous);
        }
        // The last values are served at once; callers must not wait for a first load again.
        let has_values = self.snapshot().values_source() != Source::None;
        runtime.settled.send_replace(has_values);
        runtime.is_resumed = true;
        self.current.replace(Arc::new(self.snapshot().renewed()));
        let subscribers = self.subscribers.load_full();
        let deliveries = subscribers
            .iter()
            .filter_map(|(kind, subscriber)| subscriber.resume(runtime.listeners(*kind)))
            .collect();
        // Events that were queued in the parent are lost with its threads. Followers get one event
        // for the snapshot, so that none keeps an older one.
        runtime.newest.publish(&self.newest_event(&self.snapshot()));
        self.runtime.store(Arc::new(ProcessLocal::new(runtime)));
        deliveries
    }

    /// Returns once the first load has ended, successfully or not.
    pub(crate) async fn wait_until_settled(&self) {
        let mut settled = self.runtime().settled.subscribe();
        // Fails if the namespace is closed meanwhile, which ends the wait too.
        let _ = settled.wait_for(|settled| *settled).await;
    }

    pub(crate) fn is_settled(&self) -> bool {
        *self.runtime().settled.borrow()
    }

    pub(super) fn handle_count(&self) -> &HandleCount {
        &self.handle_count
    }

    /// Whether the last handle closed the namespace. It is then never opened again; a new one takes
    /// its place.
    pub(crate) fn is_released(&self) -> bool {
        self.handle_count.is_closed()
    }

    /// Ends the task of the namespace, and with it the subscriptions.
    pub(super) fn cancel_runtime(&self) {
        let runtime = self.runtime();
        // A forked child has no task to end, and the token's lock may be held by a thread of the
        // parent.
        if runtime.belongs_to_this_process() {
            runtime.released.cancel();
        }
    }

    /// Requests a load and returns its result.
    pub(crate) async fn refresh(&self) -> Result<()> {
        let refresh_requests = self.runtime().refresh_requests.clone();
        let (reply, answer) = oneshot::channel();
        refresh_requests.send(reply).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Makes a snapshot current and then wakes the listeners, so that reads inside a listener see
    /// it. Returns whether the configurations differ from those before.
    pub(super) fn publish(&self, new: &Arc<Snapshot>) -> bool {
        let old = self.current.replace(new.clone());
        // While a document cannot be parsed, its values may change alone.
        let changed = old.configurations() != new.configurations()
            || new.problem().is_some() && old.values() != new.values();
        // The first values are not a change: nothing was there before for a listener to compare
        // with.
        if self.is_settled() || self.runtime().is_resumed {
            if changed {
                self.publish_changes(&old, new);
            }
            self.publish_newest(new);
        }
        changed
    }

    /// Ends the subscriptions after their queued events, and every wait for the first load.
    pub(super) fn close(&self) {
        let runtime = self.runtime();
        runtime.values.close();
        runtime.content.close();
        runtime.newest.close();
        runtime.settled.send_replace(true);
    }

    /// The same with its functions, if there is no task any more that would do it.
    pub(crate) fn close_without_task(&self) {
        self.close();
        self.subscribers.load().iter().for_each(|(_, subscriber)| subscriber.end());
    }

    fn publish_changes(&self, old: &Snapshot, new: &Arc<Snapshot>) {
        let runtime = self.runtime();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let changes = visible_diff(old, new);
        if !changes.is_empty() {
            let event = ChangeEvent::new(changes, old, new.clone(), sequence);
            runtime.values.publish(&Arc::new(event));
        }
        // Rendering both texts is expensive, so it is done only for listeners of files.
        if !runtime.content.is_empty() {
            let event = ChangeEvent::new(content_diff(old, new), old, new.clone(), sequence);
            runtime.content.publish(&Arc::new(event));
        }
    }

    /// Wakes the followers of whole snapshots, also if no visible value changed.
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

/// Settles the namespace when it is dropped, so that callers do not wait forever for a load that
/// panicked, or whose runtime has ended.
pub(super) struct FirstLoadGuard {
    runtime: Arc<ProcessLocal<NamespaceRuntime>>,
    pub(super) start: Instant,
}

impl FirstLoadGuard {
    pub(super) fn new(namespace: &Namespace) -> Self {
        Self { runtime: namespace.runtime.load_full(), start: Instant::now() }
    }

    pub(super) fn settle(&self) {
        self.runtime.settle(self.start.elapsed());
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
