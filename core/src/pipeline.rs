//! One task for each open namespace: it waits for a reason to load, loads, publishes the snapshot,
//! wakes the listeners and writes the cache file. Only this task replaces the snapshot of its
//! namespace.

mod disk;
mod fallback;
mod fallback_server;
mod handle;
mod namespace;
mod newest_release;
mod opening;
mod schedule;
mod validator;
mod writer;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{join, select};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::cache::LoadNumber;
use crate::discovery::ServiceUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::log_limit::LogLimit;
use crate::long_poll::Announcement;
use crate::monitor::State;
use crate::repository::{LoadBase, LoadMode, LoadOutcome, Repository};
use crate::settings::EffectiveSettings;
use crate::snapshot::{Snapshot, Source};
use crate::supervise::supervise;
use crate::transport::Failure;

pub(crate) use disk::Disk;
pub(crate) use fallback::Fallback;
use fallback_server::{FallbackRequests, FallbackServer};
pub(crate) use handle::NamespaceHandle;
use namespace::FirstLoadGuard;
pub(crate) use namespace::{EventKind, Namespace};
use newest_release::NewestRelease;
use schedule::Schedule;
pub(crate) use validator::{Validator, Validators};
use writer::CacheWriter;

/// Receives the result of a refresh that a caller requested.
pub(crate) type RefreshReply = oneshot::Sender<Result<()>>;

/// Everything a pipeline uses.
pub(crate) struct PipelineDependencies {
    pub(crate) settings: Arc<EffectiveSettings>,
    /// Whether only files are used, and no server.
    pub(crate) is_local: bool,
    pub(crate) repository: Repository,
    /// `None` if nothing is announced: local mode, or a source function of the application.
    pub(crate) announcements: Option<watch::Receiver<Option<Announcement>>>,
    pub(crate) refresh_requests: mpsc::Receiver<RefreshReply>,
    pub(crate) fallback: Arc<Fallback>,
    pub(crate) validators: Arc<Validators>,
}

/// The task of one namespace.
pub(crate) struct Pipeline {
    namespace: Arc<Namespace>,
    dependencies: PipelineDependencies,
    schedule: Schedule,
    /// The last load. Signals the cache writer that the file may differ from the snapshot.
    unsaved: watch::Sender<LoadNumber>,
    /// Newest announcement. Its messages are sent with each load, so that a server that is behind
    /// refreshes its own cache first.
    last_announcement: Option<Announcement>,
    newest_release: NewestRelease,
    /// What the last load lacked. The next one starts as soon as it is there.
    lacking: Option<Lacking>,
    log_limit: LogLimit,
    fallback_requests: FallbackRequests,
    /// Whether the fallback will be served if the first load fails.
    awaits_fallback: bool,
    /// Releases callers even if the task is dropped before it runs.
    _opening: FirstLoadGuard,
}

/// Something that loads fail without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lacking {
    /// No service could be reached.
    Service,
    /// The access key was rejected.
    Key,
}

/// Reason for a load.
enum LoadCause {
    Announced(Announcement),
    /// A retry, recheck or periodic refresh is due.
    Due,
    /// A config service is known that the last load could not try.
    ServiceFound,
    /// The access key that was rejected has been replaced.
    KeyReplaced,
    /// The application called `refresh`.
    RefreshRequested(RefreshReply),
}

impl Pipeline {
    pub(crate) fn new(namespace: Arc<Namespace>, dependencies: PipelineDependencies) -> Self {
        let interval = dependencies.settings.timing.refresh_interval;
        Self {
            schedule: Schedule::new(interval, dependencies.settings.random()),
            unsaved: watch::Sender::default(),
            last_announcement: None,
            newest_release: NewestRelease::new(namespace.snapshot().release_key()),
            lacking: None,
            log_limit: LogLimit::default(),
            fallback_requests: FallbackRequests::new(),
            awaits_fallback: namespace.snapshot().values_source() == Source::None,
            _opening: FirstLoadGuard::new(&namespace),
            namespace,
            dependencies,
        }
    }

    /// Loads until the client or the namespace is closed, then finishes the cache file.
    ///
    /// The disk is read and written beside the load loop, so that neither a slow load nor a slow
    /// disk delays the other.
    pub(crate) async fn run(mut self, cancelled: CancellationToken) {
        let disk = self.dependencies.fallback.disk.clone();
        let writer = CacheWriter::new(disk, self.namespace.clone(), self.unsaved.subscribe());
        let loading = async move {
            let namespace = self.namespace.clone();
            let mut server = FallbackServer {
                requests: self.fallback_requests.clone(),
                fallback: self.dependencies.fallback.clone(),
                namespace: namespace.clone(),
                validators: self.dependencies.validators.clone(),
            };
            let serving = pin!(supervise("fallback", &mut server, |server| Box::pin(server.run())));
            let loading = pin!(supervise("loading", &mut self, |pipeline| Box::pin(
                pipeline.load_until_closed()
            )));
            let released = namespace.runtime().released();
            let work = released.run_until_cancelled(select(loading, serving));
            let _ = cancelled.run_until_cancelled(work).await;
            namespace.close();
        };
        // `loading` owns the sender of `unsaved`; when it ends the writer sees the channel close,
        // writes once more and ends too.
        join(loading, writer.run()).await;
    }

    async fn load_until_closed(&mut self) {
        if self.dependencies.is_local {
            self.open_locally().await;
        } else {
            self.open().await;
        }
        while let Some(cause) = self.next_cause().await {
            match cause {
                LoadCause::Announced(announcement) => {
                    // The first release of a namespace is not an update, but as new.
                    self.schedule.announced(announcement.is_update || self.is_missing());
                    let preferred = announcement.service.clone();
                    self.last_announcement = Some(announcement);
                    let _ = self.load(Some(preferred)).await;
                }
                LoadCause::Due => {
                    let _ = self.load(None).await;
                }
                LoadCause::ServiceFound => {
                    self.schedule.service_found();
                    let _ = self.load(None).await;
                }
                LoadCause::KeyReplaced => {
                    self.schedule.key_replaced();
                    let _ = self.load(None).await;
                }
                LoadCause::RefreshRequested(reply) => self.load_for(reply).await,
            }
        }
    }

    /// One load for all callers that requested a refresh up to now.
    async fn load_for(&mut self, first: RefreshReply) {
        let mut replies = vec![first];
        // Callers that wait already get the result of this load: 1,000 concurrent refreshes cost
        // one request.
        while let Ok(another) = self.dependencies.refresh_requests.try_recv() {
            replies.push(another);
        }
        let outcome = self.load(None).await;
        for reply in replies {
            // The caller may have dropped its future.
            let _ = reply.send(outcome.clone());
        }
    }

    /// Waits for the next reason to load; `None` once the client and all handles are dropped.
    async fn next_cause(&mut self) -> Option<LoadCause> {
        let local = self.dependencies.is_local;
        let lacking = self.lacking.take();
        let due = self.schedule.next();
        tokio::select! {
            // Announcements come first: an application that refreshes in a loop must not starve
            // them.
            biased;
            announced = announcement(&mut self.dependencies.announcements) => Some(LoadCause::Announced(announced)),
            request = self.dependencies.refresh_requests.recv() => request.map(LoadCause::RefreshRequested),
            // Local files are read again only on request: nothing announces that they changed.
            () = sleep_until(due), if !local => Some(LoadCause::Due),
            () = self.dependencies.repository.wait_for_new_service(), if lacking == Some(Lacking::Service) => Some(LoadCause::ServiceFound),
            () = self.dependencies.repository.wait_for_new_key(), if lacking == Some(Lacking::Key) => Some(LoadCause::KeyReplaced),
        }
    }

    async fn load(&mut self, preferred: Option<ServiceUrl>) -> Result<()> {
        if self.dependencies.is_local {
            let PipelineDependencies { fallback, validators, .. } = &self.dependencies;
            return fallback.reload(&self.namespace, validators).await;
        }
        let previous = self.namespace.snapshot();
        let base = match &self.last_announcement {
            Some(announcement) => LoadBase {
                previous: &previous,
                notification_id: announcement.notification_id,
                messages: announcement.messages.clone(),
                preferred,
                ..LoadBase::only(&previous)
            },
            None => LoadBase::only(&previous),
        };
        // After an announcement every second of delay is visible to users; a periodic refresh can
        // afford to spare busy servers.
        let mode = match self.schedule.is_urgent() {
            true => LoadMode::Urgent,
            false => LoadMode::Background,
        };
        let outcome = self.dependencies.repository.load(&base, mode).await;
        self.handle_outcome(outcome).await
    }

    async fn handle_outcome(&mut self, outcome: Result<LoadOutcome, Failure>) -> Result<()> {
        let runtime = self.namespace.runtime();
        let monitor = runtime.monitor();
        match outcome {
            Ok(LoadOutcome::Unchanged) => {
                monitor.contacted();
                self.schedule.loaded(false);
                self.record_success();
                Ok(())
            }
            Ok(LoadOutcome::Snapshot(snapshot)) => {
                monitor.contacted();
                self.apply(snapshot).await
            }
            Err(failure) => {
                self.record_failure(&failure.error);
                self.lacking = Lacking::of(&failure);
                self.schedule.failed(&failure, self.is_missing());
                Err(failure.error)
            }
        }
    }

    /// Publishes a snapshot, unless a validator rejects it.
    async fn apply(&mut self, snapshot: Arc<Snapshot>) -> Result<()> {
        let is_news = self.newest_release.record(snapshot.release_key());
        if let Err(error) = self.dependencies.validators.check(&snapshot).await {
            // No reason to load sooner than otherwise: it would be the same rejected release.
            self.schedule.loaded(is_news);
            // The first rejection of a release is logged and counted; repeated loads of the same
            // one only keep the state.
            match self.namespace.runtime().monitor().refused(snapshot.release_key()) {
                true => self.record_failure(&error),
                false => self.namespace.runtime().monitor().failed(&error),
            }
            return Err(error);
        }
        let previous = self.namespace.snapshot();
        // The fallback may have been served since the load began.
        let snapshot = match snapshot.problem() {
            Some(_) => Arc::new(snapshot.with_values_of(&previous)),
            None => snapshot,
        };
        self.schedule.loaded(is_news);
        self.namespace.publish(&snapshot);
        self.record_success();
        Ok(())
    }

    /// Whether no server has ever sent values.
    fn is_missing(&self) -> bool {
        self.namespace.snapshot().source() != Source::Remote
    }

    fn record_success(&mut self) {
        // Also if nothing changed: the values may come from a seed, the last write may have failed,
        // or somebody deleted the file. The writer leaves a file that is current.
        self.unsaved.send_replace(LoadNumber::next());
        let runtime = self.namespace.runtime();
        let monitor = runtime.monitor();
        let snapshot = self.namespace.snapshot();
        match (snapshot.problem(), monitor.state()) {
            // Already reported: the log would repeat the same broken document at each refresh.
            (Some(problem), State::Failed(ErrorKind::Parse)) => monitor.failed(problem),
            (Some(problem), _) => self.record_failure(problem),
            (None, state) => {
                if matches!(state, State::Failed(_)) {
                    info!(namespace = snapshot.namespace(), "loading works again");
                }
                monitor.ready();
            }
        }
    }

    fn record_failure(&mut self, error: &Error) {
        let runtime = self.namespace.runtime();
        let monitor = runtime.monitor();
        match (monitor.state(), error.kind()) {
            // What is served instead of the first load is logged with this error.
            (State::Loading, _) if self.awaits_fallback => debug!(%error, "load failed"),
            // Often a restart of the server that the retry hides, or a namespace that is not
            // published yet.
            (State::Loading | State::Ready, ErrorKind::Transport | ErrorKind::NotFound) => {
                debug!(%error, "load failed");
            }
            (_, kind) => {
                if let Some(suppressed) = self.log_limit.allow(kind) {
                    let namespace = &*self.namespace.identity().namespace;
                    warn!(namespace, %error, suppressed, "load failed; keeping the previous values");
                }
            }
        }
        monitor.failed(error);
        monitor.record(error);
    }
}

impl Lacking {
    fn of(failure: &Failure) -> Option<Self> {
        // The status of 401 instead of its kind, which a source function of the application may
        // return as well.
        match (failure.status, failure.error.kind()) {
            (Some(401), _) => Some(Self::Key),
            (_, ErrorKind::Transport) => Some(Self::Service),
            _ => None,
        }
    }
}

/// Waits for the next announcement; never returns if there is no source of announcements.
async fn announcement(
    announcements: &mut Option<watch::Receiver<Option<Announcement>>>,
) -> Announcement {
    if let Some(announcements) = announcements {
        while announcements.changed().await.is_ok() {
            if let Some(announcement) = announcements.borrow_and_update().clone() {
                return announcement;
            }
        }
    }
    // The channel closes when the poll loop ends; periodic refreshes then continue without it.
    pending().await
}
