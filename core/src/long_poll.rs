//! Long polls for an app id and cluster: sends the known notification ids and receives
//! announcements of releases. One poll is enough unless its request line would get too long.
//!
//! Never loads anything: an announcement is only a hint, and the pipeline decides what to load.

mod cut_off;
mod failure;
mod service_choice;
mod watch_list;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, debug_span, info, warn};

use crate::backoff::{Backoff, apply_jitter};
use crate::discovery::{Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::log_limit::LogLimit;
use crate::monitor::ErrorLog;
use crate::protocol::namespace::is_no_app_id;
use crate::protocol::route::PollQuery;
use crate::protocol::signature::AccessKey;
use crate::protocol::wire::Notification;
use crate::rate_limit::RateLimit;
use crate::settings::EffectiveSettings;
use crate::supervise::supervise;
use crate::transport::{Failure, ServiceRequest, ServiceResponse, Transport};

use cut_off::CutOffHint;
use failure::{FAILURE_BACKOFF, UNAUTHORIZED_BACKOFF};
use service_choice::ServiceChoice;
use watch_list::ShardState;
pub(crate) use watch_list::{Announcement, WatchList};

/// Spreads the first polls of clients that start together; added to
/// `apollo.longPollingInitialDelayInMills`.
const INITIAL_JITTER_MS: u64 = 500;
/// Longest wait for a permit of the rate limit; the value of the Java client.
const MAX_PERMIT_WAIT: Duration = Duration::from_secs(5);
/// Permits at the start, so that none of these waits: the first poll, which returns at once, the
/// next one, and the one after a release right after the start.
const START_PERMITS: f64 = 3.0;
/// Quiet time after a namespace was opened, so that many opened in a row cost a single new request.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// Longest debouncing: a program that opens namespaces continuously must not leave the open ones
/// without a poll.
const MAX_DEBOUNCE: Duration = Duration::from_secs(1);
/// Longest wait for the answer to the first poll after a failure, plus or minus a fifth. While
/// servers went away and came back, the HTTP client has been seen to lose a request, without a
/// connection and without an error. The poll would wait for its whole timeout.
const TRIAL: Duration = Duration::from_secs(10);
// Polls that failed together must not be repeated together.
const JITTER: f64 = 0.2;
/// Bytes reserved in the request line for the path prefix of a gateway, which only the chosen
/// service's address reveals.
const MAX_GATEWAY_PATH: usize = 128;

/// Everything that the polls of one app id and cluster use.
#[derive(Clone)]
pub(crate) struct PollDependencies {
    pub(crate) app_id: String,
    pub(crate) settings: Arc<EffectiveSettings>,
    pub(crate) transport: Transport,
    pub(crate) discovery: Discovery,
    pub(crate) watch_list: Arc<WatchList>,
    pub(crate) errors: Arc<ErrorLog>,
}

/// Runs one poll loop for each shard of the watch list, without end.
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

/// The poll loop of one shard.
struct PollLoop {
    dependencies: PollDependencies,
    shard: usize,
    rate: RateLimit,
    failure: Backoff,
    unauthorized: Backoff,
    services: ServiceChoice,
    /// Key that signed the last poll.
    last_key: Option<Arc<AccessKey>>,
    /// Whether the next poll is the first one after a failure.
    is_on_trial: bool,
    /// Whether the next poll repeats one whose key was rejected.
    is_renewed: bool,
    cut_off_hint: CutOffHint,
    log_limit: LogLimit,
    no_app_id: LogLimit,
    random: fastrand::Rng,
}

/// Result of a poll.
enum PollOutcome {
    /// Notifications and the service that sent them.
    Changed(Vec<Notification>, ServiceUrl),
    /// No namespace changed.
    NotModified,
    /// The watched namespaces changed, the secret was renewed, or the first poll after a failure
    /// was not answered: poll again at once.
    Again,
    Failed(Failure),
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
            services: ServiceChoice::new(
                dependencies.discovery.clone(),
                dependencies.settings.network.connect_timeout,
            ),
            last_key: None,
            is_on_trial: false,
            is_renewed: false,
            cut_off_hint: CutOffHint::default(),
            log_limit: LogLimit::default(),
            no_app_id: LogLimit::default(),
            dependencies,
            shard,
        }
    }

    /// Polls without end; waits while no namespace is watched.
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
            let span = debug_span!("poll", app_id = self.dependencies.app_id, shard = self.shard);
            match self.poll().instrument(span).await {
                PollOutcome::Changed(notifications, service) => {
                    self.record_success();
                    self.dependencies.watch_list.announce(&notifications, &service);
                }
                PollOutcome::NotModified => {
                    self.record_success();
                    if self.random.bool() {
                        self.services.release();
                    }
                }
                PollOutcome::Again => {}
                PollOutcome::Failed(failure) if self.lower_limit_if_refused(&failure) => {}
                PollOutcome::Failed(failure) => self.wait_after_failure(&failure).await,
            }
        }
    }

    /// Warns once a minute that there is no app id, as the Java client does.
    fn warn_missing_app_id(&mut self) {
        if is_no_app_id(&self.dependencies.app_id)
            && self.no_app_id.allow(ErrorKind::InvalidArgument).is_some()
        {
            warn!("app.id is not set; only public namespaces can be read");
        }
    }

    /// Uses the request line limit that servers announce, unless the settings contain one.
    fn apply_server_limit(&self) {
        let PollDependencies { app_id, settings, transport, watch_list, .. } = &self.dependencies;
        if let Some(line) = transport.poll_line().filter(|_| settings.timing.poll_line_may_grow) {
            watch_list.raise_limit(budget(line, app_id, settings));
        }
    }

    /// Handles a status that may mean that something between here and the server rejects long
    /// request lines. They are short from then on; false if they were already.
    fn lower_limit_if_refused(&mut self, failure: &Failure) -> bool {
        let refused = matches!(failure.status, Some(400 | 413 | 414 | 431));
        let too_long = refused && self.dependencies.watch_list.lower_limit();
        if too_long {
            info!(
                app_id = self.dependencies.app_id,
                "long request lines are rejected; using several polls instead"
            );
        }
        too_long
    }

    async fn poll(&mut self) -> PollOutcome {
        let service = match self.services.select().await {
            Ok(service) => service,
            Err(error) => {
                return PollOutcome::Failed(Failure::new(error));
            }
        };
        self.apply_server_limit();
        let shard_state = self.dependencies.watch_list.shard_state(self.shard);
        // The last namespace was just closed. Servers reject an empty list.
        if shard_state.notifications.is_empty() {
            return PollOutcome::Again;
        }
        let version = shard_state.version;
        let line = self.line(shard_state);
        let access_key = self.dependencies.settings.access_keys.of(&self.dependencies.app_id);
        self.last_key = access_key.clone();
        let is_on_trial = std::mem::take(&mut self.is_on_trial);
        let is_renewed = std::mem::take(&mut self.is_renewed);
        let read_timeout = self.timeout(is_on_trial);
        let request = ServiceRequest {
            service: &service,
            path_and_query: &line,
            app_id: &self.dependencies.app_id,
            access_key: access_key.as_deref(),
            read_timeout,
        };
        let answer = tokio::select! {
            answer = self.dependencies.transport.get(request) => answer,
            // A response that is lost here is sent again: the next request has the same ids.
            () = self.wait_for_list_change(version) => return PollOutcome::Again,
        };
        let PollDependencies { app_id, settings, .. } = &self.dependencies;
        // Once: a provider may return another secret at each call, and none that is accepted.
        if is_unauthorized(&answer)
            && !is_renewed
            && settings.access_keys.renew(app_id, access_key, settings.timing.read_timeout).await
        {
            self.is_renewed = true;
            return PollOutcome::Again;
        }
        match answer.and_then(|answer| notifications(answer, &service)) {
            Ok(changed) if changed.is_empty() => PollOutcome::NotModified,
            Ok(changed) => PollOutcome::Changed(changed, service),
            Err(failure) if is_on_trial && failure.is_silence => {
                self.services.record_silent_trial();
                PollOutcome::Again
            }
            Err(failure) => PollOutcome::Failed(failure),
        }
    }

    fn timeout(&mut self, is_on_trial: bool) -> Duration {
        let longest = self.dependencies.settings.timing.poll_timeout;
        match is_on_trial {
            true => apply_jitter(TRIAL, JITTER, &mut self.random).min(longest),
            false => longest,
        }
    }

    /// Path and query. The compact form, which only Castalia reads, is used only if JSON would
    /// exceed the usual limit and the servers have announced a higher one.
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

    /// Returns once the watched namespaces differ from this version and no more are added for a
    /// moment. The poll stays open meanwhile.
    async fn wait_for_list_change(&self, version: u64) {
        let watch_list = &self.dependencies.watch_list;
        watch_list.wait_for_change(self.shard, version).await;
        let _ = timeout(MAX_DEBOUNCE, watch_list.wait_until_quiet(self.shard, DEBOUNCE)).await;
    }

    fn record_success(&mut self) {
        self.dependencies.watch_list.connected(self.shard);
        self.services.record_answer();
        if !self.failure.is_at_start() {
            info!(app_id = self.dependencies.app_id, "long poll works again");
        }
        self.failure.reset();
        self.unauthorized.reset();
    }
}

/// Bytes that namespaces may use in a request line of `line` bytes.
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

fn notifications(
    answer: ServiceResponse,
    service: &ServiceUrl,
) -> Result<Vec<Notification>, Failure> {
    let ServiceResponse::Body(body) = answer else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&body).map_err(|error| {
        let text = "the response is not the JSON of a list of notifications";
        let failed = Error::new(ErrorKind::Protocol, "long poll", text);
        Failure::new(failed.with("service_url", &**service).with_position_of(&error))
    })
}
