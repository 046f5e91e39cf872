//! One held request for an app id and cluster: notification ids go out, announcements come back. Never loads anything.

mod watched;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use crate::backoff::{Backoff, Ladder};
use crate::discovery::{self, Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::log_limit::LogLimit;
use crate::protocol::namespace::is_no_app_id;
use crate::protocol::route::PollQuery;
use crate::protocol::wire::Notification;
use crate::rate_limit::RateLimit;
use crate::settings::Effective;
use crate::transport::{Answer, Failure, Request, Transport};

pub(crate) use watched::{Announcement, Watched};

/// Spreads the first polls of a fleet that starts together.
const INITIAL_JITTER_MS: u64 = 500;
/// Longest wait for a permit of the rate limit.
const PERMIT_PATIENCE: Duration = Duration::from_secs(5);
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

/// The loop of one app id and cluster.
pub(crate) struct LongPoll {
    app_id: String,
    settings: Arc<Effective>,
    transport: Transport,
    discovery: Discovery,
    watched: Arc<Watched>,
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
    pub(crate) fn new(
        app_id: String,
        settings: Arc<Effective>,
        transport: Transport,
        discovery: Discovery,
        watched: Arc<Watched>,
    ) -> Self {
        Self {
            rate: RateLimit::new(settings.timing.poll_per_second),
            random: settings.random(),
            failure: Backoff::new(FAILURE),
            unauthorized: Backoff::new(UNAUTHORIZED),
            sticky: None,
            soft_miss_hint: None,
            log_limit: LogLimit::default(),
            no_app_id: LogLimit::default(),
            app_id,
            settings,
            transport,
            discovery,
            watched,
        }
    }

    /// Polls for ever; waits while nothing is watched.
    pub(crate) async fn run(&mut self) {
        self.watched.some().await;
        let delay = self.settings.timing.poll_initial_delay;
        if !delay.is_zero() {
            let jitter = self.random.u64(0..=INITIAL_JITTER_MS);
            sleep(delay + Duration::from_millis(jitter)).await;
        }
        loop {
            self.watched.some().await;
            self.rate.take(PERMIT_PATIENCE).await;
            self.remind_of_app_id();
            match self.poll().await {
                Poll::Moved(notifications, service) => {
                    self.note_success();
                    self.watched.announce(&notifications, &service);
                }
                Poll::Empty => {
                    self.note_success();
                    if self.random.bool() {
                        self.sticky = None;
                    }
                }
                Poll::Outdated => {}
                Poll::Failed(failure, after) => self.bear(&failure, after).await,
            }
        }
    }

    /// Waits after a failure, as long as its kind asks for.
    async fn bear(&mut self, failure: &Failure, after: Duration) {
        self.sticky = None;
        self.watched.failed(failure.is_silence);
        let unserved = failure.error.operation() == discovery::OPERATION;
        let pause = sleep(self.pause_after(failure, after));
        tokio::select! {
            () = pause => {}
            // The services are back, perhaps found by somebody else.
            () = self.discovery.found(), if unserved => {}
        }
    }

    /// Says once a minute, as the Java client does, that there is no app id.
    fn remind_of_app_id(&mut self) {
        if is_no_app_id(&self.app_id) && self.no_app_id.tell(ErrorKind::InvalidArgument).is_some() {
            warn!("app.id is not set; only public namespaces can be read");
        }
    }

    /// Bytes that a request line takes beside its namespaces, with a path in front of the service's own.
    pub(crate) fn line_without_namespaces(app_id: &str, settings: &Effective) -> usize {
        let query = PollQuery {
            cluster: settings.cluster.clone(),
            data_center: settings.data_center.clone(),
            notifications: Vec::new(),
        };
        let line = query.path_and_query(app_id, settings.client_ip.get().as_deref());
        line.len() + "GET  HTTP/1.1".len() + PATH_IN_FRONT
    }

    async fn poll(&mut self) -> Poll {
        let service = match self.choose().await {
            Ok(service) => service,
            Err(error) => {
                let failure = Failure::new(error);
                return Poll::Failed(failure, Duration::ZERO);
            }
        };
        let (known, version) = self.watched.known();
        if known.is_empty() {
            // The last namespace was given up a moment ago; servers refuse an empty list.
            return Poll::Outdated;
        }
        let query = PollQuery {
            cluster: self.settings.cluster.clone(),
            data_center: self.settings.data_center.clone(),
            notifications: known,
        };
        let line = query.path_and_query(&self.app_id, self.settings.client_ip.get().as_deref());
        let access_key = self.settings.access_keys.of(&self.app_id);
        let request = Request {
            service: &service,
            path_and_query: &line,
            app_id: &self.app_id,
            access_key: access_key.as_deref(),
            read_timeout: self.settings.timing.poll_timeout,
        };
        let start = Instant::now();
        let answer = tokio::select! {
            answer = self.transport.get(request) => answer,
            // An answer that is lost by this comes again: the ids that are sent next are the same.
            () = self.outdated(version) => return Poll::Outdated,
        };
        if refused(&answer) && self.settings.access_keys.renew(&self.app_id, access_key).await {
            return Poll::Outdated;
        }
        match answer.and_then(|answer| notifications(answer, &service)) {
            Ok(moved) if moved.is_empty() => Poll::Empty,
            Ok(moved) => Poll::Moved(moved, service),
            Err(failure) => Poll::Failed(failure, start.elapsed()),
        }
    }

    /// Returns once other namespaces are watched than in this version, and a moment has passed in which no more came; the held
    /// poll goes on meanwhile.
    async fn outdated(&self, version: u64) {
        self.watched.differs_from(version).await;
        let _ = timeout(DEBOUNCE_AT_MOST, self.watched.quiet(DEBOUNCE)).await;
    }

    async fn choose(&mut self) -> Result<ServiceUrl, Error> {
        // A service that left the list is let go, although it may still answer.
        let sticky = self.sticky.take();
        let sticky = sticky.filter(|service| self.discovery.knows(service));
        let service = match sticky {
            Some(service) => service,
            None => {
                let services = self.discovery.services().await?;
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
        self.watched.connected();
        if !self.failure.is_fresh() {
            info!(app_id = self.app_id, "long poll works again");
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
