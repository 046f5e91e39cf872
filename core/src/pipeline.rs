//! One task for each open namespace: signal, load, swap, wake listeners, store. The only writer of its snapshot.

mod disk;
mod fallback;
mod holding;
mod namespace;
mod schedule;
mod validator;
mod writer;

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::discovery::{self, Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind, Result};
use crate::log_limit::LogLimit;
use crate::long_poll::Announcement;
use crate::monitor::State;
use crate::repository::{Known, Loaded, Mode, Repository};
use crate::revive::revive;
use crate::settings::Effective;
use crate::snapshot::{Snapshot, Source};
use crate::transport::Failure;

pub(crate) use disk::Disk;
pub(crate) use fallback::Fallback;
pub(crate) use holding::Held;
use namespace::Opening;
pub(crate) use namespace::{Namespace, View};
use schedule::Schedule;
pub(crate) use validator::{Validator, Validators};
use writer::CacheWriter;

/// What a slow disk may add to the start timeout before an opener is let go without its content.
const DISK_PATIENCE: Duration = Duration::from_millis(500);

/// Answers one who asked for a load.
pub(crate) type Reply = oneshot::Sender<Result<()>>;

/// What a pipeline works with.
pub(crate) struct Inputs {
    pub(crate) settings: Arc<Effective>,
    /// Whether files are all there is to load from.
    pub(crate) is_local: bool,
    pub(crate) discovery: Discovery,
    pub(crate) repository: Repository,
    /// `None` where nothing is ever announced.
    pub(crate) announced: Option<watch::Receiver<Option<Announcement>>>,
    pub(crate) asked: mpsc::Receiver<Reply>,
    pub(crate) fallback: Fallback,
    pub(crate) validators: Arc<Validators>,
}

/// The task of one namespace.
pub(crate) struct Pipeline {
    namespace: Arc<Namespace>,
    inputs: Inputs,
    schedule: Schedule,
    /// Tells the writer of the cache file that there is newer content.
    unsaved: watch::Sender<()>,
    /// The newest announcement.
    newest: Option<Announcement>,
    /// Whether the last load failed because no service was known: it is repeated as soon as one is.
    unserved: bool,
    log_limit: LogLimit,
}

/// Why to load now.
enum Cause {
    Announced(Announcement),
    /// The time of a retry, recheck or refresh has come.
    Due,
    /// The first services were found.
    Reachable,
    Asked(Reply),
}

impl Pipeline {
    pub(crate) fn new(namespace: Arc<Namespace>, inputs: Inputs) -> Self {
        let interval = inputs.settings.timing.refresh_interval;
        Self {
            schedule: Schedule::new(interval, inputs.settings.random()),
            unsaved: watch::Sender::new(()),
            newest: None,
            unserved: false,
            log_limit: LogLimit::default(),
            namespace,
            inputs,
        }
    }

    /// Loads and keeps fresh until the client or the namespace is closed, then finishes the cache file.
    ///
    /// The file is written beside all else: a load that takes its time must not keep the disk from others, nor the other way
    /// round.
    pub(crate) async fn run(mut self, cancelled: CancellationToken) {
        let disk = self.inputs.fallback.disk.clone();
        let writer = CacheWriter::new(disk, self.namespace.clone(), self.unsaved.subscribe());
        let keeping = async move {
            let namespace = self.namespace.clone();
            let keep = revive("loading", &mut self, |pipeline| Box::pin(pipeline.keep()));
            let released = namespace.live().released();
            let keep = released.run_until_cancelled(keep);
            let _ = cancelled.run_until_cancelled(keep).await;
            namespace.close();
        };
        join(keeping, writer.run()).await;
    }

    async fn keep(&mut self) {
        if self.inputs.is_local {
            self.open_locally().await;
        } else {
            self.open().await;
        }
        while let Some(cause) = self.next_cause().await {
            match cause {
                Cause::Announced(announcement) => {
                    self.schedule.announced(announcement.is_news);
                    let preferred = announcement.service.clone();
                    self.newest = Some(announcement);
                    let _ = self.load(Some(preferred)).await;
                }
                Cause::Due | Cause::Reachable => {
                    let _ = self.load(None).await;
                }
                Cause::Asked(reply) => self.load_for(reply).await,
            }
        }
    }

    /// The first load: from the servers; from the fallback if they fail, or for the time being if they take too long.
    ///
    /// Whoever opens the namespace waits for the start timeout at most, whatever hangs: a server, a disk or a validator.
    async fn open(&mut self) {
        let opening = Opening::new(self.namespace.clone());
        let latest = opening.start + self.inputs.settings.timing.start_timeout;
        let let_go = async {
            sleep_until(latest + DISK_PATIENCE).await;
            opening.settle();
            pending().await
        };
        tokio::select! {
            () = self.load_first(&opening, latest) => {}
            () = let_go => {}
        }
    }

    async fn load_first(&mut self, opening: &Opening, latest: Instant) {
        let outcome = {
            let Inputs { repository, fallback, validators, .. } = &mut self.inputs;
            let empty = self.namespace.snapshot();
            let known = Known::only(&empty);
            let mut load = pin!(repository.load(&known, Mode::Forced));
            let stopgap = async {
                sleep_until(latest).await;
                let namespace = &self.namespace.identity().namespace;
                warn!(namespace, "no server answered in time; loading continues in the background");
                let _ =
                    timeout_at(latest + DISK_PATIENCE, fallback.serve(&self.namespace, validators))
                        .await;
                opening.settle();
            };
            // The load goes on while the disk is read: what it holds of connections must not wait for a disk.
            tokio::select! {
                outcome = &mut load => outcome,
                () = stopgap => load.await,
            }
        };
        if self.conclude(outcome).await.is_err() && Instant::now() < latest {
            let serve = self.inputs.fallback.serve(&self.namespace, &self.inputs.validators);
            let _ = timeout_at(latest + DISK_PATIENCE, serve).await;
        }
    }

    /// Local mode: the fallback is all there is.
    async fn open_locally(&mut self) {
        let opening = Opening::new(self.namespace.clone());
        let latest = opening.start + self.inputs.settings.timing.start_timeout;
        let serve = self.inputs.fallback.serve(&self.namespace, &self.inputs.validators);
        let _ = timeout_at(latest, serve).await;
        self.namespace.live().monitor().ready();
    }

    /// One load for all who ask for one at this moment.
    async fn load_for(&mut self, first: Reply) {
        let mut replies = vec![first];
        while let Ok(another) = self.inputs.asked.try_recv() {
            replies.push(another);
        }
        let outcome = self.load(None).await;
        for reply in replies {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(outcome.clone());
        }
    }

    /// Waits for the next reason to load; `None` when nobody can ask any more.
    async fn next_cause(&mut self) -> Option<Cause> {
        let local = self.inputs.is_local;
        let unserved = std::mem::take(&mut self.unserved);
        let due = self.schedule.next();
        tokio::select! {
            // Announcements are first: who asks without end must not hide them.
            biased;
            announced = announcement(&mut self.inputs.announced) => Some(Cause::Announced(announced)),
            asked = self.inputs.asked.recv() => asked.map(Cause::Asked),
            () = sleep_until(due), if !local => Some(Cause::Due),
            () = self.inputs.discovery.found(), if unserved => Some(Cause::Reachable),
        }
    }

    async fn load(&mut self, preferred: Option<ServiceUrl>) -> Result<()> {
        if self.inputs.is_local {
            let Inputs { fallback, validators, .. } = &self.inputs;
            return fallback.serve_again(&self.namespace, validators).await;
        }
        let previous = self.namespace.snapshot();
        let known = match &self.newest {
            Some(newest) => Known {
                previous: &previous,
                notification_id: newest.notification_id,
                messages: newest.messages.clone(),
                preferred,
            },
            None => Known::only(&previous),
        };
        let mode = match self.schedule.is_urgent() {
            true => Mode::Forced,
            false => Mode::Calm,
        };
        let outcome = self.inputs.repository.load(&known, mode).await;
        self.conclude(outcome).await
    }

    async fn conclude(&mut self, outcome: Result<Loaded, Failure>) -> Result<()> {
        let live = self.namespace.live();
        let monitor = live.monitor();
        match outcome {
            Ok(Loaded::Unchanged) => {
                monitor.contacted();
                self.schedule.loaded(false);
                self.note_success();
                Ok(())
            }
            Ok(Loaded::Snapshot(snapshot)) => {
                monitor.contacted();
                self.take(snapshot).await
            }
            Err(failure) => {
                self.note_failure(&failure.error);
                self.unserved = failure.error.operation() == discovery::OPERATION;
                let missing = self.namespace.snapshot().source() != Source::Remote;
                self.schedule.failed(&failure, missing);
                Err(failure.error)
            }
        }
    }

    /// Makes it the current content, unless the application refuses it.
    async fn take(&mut self, snapshot: Arc<Snapshot>) -> Result<()> {
        if let Err(error) = self.inputs.validators.check(&snapshot).await {
            // Asking again soon would bring the same release.
            self.schedule.loaded(true);
            match self.namespace.live().monitor().refused(snapshot.release_key()) {
                true => self.note_failure(&error),
                false => self.namespace.live().monitor().failed(&error),
            }
            return Err(error);
        }
        let previous = self.namespace.snapshot();
        self.schedule.loaded(snapshot.release_key() != previous.release_key());
        let changed = self.namespace.publish(&snapshot);
        if changed || previous.source() != Source::Remote {
            self.unsaved.send_replace(());
        }
        self.note_success();
        Ok(())
    }

    fn note_success(&mut self) {
        let live = self.namespace.live();
        let monitor = live.monitor();
        let snapshot = self.namespace.snapshot();
        match (snapshot.problem(), monitor.state()) {
            (Some(problem), State::Failed(ErrorKind::Parse)) => monitor.failed(problem),
            (Some(problem), _) => self.note_failure(problem),
            (None, state) => {
                if matches!(state, State::Failed(_)) {
                    info!(namespace = snapshot.namespace(), "loading works again");
                }
                monitor.ready();
            }
        }
    }

    fn note_failure(&mut self, error: &Error) {
        let live = self.namespace.live();
        let monitor = live.monitor();
        let first = !matches!(monitor.state(), State::Failed(_));
        match error.kind() {
            ErrorKind::Transport | ErrorKind::NotFound if first => debug!(%error, "load failed"),
            kind => {
                if let Some(suppressed) = self.log_limit.tell(kind) {
                    let namespace = &*self.namespace.identity().namespace;
                    warn!(namespace, %error, suppressed, "load failed; keeping the previous values");
                }
            }
        }
        monitor.failed(error);
        monitor.note(error);
    }
}

/// The next announcement; never comes where there is nobody to announce.
async fn announcement(
    announced: &mut Option<watch::Receiver<Option<Announcement>>>,
) -> Announcement {
    if let Some(announced) = announced {
        while announced.changed().await.is_ok() {
            if let Some(announcement) = announced.borrow_and_update().clone() {
                return announcement;
            }
        }
    }
    pending().await
}
