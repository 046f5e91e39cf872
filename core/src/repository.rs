//! Loads one namespace from the config services: tries them in turn, understands full, incremental and unchanged answers.
//!
//! Keeps nothing of what it loaded: the content that an answer builds on is an argument.

mod answer;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use crate::backoff::{Backoff, BackoffPolicy};
use crate::blocking_pool::HOOK_POOL;
use crate::discovery::{Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::protocol::namespace::UNKNOWN_NOTIFICATION_ID;
use crate::protocol::route::{Caller, ConfigQuery};
use crate::protocol::signature::AccessKey;
use crate::protocol::wire::{Configurations, NotificationMessages};
use crate::rate_limit::RateLimit;
use crate::settings::{EffectiveSettings, NamespaceSource};
use crate::snapshot::{LoadInfo, NamespaceContext, Snapshot, Source};
use crate::transport::{Failure, ServiceRequest, ServiceResponse, Transport};

pub(crate) const OPERATION: &str = "load namespace";
/// Longest wait for a permit of the rate limit.
const MAX_PERMIT_WAIT: Duration = Duration::from_secs(5);
const URGENT_DELAY: BackoffPolicy = BackoffPolicy::fixed(Duration::from_secs(1));
const BACKGROUND_DELAYS: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(8));

/// Why an address that a meta server gave may not answer.
const UNREACHABLE_HINT: &str =
    "if that address cannot be reached from here, set apollo.config-service";

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoadMode {
    /// Two rounds over the services, one second between attempts: something is missing or known to be new.
    Urgent,
    /// One round, with growing gaps.
    Background,
}

/// What is known before a load.
pub(crate) struct LoadBase<'a> {
    /// Content now.
    pub(crate) previous: &'a Snapshot,
    /// Newest notification.
    pub(crate) notification_id: i64,
    /// Messages of that notification; an answer may not be older than they say.
    pub(crate) messages: NotificationMessages,
    /// Service to try first.
    pub(crate) preferred: Option<ServiceUrl>,
}

impl<'a> LoadBase<'a> {
    /// Nothing beside the content.
    pub(crate) fn only(previous: &'a Snapshot) -> Self {
        Self {
            previous,
            notification_id: UNKNOWN_NOTIFICATION_ID,
            messages: NotificationMessages::default(),
            preferred: None,
        }
    }
}

/// What a load brought.
#[derive(Debug)]
pub(crate) enum LoadOutcome {
    /// The release known before is the newest.
    Unchanged,
    /// New content, or the same under a new release key.
    Snapshot(Arc<Snapshot>),
}

/// The first load, the one that confirms it after the first poll, and the one of a release that comes right after: delayed by no
/// limit.
const START_PERMITS: f64 = 3.0;

/// Loads one namespace.
pub(crate) struct Repository {
    transport: Transport,
    discovery: Discovery,
    settings: Arc<EffectiveSettings>,
    context: Arc<NamespaceContext>,
    permits: Arc<Semaphore>,
    /// What the application loads with, instead of servers.
    own_source: Option<NamespaceSource>,
    rate: RateLimit,
    background_delays: Backoff,
    random: fastrand::Rng,
}

impl Repository {
    /// Loads `context` in turn with all that share `permits`.
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
            transport,
            discovery,
            settings,
            context,
            permits,
            own_source,
        }
    }

    /// Loads the namespace: the first usable answer counts. 404, 401 and 400 end the load at once, since every service would
    /// say the same.
    pub(crate) async fn load(
        &mut self,
        base: &LoadBase<'_>,
        mode: LoadMode,
    ) -> Result<LoadOutcome, Failure> {
        if let Some(source) = self.own_source.clone() {
            return self.load_from(source, base).await;
        }
        let services = self.discovery.services().await;
        let mut services = services.map_err(|error| Failure::new(self.with_namespace(error)))?;
        if let Some(preferred) = &base.preferred {
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
        self.rate.take(MAX_PERMIT_WAIT).await;
        let loaded = HOOK_POOL.run(move || source()).await;
        let loaded = loaded.unwrap_or_else(|_| {
            let text = "the application's own source panicked";
            Err(Error::new(ErrorKind::Internal, OPERATION, text))
        });
        let content = loaded.map_err(|error| Failure::new(self.with_namespace(error)))?;
        let base = base.previous;
        if base.source() == Source::Static && *base.configurations() == content {
            return Ok(LoadOutcome::Unchanged);
        }
        let info = LoadInfo { source: Source::Static, ..LoadInfo::unknown() };
        let snapshot = Snapshot::new(self.context.clone(), info, content, Some(base));
        Ok(LoadOutcome::Snapshot(Arc::new(snapshot)))
    }

    async fn try_in_turn(
        &mut self,
        services: &[ServiceUrl],
        base: &LoadBase<'_>,
        mode: LoadMode,
    ) -> Result<LoadOutcome, Failure> {
        let mut urgent_delay = Backoff::new(URGENT_DELAY);
        let mut earliest_retry: HashMap<&ServiceUrl, Instant> = HashMap::new();
        let mut last = None;
        for service in services {
            if last.is_some() {
                let delays = match mode {
                    LoadMode::Urgent => &mut urgent_delay,
                    LoadMode::Background => &mut self.background_delays,
                };
                let next = Instant::now() + delays.next_delay(&mut self.random);
                let allowed = earliest_retry.get(service).copied();
                sleep_until(allowed.map_or(next, |allowed| allowed.max(next))).await;
            }
            self.rate.take(MAX_PERMIT_WAIT).await;
            let failure = match self.attempt(service, base).await {
                Ok(loaded) => {
                    self.background_delays.reset();
                    return Ok(loaded);
                }
                Err(failure) => failure,
            };
            debug!(error = %failure.error, "load attempt failed");
            if is_final(failure.error.kind()) {
                return Err(failure);
            }
            if let Some(wait) = failure.retry_after {
                earliest_retry.insert(service, Instant::now() + wait);
            }
            last = Some(failure);
        }
        Err(last.unwrap_or_else(|| self.no_service()))
    }

    /// One service: asks with the known release key; asks anew without it when the answer cannot be applied to what is known.
    async fn attempt(
        &mut self,
        service: &ServiceUrl,
        base: &LoadBase<'_>,
    ) -> Result<LoadOutcome, Failure> {
        let previous = base.previous;
        let has_release = previous.source() == Source::Remote && !previous.release_key().is_empty();
        let release = has_release.then_some(previous);
        let requested = &self.context.identity;
        let answer = self.request(service, base, release).await?;
        let update = answer::interpret(answer, requested, release.map(Snapshot::configurations));
        let update = match update {
            Ok(answer::ReleaseUpdate::NeedsFull) => {
                debug!(
                    service_url = &**service,
                    "incremental response without its base; requesting the full configuration"
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
                let text = "the service insists on an incremental answer that nothing can take";
                Err(self.invalid_answer(service, Error::new(ErrorKind::Protocol, OPERATION, text)))
            }
            Err(error) => Err(self.invalid_answer(service, error)),
        }
    }

    async fn request(
        &self,
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
        let mut answer = self.send(service, &target.app_id, &line, key.as_deref()).await;
        let refused = matches!(&answer, Err(failure) if failure.status == Some(401));
        if refused && access_keys.renew(&target.app_id, key).await {
            let key = access_keys.of(&target.app_id);
            answer = self.send(service, &target.app_id, &line, key.as_deref()).await;
        }
        let reached =
            !matches!(&answer, Err(failure) if failure.error.kind() == ErrorKind::Transport);
        self.discovery.report(service, reached);
        answer.map_err(|failure| {
            let unreached = failure.status.is_none();
            let error = self.with_namespace(failure.error);
            let error = match self.discovery.meta_server().filter(|_| unreached) {
                Some(meta_server) => {
                    error.with("meta_server", meta_server).with("hint", UNREACHABLE_HINT)
                }
                None => error,
            };
            Failure { error, ..failure }
        })
    }

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
        // The semaphore is never closed; a permit that is not there would only mean one request more.
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
        let context = self.context.clone();
        Arc::new(Snapshot::new(context, info, content, Some(base.previous)))
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

/// Whether every service would answer the same.
fn is_final(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::Unauthorized | ErrorKind::BadRequest)
}
