//! Connects the stages of a client: which discovery, poll loop and pipeline serve a namespace.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc};

use crate::cache::FileCache;
use crate::discovery::{Discovery, DiscoveryOptions};
use crate::long_poll::{self, WatchList};
use crate::monitor::ErrorLog;
use crate::pipeline::{
    Disk, Fallback, Namespace, NamespaceHandle, Pipeline, PipelineDependencies, RefreshReply,
    Validators,
};
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::namespace::strip_properties_suffix;
use crate::protocol::route::CONFIG_SERVICES_PATH;
use crate::repository::Repository;
use crate::settings::{EffectiveSettings, NamespaceSource};
use crate::snapshot::{Lookup, NamespaceContext};
use crate::supervise::supervise;
use crate::tasks::Tasks;
use crate::transport::{HttpClient, Transport};

/// Callers that can wait for the next load; further ones wait to be queued. One load answers all of
/// them.
const MAX_REFRESH_REQUESTS: usize = 1024;
/// Concurrent loads: a client with thousands of namespaces must not open thousands of connections.
const MAX_CONCURRENT_LOADS: usize = 16;

pub(super) struct Engine {
    settings: Arc<EffectiveSettings>,
    transport: Transport,
    discovery: Discovery,
    disk: Option<Disk>,
    /// One permit for each concurrent load.
    load_permits: Arc<Semaphore>,
    validators: Arc<Validators>,
    errors: Arc<ErrorLog>,
    /// Held while a namespace is opened, so that each is opened only once.
    opening: Mutex<()>,
    /// Watched namespaces by app id. The cluster is the same for all of them.
    watch_lists: Mutex<HashMap<String, Arc<WatchList>>>,
}

impl Engine {
    pub(super) fn new(
        settings: &Arc<EffectiveSettings>,
        http: Arc<dyn HttpClient>,
        validators: &Arc<Validators>,
    ) -> Self {
        let transport = Transport::new(http, settings.network.body_limit);
        let cache = settings.cache.as_ref();
        Self {
            discovery: discovery(settings, &transport)
                .with_selector(settings.hooks.selector.clone()),
            disk: cache.map(|cache| Disk::new(FileCache::new(cache))),
            errors: Arc::new(ErrorLog::new(settings.error_queue)),
            load_permits: Arc::new(Semaphore::new(MAX_CONCURRENT_LOADS)),
            settings: settings.clone(),
            transport,
            validators: validators.clone(),
            opening: Mutex::default(),
            watch_lists: Mutex::default(),
        }
    }

    /// Locks the opening of namespaces.
    pub(super) fn opening(&self) -> MutexGuard<'_, ()> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn errors(&self) -> &ErrorLog {
        &self.errors
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Number of polls whose last request succeeded.
    pub(super) fn polls_connected(&self) -> u64 {
        self.lock_watch_lists().values().map(|watch_list| watch_list.connected_polls() as u64).sum()
    }

    pub(super) fn has_poll_timed_out(&self, app_id: &str, namespace: &str) -> bool {
        self.lock_watch_lists()
            .get(app_id)
            .is_some_and(|watch_list| watch_list.has_timed_out(namespace))
    }

    /// Creates a namespace, starts its pipeline and adds it to the poll loop of its app id.
    pub(super) fn open(
        &self,
        identity: NamespaceKey,
        tasks: &Tasks,
    ) -> (Arc<Namespace>, NamespaceHandle) {
        let (refresh_sender, refresh_requests) = mpsc::channel(MAX_REFRESH_REQUESTS);
        let queue = self.settings.listener_queue;
        let namespace = Arc::new(Namespace::new(
            self.context(identity),
            queue,
            refresh_sender,
            self.errors.clone(),
        ));
        let handle = NamespaceHandle::first(&namespace);
        self.start(&namespace, refresh_requests, tasks);
        (namespace, handle)
    }

    /// Restarts the pipeline and the deliveries of a namespace.
    pub(super) fn resume(&self, namespace: &Arc<Namespace>, tasks: &Tasks) {
        let (refresh_sender, refresh_requests) = mpsc::channel(MAX_REFRESH_REQUESTS);
        for delivery in
            namespace.resume(self.settings.listener_queue, refresh_sender, self.errors.clone())
        {
            tasks.spawn_delivery(|abandon| namespace.clone().deliver(delivery, abandon));
        }
        self.start(namespace, refresh_requests, tasks);
    }

    fn start(
        &self,
        namespace: &Arc<Namespace>,
        refresh_requests: mpsc::Receiver<RefreshReply>,
        tasks: &Tasks,
    ) {
        let identity = namespace.identity();
        let own_source = self.own_source(identity);
        // A source function works without servers, so local mode does not replace it.
        let is_local = self.settings.is_local() && own_source.is_none();
        let announcements = match is_local || own_source.is_some() {
            true => None,
            false => Some(self.watch_list(identity, tasks).add(&identity.namespace)),
        };
        let dependencies = PipelineDependencies {
            settings: self.settings.clone(),
            is_local,
            repository: Repository::new(
                self.transport.clone(),
                self.discovery.clone(),
                self.settings.clone(),
                namespace.context().clone(),
                self.load_permits.clone(),
                own_source,
            ),
            announcements,
            refresh_requests,
            fallback: Arc::new(self.fallback(namespace, is_local)),
            validators: self.validators.clone(),
        };
        let pipeline = Pipeline::new(namespace.clone(), dependencies);
        tasks.spawn_until_stopped(|stop| pipeline.run(stop));
    }

    fn fallback(&self, namespace: &Namespace, is_local: bool) -> Fallback {
        let identity = namespace.identity();
        let seeds = &self.settings.hooks.seeds;
        let seed = seeds.get(hook_name(identity));
        Fallback {
            disk: self.disk.clone(),
            // Seeds and sources in code belong to the client's own app: another app may have a
            // namespace of the same name.
            seed: seed.filter(|_| identity.app_id == self.settings.app_id).cloned(),
            is_local,
        }
    }

    /// The function that loads a namespace instead of servers; `None` if there is none.
    fn own_source(&self, identity: &NamespaceKey) -> Option<NamespaceSource> {
        if let Some(memory) = self.settings.hooks.memory.clone() {
            let identity = identity.clone();
            return Some(Arc::new(move || memory.load(&identity)));
        }
        let source = self.settings.hooks.sources.get(hook_name(identity));
        source.filter(|_| identity.app_id == self.settings.app_id).cloned()
    }

    fn context(&self, identity: NamespaceKey) -> Arc<NamespaceContext> {
        let settings = &self.settings;
        let (app_id, is_own) = (&identity.app_id, identity.app_id == settings.app_id);
        let lookup = Lookup {
            overlay: settings.overlay.clone(),
            environment: settings.environment.clone(),
            defaults: settings.hooks.defaults_of(app_id, hook_name(&identity), is_own),
        };
        Arc::new(NamespaceContext {
            identity,
            lookup,
            typed_cache: settings.typed_cache,
            rules: settings.rules,
            malformed: AtomicU64::new(0),
        })
    }

    /// The watch list of an app id. Its first use starts the polls of the app id; the first of all
    /// also starts discovery.
    fn watch_list(&self, identity: &NamespaceKey, tasks: &Tasks) -> Arc<WatchList> {
        let mut watch_lists = self.lock_watch_lists();
        // Discovery is not started earlier, so that clients in local mode or with own sources open
        // no socket.
        if watch_lists.is_empty() {
            let mut subject = (self.discovery.clone(), self.errors.clone());
            tasks.spawn(async move {
                supervise("discovery", &mut subject, |(discovery, errors)| {
                    Box::pin(discovery.refresh_forever(|error| errors.record(error)))
                })
                .await;
            });
        }
        let watch_list = watch_lists.entry(identity.app_id.clone());
        watch_list.or_insert_with(|| self.start_polls(&identity.app_id, tasks)).clone()
    }

    fn lock_watch_lists(&self) -> MutexGuard<'_, HashMap<String, Arc<WatchList>>> {
        self.watch_lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_polls(&self, app_id: &str, tasks: &Tasks) -> Arc<WatchList> {
        let timing = &self.settings.timing;
        let budget = long_poll::budget(timing.poll_line_limit, app_id, &self.settings);
        let watch_list = Arc::new(WatchList::new(budget));
        if timing.poll {
            tasks.spawn(long_poll::poll_forever(long_poll::PollDependencies {
                app_id: app_id.to_owned(),
                settings: self.settings.clone(),
                transport: self.transport.clone(),
                discovery: self.discovery.clone(),
                watch_list: watch_list.clone(),
                errors: self.errors.clone(),
            }));
        }
        watch_list
    }
}

/// The name by which settings in code refer to a namespace: without `.properties`.
fn hook_name(identity: &NamespaceKey) -> &str {
    strip_properties_suffix(&identity.namespace)
}

fn discovery(settings: &Arc<EffectiveSettings>, transport: &Transport) -> Discovery {
    let random = settings.random();
    if !settings.config_services.is_empty() {
        return Discovery::fixed(&settings.config_services, random);
    }
    let own = settings.clone();
    let options = DiscoveryOptions {
        path: CONFIG_SERVICES_PATH,
        app_id: settings.app_id.clone(),
        client_ip: Some(Arc::new(move || own.client_ip.get())),
        meta_servers: settings.meta_servers.clone(),
        read_timeout: settings.timing.discovery_read_timeout,
        refresh_interval: settings.timing.refresh_interval,
        per_second: settings.timing.discovery_per_second,
        rewrite: settings.hooks.rewrite.clone(),
        random,
    };
    Discovery::new(transport.clone(), options)
}
