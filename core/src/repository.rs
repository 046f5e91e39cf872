//! Loads one namespace from the config services: tries them in turn and handles full, incremental
//! and unchanged responses.
//!
//! Stateless with respect to content: the snapshot that a response builds on is an argument.

mod answer;
mod services;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument as _, debug, debug_span, warn};

use crate::backoff::{Backoff, BackoffPolicy};
use crate::blocking_pool::{HOOK_POOL, warn_if_slow};
use crate::discovery::{Candidates, Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::protocol::namespace::UNKNOWN_NOTIFICATION_ID;
use crate::protocol::route::{Caller, ConfigQuery};
use crate::protocol::signature::AccessKey;
use crate::protocol::wire::{Configurations, NotificationMessages};
use crate::rate_limit::RateLimit;
use crate::redact::without_credentials;
use crate::service_pause::ServicePauses;
use crate::settings::{EffectiveSettings, NamespaceSource};
use crate::snapshot::{LoadInfo, NamespaceContext, Snapshot, Source};
use crate::transport::{Failure, ServiceRequest, ServiceResponse, Transport};

pub(crate) const OPERATION: &str = "load namespace";
/// Longest wait for a permit of the rate limit; the value of the Java client.
const MAX_PERMIT_WAIT: Duration = Duration::from_secs(5);
/// Longest wait within a load for a service that is busy (`Retry-After`), unless callers wait. The
/// schedule waits longer instead, which announcements and refreshes interrupt.
const MAX_BUSY_WAIT: Duration = Duration::from_secs(10);
// Delays between attempts are those of the Java client: 1 s while something is missing, otherwise
// growing, because the periodic refresh has time and a busy server needs it.
const URGENT_DELAY: BackoffPolicy = BackoffPolicy::fixed(Duration::from_secs(1));
const BACKGROUND_DELAYS: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(8));

/// Meta servers often return addresses that are only valid inside a container network.
const UNREACHABLE_HINT: &str =
    "if that address cannot be reached from here, set apollo.config-service";

/// How many attempts a load makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoadMode {
    /// Two rounds over the services, 1 s apart: at the start and after an announcement.
    Urgent,
    /// One round with growing delays: periodic refreshes.
    Background,
}

/// What is known before a load.
pub(crate) struct LoadBase<'a> {
    /// Current snapshot.
    pub(crate) previous: &'a Snapshot,
    /// Id of the newest notification; -1 if there was none.
    pub(crate) notification_id: i64,
    /// Messages of that notification. A server whose cache is older than these reads its database
    /// first.
    pub(crate) messages: NotificationMessages,
    /// Service to try first: the one that announced the release has it for certain.
    pub(crate) preferred: Option<ServiceUrl>,
    /// Until when callers wait for the first load; `None` for later loads.
    pub(crate) deadline: Option<Instant>,
}

impl<'a> LoadBase<'a> {
    /// A base without a notification or a deadline.
    pub(crate) fn only(previous: &'a Snapshot) -> Self {
        Self {
            previous,
            notification_id: UNKNOWN_NOTIFICATION_ID,
            messages: NotificationMessages::default(),
            preferred: None,
            deadline: None,
        }
    }
}

/// Result of a load.
#[derive(Debug)]
pub(crate) enum LoadOutcome {
    /// The release known before is the newest.
    Unchanged,
    /// New values, or the same values under a new release key.
    Snapshot(Arc<Snapshot>),
}

/// Permits at the start, so that none of these waits: the first load, its confirmation after the
/// first poll, and a release right after the start.
const START_PERMITS: f64 = 3.0;

/// Loads one namespace.
pub(crate) struct Repository {
    transport: Transport,
    candidates: Candidates,
    settings: Arc<EffectiveSettings>,
    context: Arc<NamespaceContext>,
    permits: Arc<Semaphore>,
    /// The application's source function, used instead of servers.
    own_source: Option<NamespaceSource>,
    rate: RateLimit,
    background_delays: Backoff,
    /// Services that asked to be left alone (`Retry-After`).
    busy: ServicePauses,
    /// Key that signed the last request.
    last_key: Option<Arc<AccessKey>>,
    random: fastrand::Rng,
}

impl Repository {
    /// A repository for one namespace. `permits` limits the concurrent requests of all repositories
    /// of the client.
    pub(crate) fn new(
        transport: Transport,
        discovery: Discovery,
        settings: Arc<EffectiveSettings>,
        context: Arc<NamespaceContext>,
        permits: Arc<Semaphore>,
        own_source: Option<NamespaceSource>,
    ) -> Self {
        Self {
            rate: RateLimit::starting_with(settings.timing.load_per_second, START_PERMITS),
            random: settings.random(),
            background_delays: Backoff::new(BACKGROUND_DELAYS),
            busy: ServicePauses::default(),
            last_key: None,
            candidates: Candidates::new(discovery),
            transport,
            settings,
            context,
            permits,
            own_source,
        }
    }

    /// Loads the namespace. The first usable response ends the load, as do 404, 401 and 400, which
    /// every service would return. The failure has a `retry_after` only if all asked for one.
    pub(crate) async fn load(
        &mut self,
        base: &LoadBase<'_>,
        mode: LoadMode,
    ) -> Result<LoadOutcome, Failure> {
        let identity = &self.context.identity;
        let span =
            debug_span!("load", app_id = identity.app_id, namespace = identity.namespace, ?mode);
        self.load_within(base, mode).instrument(span).await
    }

    async fn load_within(
        &mut self,
        base: &LoadBase<'_>,
        mode: LoadMode,
    ) -> Result<LoadOutcome, Failure> {
        if let Some(source) = self.own_source.clone() {
            return self.load_from(source, base).await;
        }
        let mut services = self.services(base).await?;
        if let Some(preferred) = &base.preferred {
            // A stable sort: the other services keep their random order, which spreads the load.
            services.sort_by_key(|service| service != preferred);
        }
        if mode == LoadMode::Urgent {
            services.extend_from_within(..);
        }
        self.try_in_turn(&services, base, mode).await
    }

    async fn load_from(
        &mut self,
        source: NamespaceSource,
        base: &LoadBase<'_>,
    ) -> Result<LoadOutcome, Failure> {
        // An application that refreshes in a loop must not overload its own source either.
        self.rate.take(MAX_PERMIT_WAIT).await;
        let report = || {
            let identity = &self.context.identity;
            warn!(
                app_id = identity.app_id,
                namespace = identity.namespace,
                "a load has been waiting for the source function of the application for 30 s"
            );
        };
        let loaded = warn_if_slow(HOOK_POOL.run(move || source()), report).await;
        let loaded = loaded.unwrap_or_else(|_| {
            let text = "the source function of the application panicked";
            Err(Error::new(ErrorKind::Internal, OPERATION, text))
        });
        let content = loaded.map_err(|error| Failure::new(self.with_namespace(error)))?;
        // Functions have no release keys: equal values are an unchanged release.
        let known = base.previous;
        if known.source() == Source::Static && *known.configurations() == content {
            return Ok(LoadOutcome::Unchanged);
        }
        let info = LoadInfo { source: Source::Static, ..LoadInfo::unknown() };
        let snapshot = Snapshot::new(self.context.clone(), info, content, Some(known));
        Ok(LoadOutcome::Snapshot(Arc::new(snapshot)))
    }

    async fn try_in_turn(
        &mut self,
        services: &[ServiceUrl],
        base: &LoadBase<'_>,
        mode: LoadMode,
    ) -> Result<LoadOutcome, Failure> {
        let mut urgent_delay = Backoff::new(URGENT_DELAY);
        let mut untried: Vec<_> = services.iter().collect();
        let mut last: Option<Failure> = None;
        // `Retry-After` concerns one service: the others are tried meanwhile.
        while let Some(service) = self.busy.take_first(&mut untried) {
            // No delay before the first attempt and none after the last one.
            if last.is_some() {
                let allowed = self.busy.end_of(service);
                if allowed > Some(Instant::now() + MAX_BUSY_WAIT).max(base.deadline) {
                    break;
                }
                let delays = match mode {
                    LoadMode::Urgent => &mut urgent_delay,
                    LoadMode::Background => &mut self.background_delays,
                };
                let next = Instant::now() + delays.next_delay(&mut self.random);
                sleep_until(allowed.map_or(next, |allowed| allowed.max(next))).await;
            }
            self.rate.take(MAX_PERMIT_WAIT).await;
            let failure = match self.attempt(service, base).await {
                Ok(loaded) => {
                    self.busy.end(service);
                    self.background_delays.reset();
                    return Ok(loaded);
                }
                Err(failure) => failure,
            };
            debug!(error = %failure.error, "load attempt failed");
            self.busy.record(service, failure.retry_after);
            let kind = failure.error.kind();
            last = Some(failure);
            // Neither another service nor a delay changes the result.
            if is_final(kind) {
                break;
            }
        }
        let failure = last.unwrap_or_else(|| self.no_service());
        Err(Failure { retry_after: self.busy.shortest(services), ..failure })
    }

    /// Requests the namespace from one service, with the known release key. If the response is a
    /// difference that cannot be applied, requests it again without the key. Merged release keys are
    /// sent as well: the usual answer to them is that nothing changed.
    async fn attempt(
        &mut self,
        service: &ServiceUrl,
        base: &LoadBase<'_>,
    ) -> Result<LoadOutcome, Failure> {
        let previous = base.previous;
        // Only a release that this process received itself: applied to values of a cache file, an
        // incremental response could silently produce wrong ones.
        let has_release = previous.source() == Source::Remote && !previous.release_key().is_empty();
        let release = has_release.then_some(previous);
        let context = self.context.clone();
        let requested = &context.identity;
        let answer = self.request(service, base, release).await?;
        let update = answer::interpret(answer, requested, release);
        let update = match update {
            Ok(answer::ReleaseUpdate::NeedsFull) => {
                debug!(
                    service_url = &*without_credentials(service),
                    "an incremental response cannot be applied; requesting the full configuration"
                );
                let answer = self.request(service, base, None).await?;
                answer::interpret(answer, requested, None)
            }
            update => update,
        };
        match update {
            Ok(answer::ReleaseUpdate::Unchanged) => Ok(LoadOutcome::Unchanged),
            Ok(answer::ReleaseUpdate::New(release_key, content)) => {
                Ok(LoadOutcome::Snapshot(self.snapshot(base, release_key, content)))
            }
            Ok(answer::ReleaseUpdate::NeedsFull) => {
                let text =
                    "the service sent an incremental response although no release key was sent";
                Err(self.invalid_answer(service, Error::new(ErrorKind::Protocol, OPERATION, text)))
            }
            Err(error) => Err(self.invalid_answer(service, error)),
        }
    }

    async fn request(
        &mut self,
        service: &ServiceUrl,
        base: &LoadBase<'_>,
        release: Option<&Snapshot>,
    ) -> Result<ServiceResponse, Failure> {
        let query = ConfigQuery {
            caller: Caller {
                data_center: self.settings.data_center.clone(),
                ip: Some(self.settings.client_ip.get()),
                label: self.settings.label.clone(),
            },
            release_key: release.map(|release| release.release_key().to_owned()),
            messages: Some(base.messages.clone()),
        };
        let target = &self.context.identity;
        let line = query.path_and_query(target);
        let access_keys = &self.settings.access_keys;
        let key = access_keys.of(&target.app_id);
        self.last_key = key.clone();
        let mut answer = self.send(service, &target.app_id, &line, key.as_deref()).await;
        // The secret may have been replaced since the request was signed: repeated once with the
        // new one.
        let refused = matches!(&answer, Err(failure) if failure.status == Some(401));
        let patience = self.settings.timing.read_timeout;
        if refused && access_keys.renew(&target.app_id, key, patience).await {
            let key = access_keys.of(&target.app_id);
            self.last_key = key.clone();
            answer = self.send(service, &target.app_id, &line, key.as_deref()).await;
        }
        let reached =
            !matches!(&answer, Err(failure) if failure.error.kind() == ErrorKind::Transport);
        // A service that answers 404, 401 or 400 works; network failures and server errors count
        // towards its ejection.
        let discovery = self.candidates.discovery();
        discovery.report(service, reached);
        answer.map_err(|failure| {
            let unreached = failure.status.is_none();
            let error = self.with_namespace(failure.error);
            let error = match discovery.meta_server().filter(|_| unreached) {
                Some(meta_server) => {
                    error.with("meta_server", meta_server).with("hint", UNREACHABLE_HINT)
                }
                None => error,
            };
            Failure { error, ..failure }
        })
    }

    /// Sends one request within the limit of concurrent requests.
    async fn send(
        &self,
        service: &ServiceUrl,
        app_id: &str,
        path_and_query: &str,
        access_key: Option<&AccessKey>,
    ) -> Result<ServiceResponse, Failure> {
        let request = ServiceRequest {
            service,
            path_and_query,
            app_id,
            access_key,
            read_timeout: self.settings.timing.read_timeout,
        };
        // The semaphore is never closed; without a permit there would only be one more request.
        let _permit = self.permits.acquire().await;
        self.transport.get(request).await
    }

    fn snapshot(
        &self,
        base: &LoadBase<'_>,
        release_key: String,
        content: Configurations,
    ) -> Arc<Snapshot> {
        let info = LoadInfo {
            release_key,
            notification_id: base.notification_id,
            source: Source::Remote,
            since: SystemTime::now(),
        };
        Arc::new(Snapshot::new(self.context.clone(), info, content, Some(base.previous)))
    }

    fn invalid_answer(&self, service: &ServiceUrl, error: Error) -> Failure {
        Failure::new(self.with_namespace(error.with("service_url", &**service)))
    }

    fn no_service(&self) -> Failure {
        let text = "no config service is known";
        Failure::new(self.with_namespace(Error::new(ErrorKind::Transport, OPERATION, text)))
    }

    fn with_namespace(&self, error: Error) -> Error {
        error.with("namespace", &self.context.identity.namespace)
    }
}

/// Whether every service would answer the same: the namespace is missing, the secret rejected, or
/// the request malformed.
fn is_final(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::Unauthorized | ErrorKind::BadRequest)
}
