//! One held request for an app id and cluster, several where its line would get too long: notification ids go out, announcements
//! come back. Never loads anything.

mod watch_list;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use crate::backoff::{Backoff, BackoffPolicy};
use crate::discovery::{self, Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::log_limit::LogLimit;
use crate::monitor::ErrorLog;
use crate::protocol::namespace::is_no_app_id;
use crate::protocol::route::PollQuery;
use crate::protocol::wire::Notification;
use crate::rate_limit::RateLimit;
use crate::settings::EffectiveSettings;
use crate::supervise::supervise;
use crate::transport::{Failure, ServiceRequest, ServiceResponse, Transport};

use watch_list::ShardState;
pub(crate) use watch_list::{Announcement, WatchList};

/// Spreads the first polls of a fleet that starts together.
const INITIAL_JITTER_MS: u64 = 500;
/// Longest wait for a permit of the rate limit.
const MAX_PERMIT_WAIT: Duration = Duration::from_secs(5);
/// The first poll, which is answered at once, the next, and the one after a release that comes right after the start.
const START_PERMITS: f64 = 3.0;
/// Quiet time after a namespace was opened, so that many opened in a row cost one new request.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// A program that opens namespaces without end must not leave those that are open unwatched.
const MAX_DEBOUNCE: Duration = Duration::from_secs(1);
/// A poll that a proxy cut off after this time was held well: nothing is wrong.
const CUT_OFF_AFTER: Duration = Duration::from_secs(25);
const CUT_OFF_PAUSE: Duration = Duration::from_secs(1);
const CUT_OFF_HINT_INTERVAL: Duration = Duration::from_secs(3600);
/// What a gateway may have as path.
const MAX_GATEWAY_PATH: usize = 128;
const FAILURE_BACKOFF: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(120)).jittered(0.2);
/// A is_unauthorized signature stays is_unauthorized until somebody acts.
const UNAUTHORIZED_BACKOFF: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(30), Duration::from_secs(300));

/// What the polls of one app id and cluster work with.
#[derive(Clone)]
pub(crate) struct PollDependencies {
    pub(crate) app_id: String,
    pub(crate) settings: Arc<EffectiveSettings>,
    pub(crate) transport: Transport,
    pub(crate) discovery: Discovery,
    pub(crate) watch_list: Arc<WatchList>,
    pub(crate) errors: Arc<ErrorLog>,
}

/// Polls for ever, as many at once as there are shares of what is watched.
pub(crate) async fn poll_forever(dependencies: PollDependencies) {
    let mut polls = FuturesUnordered::new();
    loop {
        while polls.len() < dependencies.watch_list.shards() {
            let mut poll = PollLoop::new(dependencies.clone(), polls.len());
            polls.push(async move {
                supervise("long poll", &mut poll, |poll| Box::pin(poll.run())).await;
            });
        }
        tokio::select! {
            () = dependencies.watch_list.wait_for_more_shards(polls.len()) => {}
            // They never end.
            _ = polls.next(), if !polls.is_empty() => {}
        }
    }
}

/// The loop of one share.
struct PollLoop {
    dependencies: PollDependencies,
    shard: usize,
    rate: RateLimit,
    failure: Backoff,
    unauthorized: Backoff,
    /// Service that is asked until it fails, or a coin says otherwise after an empty poll.
    sticky: Option<ServiceUrl>,
    cut_off_hint: Option<Instant>,
    log_limit: LogLimit,
    no_app_id: LogLimit,
    random: fastrand::Rng,
}

/// How a poll ended.
enum PollOutcome {
    /// The services told these.
    Changed(Vec<Notification>, ServiceUrl),
    /// Nothing moved.
    NotModified,
    /// Other namespaces are watched now: ask anew.
    ListChanged,
    /// It failed after this time.
    Failed(Failure, Duration),
}

impl PollLoop {
    fn new(dependencies: PollDependencies, shard: usize) -> Self {
        Self {
            rate: RateLimit::starting_with(
                dependencies.settings.timing.poll_per_second,
                START_PERMITS,
            ),
            random: dependencies.settings.random(),
            failure: Backoff::new(FAILURE_BACKOFF),
            unauthorized: Backoff::new(UNAUTHORIZED_BACKOFF),
            sticky: None,
            cut_off_hint: None,
            log_limit: LogLimit::default(),
            no_app_id: LogLimit::default(),
            dependencies,
            shard,
        }
    }

    /// Polls for ever; waits while nothing is watched.
    async fn run(&mut self) {
        self.dependencies.watch_list.wait_until_not_empty(self.shard).await;
        let delay = self.dependencies.settings.timing.poll_initial_delay;
        if !delay.is_zero() {
            let jitter = self.random.u64(0..=INITIAL_JITTER_MS);
            sleep(delay + Duration::from_millis(jitter)).await;
        }
        loop {
            self.dependencies.watch_list.wait_until_not_empty(self.shard).await;
            self.rate.take(MAX_PERMIT_WAIT).await;
            self.warn_missing_app_id();
            match self.poll().await {
                PollOutcome::Changed(notifications, service) => {
                    self.record_success();
                    self.dependencies.watch_list.announce(&notifications, &service);
                }
                PollOutcome::NotModified => {
                    self.record_success();
                    if self.random.bool() {
                        self.sticky = None;
                    }
                }
                PollOutcome::ListChanged => {}
                PollOutcome::Failed(failure, _) if self.lower_limit_if_refused(&failure) => {}
                PollOutcome::Failed(failure, after) => {
                    self.wait_after_failure(&failure, after).await
                }
            }
        }
    }

    /// Waits after a failure, as long as its kind asks for.
    async fn wait_after_failure(&mut self, failure: &Failure, after: Duration) {
        self.sticky = None;
        self.dependencies.watch_list.failed(self.shard, failure.is_silence);
        let waits_for_service = failure.error.operation() == discovery::OPERATION;
        let pause = sleep(self.delay_after(failure, after));
        tokio::select! {
            () = pause => {}
            // The services are back, perhaps found by somebody else.
            () = self.dependencies.discovery.wait_until_known(), if waits_for_service => {}
        }
    }

    /// Says once a minute, as the Java client does, that there is no app id.
    fn warn_missing_app_id(&mut self) {
        if is_no_app_id(&self.dependencies.app_id)
            && self.no_app_id.allow(ErrorKind::InvalidArgument).is_some()
        {
            warn!("app.id is not set; only public namespaces can be read");
        }
    }

    /// Makes use of what servers take, where nothing is said about it in the settings.
    fn apply_server_limit(&self) {
        let PollDependencies { app_id, settings, transport, watch_list, .. } = &self.dependencies;
        if let Some(line) = transport.poll_line().filter(|_| settings.timing.poll_line_may_grow) {
            watch_list.raise_limit(budget(line, app_id, settings));
        }
    }

    /// Whether something between here and the server refuses lines that the server itself would take; they are short from then on.
    fn lower_limit_if_refused(&mut self, failure: &Failure) -> bool {
        let refused = matches!(failure.status, Some(400 | 413 | 414 | 431));
        let too_long = refused && self.dependencies.watch_list.lower_limit();
        if too_long {
            info!(
                app_id = self.dependencies.app_id,
                "long request lines are refused; several polls are held"
            );
        }
        too_long
    }

    async fn poll(&mut self) -> PollOutcome {
        let service = match self.select_service().await {
            Ok(service) => service,
            Err(error) => {
                let failure = Failure::new(error);
                return PollOutcome::Failed(failure, Duration::ZERO);
            }
        };
        self.apply_server_limit();
        let shard_state = self.dependencies.watch_list.shard_state(self.shard);
        if shard_state.notifications.is_empty() {
            // The last namespace was given up a moment ago; servers refuse an empty list.
            return PollOutcome::ListChanged;
        }
        let version = shard_state.version;
        let line = self.line(shard_state);
        let access_key = self.dependencies.settings.access_keys.of(&self.dependencies.app_id);
        let request = ServiceRequest {
            service: &service,
            path_and_query: &line,
            app_id: &self.dependencies.app_id,
            access_key: access_key.as_deref(),
            read_timeout: self.dependencies.settings.timing.poll_timeout,
        };
        let start = Instant::now();
        let answer = tokio::select! {
            answer = self.dependencies.transport.get(request) => answer,
            // An answer that is lost by this comes again: the ids that are sent next are the same.
            () = self.wait_for_list_change(version) => return PollOutcome::ListChanged,
        };
        if is_unauthorized(&answer)
            && self
                .dependencies
                .settings
                .access_keys
                .renew(&self.dependencies.app_id, access_key)
                .await
        {
            return PollOutcome::ListChanged;
        }
        match answer.and_then(|answer| notifications(answer, &service)) {
            Ok(changed) if changed.is_empty() => PollOutcome::NotModified,
            Ok(changed) => PollOutcome::Changed(changed, service),
            Err(failure) => PollOutcome::Failed(failure, start.elapsed()),
        }
    }

    /// Path and query: every server's form, unless that is longer than usual and the servers take ours.
    fn line(&self, shard_state: ShardState) -> String {
        let PollDependencies { app_id, settings, .. } = &self.dependencies;
        let query = PollQuery {
            cluster: settings.cluster.clone(),
            data_center: settings.data_center.clone(),
            notifications: shard_state.notifications,
        };
        let ip = settings.client_ip.get();
        let line = query.path_and_query(app_id, Some(&ip));
        if shard_state.is_wide && line.len() > settings.timing.poll_line_limit {
            return query.compact_path_and_query(app_id, Some(&ip));
        }
        line
    }

    /// Returns once other namespaces are watched than in this version, and a moment has passed in which no more came; the held
    /// poll goes on meanwhile.
    async fn wait_for_list_change(&self, version: u64) {
        let watch_list = &self.dependencies.watch_list;
        watch_list.wait_for_change(self.shard, version).await;
        let _ = timeout(MAX_DEBOUNCE, watch_list.wait_until_quiet(self.shard, DEBOUNCE)).await;
    }

    async fn select_service(&mut self) -> Result<ServiceUrl, Error> {
        // A service that left the list is let go, although it may still answer.
        let sticky = self.sticky.take();
        let sticky = sticky.filter(|service| self.dependencies.discovery.contains(service));
        let service = match sticky {
            Some(service) => service,
            None => {
                let services = self.dependencies.discovery.services().await?;
                let mut services = services.into_iter();
                services.next().ok_or_else(|| {
                    Error::new(ErrorKind::Transport, "long poll", "no config service is known")
                })?
            }
        };
        self.sticky = Some(service.clone());
        Ok(service)
    }

    fn record_success(&mut self) {
        self.dependencies.watch_list.connected(self.shard);
        if !self.failure.is_at_start() {
            info!(app_id = self.dependencies.app_id, "long poll works again");
        }
        self.failure.reset();
        self.unauthorized.reset();
    }

    /// How long to wait after a failure.
    fn delay_after(&mut self, failure: &Failure, after: Duration) -> Duration {
        let error = &failure.error;
        if is_cut_off(failure, after) {
            self.log_cut_off(after);
            return CUT_OFF_PAUSE;
        }
        self.log_failure(error);
        self.dependencies.errors.record(error);
        if error.kind() == ErrorKind::Unauthorized {
            return self.unauthorized.next_delay(&mut self.random);
        }
        let pause = self.failure.next_delay(&mut self.random);
        pause.max(failure.retry_after.unwrap_or_default())
    }

    fn log_failure(&mut self, error: &Error) {
        let hint = match error.kind() {
            ErrorKind::NotFound => "the address is probably no config service",
            ErrorKind::Unauthorized => "changes arrive late until the access key is right",
            _ if self.failure.is_at_start() => {
                debug!(%error, "long poll failed");
                return;
            }
            _ => "changes arrive late",
        };
        if let Some(suppressed) = self.log_limit.allow(error.kind()) {
            warn!(%error, suppressed, hint, "long poll failed");
        }
    }

    fn log_cut_off(&mut self, after: Duration) {
        let due = self.cut_off_hint.is_none_or(|at| at.elapsed() >= CUT_OFF_HINT_INTERVAL);
        if due {
            self.cut_off_hint = Some(Instant::now());
            let elapsed_ms = after.as_millis();
            info!(
                elapsed_ms,
                "something between here and the server cuts long polls; raise its read timeout above 60 s"
            );
        }
    }
}

/// Bytes that namespaces may take in a request line of this length, with a path in front of the service's own.
pub(crate) fn budget(line: usize, app_id: &str, settings: &EffectiveSettings) -> usize {
    let query = PollQuery {
        cluster: settings.cluster.clone(),
        data_center: settings.data_center.clone(),
        notifications: Vec::new(),
    };
    let rest = query.path_and_query(app_id, Some(&settings.client_ip.get()));
    line.saturating_sub(rest.len() + "GET  HTTP/1.1".len() + MAX_GATEWAY_PATH)
}

fn is_unauthorized<T>(answer: &Result<T, Failure>) -> bool {
    matches!(answer, Err(failure) if failure.status == Some(401))
}

fn is_cut_off(failure: &Failure, after: Duration) -> bool {
    let cut_off = match failure.status {
        Some(status) => matches!(status, 408 | 502 | 504),
        None => failure.error.kind() == ErrorKind::Transport,
    };
    cut_off && after >= CUT_OFF_AFTER
}

fn notifications(
    answer: ServiceResponse,
    service: &ServiceUrl,
) -> Result<Vec<Notification>, Failure> {
    let ServiceResponse::Body(body) = answer else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&body).map_err(|error| {
        let text = "the answer is not a list of notifications";
        let error = Error::new(ErrorKind::Protocol, "long poll", text).caused_by(error);
        Failure::new(error.with("service_url", &**service))
    })
}
