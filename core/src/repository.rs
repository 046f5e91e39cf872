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

use crate::backoff::{Backoff, Ladder};
use crate::discovery::{Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::protocol::namespace::UNKNOWN_NOTIFICATION_ID;
use crate::protocol::route::{Caller, ConfigQuery, Target};
use crate::protocol::signature::AccessKey;
use crate::protocol::wire::{Configurations, NotificationMessages};
use crate::rate_limit::RateLimit;
use crate::settings::{Effective, OwnSource};
use crate::snapshot::{Identity, Place, Provenance, Snapshot, Source};
use crate::threads::HOOKS;
use crate::transport::{Answer, Failure, Request, Transport};

pub(crate) const OPERATION: &str = "load namespace";
/// Longest wait for a permit of the rate limit.
const PERMIT_PATIENCE: Duration = Duration::from_secs(5);
const FORCED_GAP: Ladder = Ladder::fixed(Duration::from_secs(1));
const CALM_GAPS: Ladder = Ladder::doubling(Duration::from_secs(1), Duration::from_secs(8));

/// Why an address that a meta server gave may not answer.
const HINT: &str = "if that address cannot be reached from here, set apollo.config-service";

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Two rounds over the services, one second between attempts: something is missing or known to be new.
    Forced,
    /// One round, with growing gaps.
    Calm,
}

/// What is known before a load.
pub(crate) struct Known<'a> {
    /// Content now.
    pub(crate) previous: &'a Snapshot,
    /// Newest notification.
    pub(crate) notification_id: i64,
    /// Messages of that notification; an answer may not be older than they say.
    pub(crate) messages: NotificationMessages,
    /// Service to try first.
    pub(crate) preferred: Option<ServiceUrl>,
}

impl<'a> Known<'a> {
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
pub(crate) enum Loaded {
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
    settings: Arc<Effective>,
    place: Arc<Place>,
    room: Arc<Semaphore>,
    /// What the application loads with, instead of servers.
    own_source: Option<OwnSource>,
    rate: RateLimit,
    calm_gaps: Backoff,
    random: fastrand::Rng,
}

impl Repository {
    /// Loads `place` in turn with all that share `room`.
    pub(crate) fn new(
        transport: Transport,
        discovery: Discovery,
        settings: Arc<Effective>,
        place: Arc<Place>,
        room: Arc<Semaphore>,
        own_source: Option<OwnSource>,
    ) -> Self {
        Self {
            rate: RateLimit::starting_with(settings.timing.load_per_second, START_PERMITS),
            random: settings.random(),
            calm_gaps: Backoff::new(CALM_GAPS),
            transport,
            discovery,
            settings,
            place,
            room,
            own_source,
        }
    }

    /// Loads the namespace: the first usable answer counts. 404, 401 and 400 end the load at once, since every service would
    /// say the same.
    pub(crate) async fn load(&mut self, known: &Known<'_>, mode: Mode) -> Result<Loaded, Failure> {
        if let Some(source) = self.own_source.clone() {
            return self.load_from(source, known).await;
        }
        let services = self.discovery.services().await;
        let mut services = services.map_err(|error| Failure::new(self.about(error)))?;
        if let Some(preferred) = &known.preferred {
            services.sort_by_key(|service| service != preferred);
        }
        if mode == Mode::Forced {
            services.extend_from_within(..);
        }
        self.try_in_turn(&services, known, mode).await
    }

    async fn load_from(&mut self, source: OwnSource, known: &Known<'_>) -> Result<Loaded, Failure> {
        self.rate.take(PERMIT_PATIENCE).await;
        let loaded = HOOKS.run(move || source()).await;
        let loaded = loaded.unwrap_or_else(|_| {
            let text = "the application's own source panicked";
            Err(Error::new(ErrorKind::Internal, OPERATION, text))
        });
        let content = loaded.map_err(|error| Failure::new(self.about(error)))?;
        let base = known.previous;
        if base.source() == Source::Static && *base.configurations() == content {
            return Ok(Loaded::Unchanged);
        }
        let provenance = Provenance { source: Source::Static, ..Provenance::unknown() };
        let snapshot = Snapshot::new(self.place.clone(), provenance, content, Some(base));
        Ok(Loaded::Snapshot(Arc::new(snapshot)))
    }

    async fn try_in_turn(
        &mut self,
        services: &[ServiceUrl],
        known: &Known<'_>,
        mode: Mode,
    ) -> Result<Loaded, Failure> {
        let mut forced_gap = Backoff::new(FORCED_GAP);
        let mut not_before: HashMap<&ServiceUrl, Instant> = HashMap::new();
        let mut last = None;
        for service in services {
            if last.is_some() {
                let gaps = match mode {
                    Mode::Forced => &mut forced_gap,
                    Mode::Calm => &mut self.calm_gaps,
                };
                let next = Instant::now() + gaps.next_delay(&mut self.random);
                let allowed = not_before.get(service).copied();
                sleep_until(allowed.map_or(next, |allowed| allowed.max(next))).await;
            }
            self.rate.take(PERMIT_PATIENCE).await;
            let failure = match self.attempt(service, known).await {
                Ok(loaded) => {
                    self.calm_gaps.reset();
                    return Ok(loaded);
                }
                Err(failure) => failure,
            };
            debug!(error = %failure.error, "load attempt failed");
            if is_final(failure.error.kind()) {
                return Err(failure);
            }
            if let Some(wait) = failure.retry_after {
                not_before.insert(service, Instant::now() + wait);
            }
            last = Some(failure);
        }
        Err(last.unwrap_or_else(|| self.no_service()))
    }

    /// One service: asks with the known release key; asks anew without it when the answer cannot be applied to what is known.
    async fn attempt(
        &mut self,
        service: &ServiceUrl,
        known: &Known<'_>,
    ) -> Result<Loaded, Failure> {
        let base = known.previous;
        let has_base = base.source() == Source::Remote && !base.release_key().is_empty();
        let base = has_base.then_some(base);
        let asked = &self.place.identity;
        let answer = self.ask(service, known, base).await?;
        let understood = answer::understand(answer, asked, base.map(Snapshot::configurations));
        let understood = match understood {
            Ok(answer::Content::NeedsFull) => {
                debug!(
                    service_url = &**service,
                    "incremental response without its base; requesting the full configuration"
                );
                let answer = self.ask(service, known, None).await?;
                answer::understand(answer, asked, None)
            }
            understood => understood,
        };
        match understood {
            Ok(answer::Content::Unchanged) => Ok(Loaded::Unchanged),
            Ok(answer::Content::New(release_key, content)) => {
                Ok(Loaded::Snapshot(self.snapshot(known, release_key, content)))
            }
            Ok(answer::Content::NeedsFull) => {
                let text = "the service insists on an incremental answer that nothing can take";
                Err(self.unusable(service, Error::new(ErrorKind::Protocol, OPERATION, text)))
            }
            Err(error) => Err(self.unusable(service, error)),
        }
    }

    async fn ask(
        &self,
        service: &ServiceUrl,
        known: &Known<'_>,
        base: Option<&Snapshot>,
    ) -> Result<Answer, Failure> {
        let query = ConfigQuery {
            caller: Caller {
                data_center: self.settings.data_center.clone(),
                ip: Some(self.settings.client_ip.get()),
                label: self.settings.label.clone(),
            },
            release_key: base.map(|base| base.release_key().to_owned()),
            messages: Some(known.messages.clone()),
        };
        let Identity { app_id, cluster, namespace } = self.place.identity.clone();
        let target = Target { app_id, cluster, namespace };
        let line = query.path_and_query(&target);
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
            let error = self.about(failure.error);
            let error = match self.discovery.told_by().filter(|_| unreached) {
                Some(meta_server) => error.with("meta_server", meta_server).with("hint", HINT),
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
    ) -> Result<Answer, Failure> {
        let request = Request {
            service,
            path_and_query,
            app_id,
            access_key,
            read_timeout: self.settings.timing.read_timeout,
        };
        // The semaphore is never closed; a permit that is not there would only mean one request more.
        let _permit = self.room.acquire().await;
        self.transport.get(request).await
    }

    fn snapshot(
        &self,
        known: &Known<'_>,
        release_key: String,
        content: Configurations,
    ) -> Arc<Snapshot> {
        let provenance = Provenance {
            release_key,
            notification_id: known.notification_id,
            source: Source::Remote,
            since: SystemTime::now(),
        };
        let place = self.place.clone();
        Arc::new(Snapshot::new(place, provenance, content, Some(known.previous)))
    }

    fn unusable(&self, service: &ServiceUrl, error: Error) -> Failure {
        Failure::new(self.about(error.with("service_url", &**service)))
    }

    fn no_service(&self) -> Failure {
        let text = "no config service is known";
        Failure::new(self.about(Error::new(ErrorKind::Transport, OPERATION, text)))
    }

    fn about(&self, error: Error) -> Error {
        error.with("namespace", &self.place.identity.namespace)
    }
}

/// Whether every service would answer the same.
fn is_final(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::Unauthorized | ErrorKind::BadRequest)
}
