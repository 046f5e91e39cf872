//! One held request for an app id and cluster, several where its line would get too long: notification ids go out, announcements
//! come back. Never loads anything.

mod watched;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use crate::backoff::{Backoff, Ladder};
use crate::discovery::{self, Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::log_limit::LogLimit;
use crate::monitor::ErrorLog;
use crate::protocol::namespace::is_no_app_id;
use crate::protocol::route::PollQuery;
use crate::protocol::wire::Notification;
use crate::rate_limit::RateLimit;
use crate::revive::revive;
use crate::settings::Effective;
use crate::transport::{Answer, Failure, Request, Transport};

use watched::Known;
pub(crate) use watched::{Announcement, Watched};

/// Spreads the first polls of a fleet that starts together.
const INITIAL_JITTER_MS: u64 = 500;
/// Longest wait for a permit of the rate limit.
const PERMIT_PATIENCE: Duration = Duration::from_secs(5);
/// The first poll, which is answered at once, the next, and the one after a release that comes right after the start.
const START_PERMITS: f64 = 3.0;
/// Quiet time after a namespace was opened, so that many opened in a row cost one new request.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// A program that opens namespaces without end must not leave those that are open unwatched.
const DEBOUNCE_AT_MOST: Duration = Duration::from_secs(1);
/// A poll that a proxy cut off after this time was held well: nothing is wrong.
const SOFT_MISS_AFTER: Duration = Duration::from_secs(25);
const SOFT_MISS_PAUSE: Duration = Duration::from_secs(1);
const SOFT_MISS_HINT_EVERY: Duration = Duration::from_secs(3600);
/// What a gateway may have as path.
const PATH_IN_FRONT: usize = 128;
const FAILURE: Ladder =
    Ladder::doubling(Duration::from_secs(1), Duration::from_secs(120)).jittered(0.2);
/// A refused signature stays refused until somebody acts.
const UNAUTHORIZED: Ladder = Ladder::doubling(Duration::from_secs(30), Duration::from_secs(300));

/// What the polls of one app id and cluster work with.
#[derive(Clone)]
pub(crate) struct Inputs {
    pub(crate) app_id: String,
    pub(crate) settings: Arc<Effective>,
    pub(crate) transport: Transport,
    pub(crate) discovery: Discovery,
    pub(crate) watched: Arc<Watched>,
    pub(crate) errors: Arc<ErrorLog>,
}

/// Polls for ever, as many at once as there are shares of what is watched.
pub(crate) async fn keep_polling(inputs: Inputs) {
    let mut polls = FuturesUnordered::new();
    loop {
        while polls.len() < inputs.watched.shares() {
            let mut poll = LongPoll::new(inputs.clone(), polls.len());
            polls.push(async move {
                revive("long poll", &mut poll, |poll| Box::pin(poll.run())).await;
            });
        }
        tokio::select! {
            () = inputs.watched.more_shares_than(polls.len()) => {}
            // They never end.
            _ = polls.next(), if !polls.is_empty() => {}
        }
    }
}

/// The loop of one share.
struct LongPoll {
    inputs: Inputs,
    share: usize,
    rate: RateLimit,
    failure: Backoff,
    unauthorized: Backoff,
    /// Service that is asked until it fails, or a coin says otherwise after an empty poll.
    sticky: Option<ServiceUrl>,
    soft_miss_hint: Option<Instant>,
    log_limit: LogLimit,
    no_app_id: LogLimit,
    random: fastrand::Rng,
}

/// How a poll ended.
enum Poll {
    /// The services told these.
    Moved(Vec<Notification>, ServiceUrl),
    /// Nothing moved.
    Empty,
    /// Other namespaces are watched now: ask anew.
    Outdated,
    /// It failed after this time.
    Failed(Failure, Duration),
}

impl LongPoll {
    fn new(inputs: Inputs, share: usize) -> Self {
        Self {
            rate: RateLimit::starting_with(inputs.settings.timing.poll_per_second, START_PERMITS),
            random: inputs.settings.random(),
            failure: Backoff::new(FAILURE),
            unauthorized: Backoff::new(UNAUTHORIZED),
            sticky: None,
            soft_miss_hint: None,
            log_limit: LogLimit::default(),
            no_app_id: LogLimit::default(),
            inputs,
            share,
        }
    }

    /// Polls for ever; waits while nothing is watched.
    async fn run(&mut self) {
        self.inputs.watched.some(self.share).await;
        let delay = self.inputs.settings.timing.poll_initial_delay;
        if !delay.is_zero() {
            let jitter = self.random.u64(0..=INITIAL_JITTER_MS);
            sleep(delay + Duration::from_millis(jitter)).await;
        }
        loop {
            self.inputs.watched.some(self.share).await;
            self.rate.take(PERMIT_PATIENCE).await;
            self.remind_of_app_id();
            match self.poll().await {
                Poll::Moved(notifications, service) => {
                    self.note_success();
                    self.inputs.watched.announce(&notifications, &service);
                }
                Poll::Empty => {
                    self.note_success();
                    if self.random.bool() {
                        self.sticky = None;
                    }
                }
                Poll::Outdated => {}
                Poll::Failed(failure, _) if self.was_too_long(&failure) => {}
                Poll::Failed(failure, after) => self.bear(&failure, after).await,
            }
        }
    }

    /// Waits after a failure, as long as its kind asks for.
    async fn bear(&mut self, failure: &Failure, after: Duration) {
        self.sticky = None;
        self.inputs.watched.failed(self.share, failure.is_silence);
        let unserved = failure.error.operation() == discovery::OPERATION;
        let pause = sleep(self.pause_after(failure, after));
        tokio::select! {
            () = pause => {}
            // The services are back, perhaps found by somebody else.
            () = self.inputs.discovery.found(), if unserved => {}
        }
    }

    /// Says once a minute, as the Java client does, that there is no app id.
    fn remind_of_app_id(&mut self) {
        if is_no_app_id(&self.inputs.app_id)
            && self.no_app_id.tell(ErrorKind::InvalidArgument).is_some()
        {
            warn!("app.id is not set; only public namespaces can be read");
        }
    }

    /// Makes use of what servers take, where nothing is said about it in the settings.
    fn use_room(&self) {
        let Inputs { app_id, settings, transport, watched, .. } = &self.inputs;
        if let Some(line) = transport.poll_line().filter(|_| settings.timing.poll_line_may_grow) {
            watched.widen(room_in(line, app_id, settings));
        }
    }

    /// Whether something between here and the server refuses lines that the server itself would take; they are short from then on.
    fn was_too_long(&mut self, failure: &Failure) -> bool {
        let refused = matches!(failure.status, Some(400 | 413 | 414 | 431));
        let too_long = refused && self.inputs.watched.narrow();
        if too_long {
            info!(
                app_id = self.inputs.app_id,
                "long request lines are refused; several polls are held"
            );
        }
        too_long
    }

    async fn poll(&mut self) -> Poll {
        let service = match self.choose().await {
            Ok(service) => service,
            Err(error) => {
                let failure = Failure::new(error);
                return Poll::Failed(failure, Duration::ZERO);
            }
        };
        self.use_room();
        let known = self.inputs.watched.known(self.share);
        if known.notifications.is_empty() {
            // The last namespace was given up a moment ago; servers refuse an empty list.
            return Poll::Outdated;
        }
        let version = known.version;
        let line = self.line(known);
        let access_key = self.inputs.settings.access_keys.of(&self.inputs.app_id);
        let request = Request {
            service: &service,
            path_and_query: &line,
            app_id: &self.inputs.app_id,
            access_key: access_key.as_deref(),
            read_timeout: self.inputs.settings.timing.poll_timeout,
        };
        let start = Instant::now();
        let answer = tokio::select! {
            answer = self.inputs.transport.get(request) => answer,
            // An answer that is lost by this comes again: the ids that are sent next are the same.
            () = self.outdated(version) => return Poll::Outdated,
        };
        if refused(&answer)
            && self.inputs.settings.access_keys.renew(&self.inputs.app_id, access_key).await
        {
            return Poll::Outdated;
        }
        match answer.and_then(|answer| notifications(answer, &service)) {
            Ok(moved) if moved.is_empty() => Poll::Empty,
            Ok(moved) => Poll::Moved(moved, service),
            Err(failure) => Poll::Failed(failure, start.elapsed()),
        }
    }

    /// Path and query: every server's form, unless that is longer than usual and the servers take ours.
    fn line(&self, known: Known) -> String {
        let Inputs { app_id, settings, .. } = &self.inputs;
        let query = PollQuery {
            cluster: settings.cluster.clone(),
            data_center: settings.data_center.clone(),
            notifications: known.notifications,
        };
        let ip = settings.client_ip.get();
        let line = query.path_and_query(app_id, Some(&ip));
        if known.is_wide && line.len() > settings.timing.poll_line_limit {
            return query.compact_path_and_query(app_id, Some(&ip));
        }
        line
    }

    /// Returns once other namespaces are watched than in this version, and a moment has passed in which no more came; the held
    /// poll goes on meanwhile.
    async fn outdated(&self, version: u64) {
        let watched = &self.inputs.watched;
        watched.differs_from(self.share, version).await;
        let _ = timeout(DEBOUNCE_AT_MOST, watched.quiet(self.share, DEBOUNCE)).await;
    }

    async fn choose(&mut self) -> Result<ServiceUrl, Error> {
        // A service that left the list is let go, although it may still answer.
        let sticky = self.sticky.take();
        let sticky = sticky.filter(|service| self.inputs.discovery.knows(service));
        let service = match sticky {
            Some(service) => service,
            None => {
                let services = self.inputs.discovery.services().await?;
                let mut services = services.into_iter();
                services.next().ok_or_else(|| {
                    Error::new(ErrorKind::Transport, "long poll", "no config service is known")
                })?
            }
        };
        self.sticky = Some(service.clone());
        Ok(service)
    }

    fn note_success(&mut self) {
        self.inputs.watched.connected(self.share);
        if !self.failure.is_fresh() {
            info!(app_id = self.inputs.app_id, "long poll works again");
        }
        self.failure.reset();
        self.unauthorized.reset();
    }

    /// How long to wait after a failure.
    fn pause_after(&mut self, failure: &Failure, after: Duration) -> Duration {
        let error = &failure.error;
        if is_soft_miss(failure, after) {
            self.hint_soft_miss(after);
            return SOFT_MISS_PAUSE;
        }
        self.tell(error);
        self.inputs.errors.note(error);
        if error.kind() == ErrorKind::Unauthorized {
            return self.unauthorized.next_delay(&mut self.random);
        }
        let pause = self.failure.next_delay(&mut self.random);
        pause.max(failure.retry_after.unwrap_or_default())
    }

    fn tell(&mut self, error: &Error) {
        let hint = match error.kind() {
            ErrorKind::NotFound => "the address is probably no config service",
            ErrorKind::Unauthorized => "changes arrive late until the access key is right",
            _ if self.failure.is_fresh() => {
                debug!(%error, "long poll failed");
                return;
            }
            _ => "changes arrive late",
        };
        if let Some(suppressed) = self.log_limit.tell(error.kind()) {
            warn!(%error, suppressed, hint, "long poll failed");
        }
    }

    fn hint_soft_miss(&mut self, after: Duration) {
        let due = self.soft_miss_hint.is_none_or(|at| at.elapsed() >= SOFT_MISS_HINT_EVERY);
        if due {
            self.soft_miss_hint = Some(Instant::now());
            let elapsed_ms = after.as_millis();
            info!(
                elapsed_ms,
                "something between here and the server cuts long polls; raise its read timeout above 60 s"
            );
        }
    }
}

/// Bytes that namespaces may take in a request line of this length, with a path in front of the service's own.
pub(crate) fn room_in(line: usize, app_id: &str, settings: &Effective) -> usize {
    let query = PollQuery {
        cluster: settings.cluster.clone(),
        data_center: settings.data_center.clone(),
        notifications: Vec::new(),
    };
    let rest = query.path_and_query(app_id, Some(&settings.client_ip.get()));
    line.saturating_sub(rest.len() + "GET  HTTP/1.1".len() + PATH_IN_FRONT)
}

fn refused<T>(answer: &Result<T, Failure>) -> bool {
    matches!(answer, Err(failure) if failure.status == Some(401))
}

fn is_soft_miss(failure: &Failure, after: Duration) -> bool {
    let cut_off = match failure.status {
        Some(status) => matches!(status, 408 | 502 | 504),
        None => failure.error.kind() == ErrorKind::Transport,
    };
    cut_off && after >= SOFT_MISS_AFTER
}

fn notifications(answer: Answer, service: &ServiceUrl) -> Result<Vec<Notification>, Failure> {
    let Answer::Body(body) = answer else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&body).map_err(|error| {
        let text = "the answer is not a list of notifications";
        let error = Error::new(ErrorKind::Protocol, "long poll", text).caused_by(error);
        Failure::new(error.with("service_url", &**service))
    })
}
