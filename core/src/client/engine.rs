//! Wires the stages of a client together: which discovery, poll loop and pipeline serve a namespace.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc};

use crate::cache::FileCache;
use crate::discovery::{Discovery, DiscoveryOptions};
use crate::long_poll::{self, Watched};
use crate::monitor::ErrorLog;
use crate::pipeline::{Disk, Fallback, Held, Inputs, Namespace, Pipeline, Reply, Validators};
use crate::protocol::namespace::strip_properties_suffix;
use crate::protocol::route::CONFIG_SERVICES_PATH;
use crate::repository::Repository;
use crate::revive::revive;
use crate::settings::{Effective, OwnSource};
use crate::snapshot::{Identity, Lookup, Place};
use crate::tasks::Tasks;
use crate::transport::{HttpClient, Transport};

/// Callers that may wait for the next load; one load answers them all.
const ASKED: usize = 1024;
/// Namespaces that load at once: a client with thousands must not open thousands of connections.
const LOADING: usize = 16;

pub(super) struct Engine {
    settings: Arc<Effective>,
    transport: Transport,
    discovery: Discovery,
    disk: Option<Disk>,
    /// Room for loads that are under way at once.
    loading: Arc<Semaphore>,
    validators: Arc<Validators>,
    errors: Arc<ErrorLog>,
    /// Held while a namespace is opened, so that each is opened once.
    opening: Mutex<()>,
    /// What is watched for each app id; the cluster is the same for all.
    polls: Mutex<HashMap<String, Arc<Watched>>>,
}

impl Engine {
    pub(super) fn new(
        settings: &Arc<Effective>,
        http: Arc<dyn HttpClient>,
        validators: &Arc<Validators>,
    ) -> Self {
        let transport = Transport::new(http, settings.network.body_limit);
        let cache = settings.cache.as_ref();
        Self {
            discovery: discovery(settings, &transport).ordered_by(settings.hooks.selector.clone()),
            disk: cache.map(|cache| Disk::new(FileCache::new(cache))),
            errors: Arc::new(ErrorLog::new(settings.error_queue)),
            loading: Arc::new(Semaphore::new(LOADING)),
            settings: settings.clone(),
            transport,
            validators: validators.clone(),
            opening: Mutex::default(),
            polls: Mutex::default(),
        }
    }

    /// Held by whoever opens a namespace.
    pub(super) fn opening(&self) -> MutexGuard<'_, ()> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn errors(&self) -> &ErrorLog {
        &self.errors
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Polls whose last answer was good.
    pub(super) fn polls_connected(&self) -> u64 {
        self.polls().values().map(|watched| watched.connected_polls() as u64).sum()
    }

    pub(super) fn has_poll_timed_out(&self, app_id: &str, namespace: &str) -> bool {
        self.polls().get(app_id).is_some_and(|watched| watched.has_timed_out(namespace))
    }

    /// A namespace whose task runs, watched by the poll loop of its app id.
    pub(super) fn open(&self, identity: Identity, tasks: &Tasks) -> (Arc<Namespace>, Held) {
        let (ask, asked) = mpsc::channel(ASKED);
        let queue = self.settings.listener_queue;
        let namespace =
            Arc::new(Namespace::new(self.place(identity), queue, ask, self.errors.clone()));
        let held = Held::first(&namespace);
        self.start(&namespace, asked, tasks);
        (namespace, held)
    }

    /// Starts the task of a namespace anew, and those of its listeners, in a forked child.
    pub(super) fn resume(&self, namespace: &Arc<Namespace>, tasks: &Tasks) {
        let (ask, asked) = mpsc::channel(ASKED);
        for delivery in namespace.resume(self.settings.listener_queue, ask, self.errors.clone()) {
            tasks.spawn_delivery(namespace.clone().deliver(delivery));
        }
        self.start(namespace, asked, tasks);
    }

    fn start(&self, namespace: &Arc<Namespace>, asked: mpsc::Receiver<Reply>, tasks: &Tasks) {
        let identity = namespace.identity();
        let own_source = self.own_source(identity);
        let is_local = self.settings.is_local() && own_source.is_none();
        let announced = match is_local || own_source.is_some() {
            true => None,
            false => Some(self.watched(identity, tasks).add(&identity.namespace)),
        };
        let inputs = Inputs {
            settings: self.settings.clone(),
            is_local,
            discovery: self.discovery.clone(),
            repository: Repository::new(
                self.transport.clone(),
                self.discovery.clone(),
                self.settings.clone(),
                namespace.place().clone(),
                self.loading.clone(),
                own_source,
            ),
            announced,
            asked,
            fallback: self.fallback(namespace),
            validators: self.validators.clone(),
        };
        let pipeline = Pipeline::new(namespace.clone(), inputs);
        tasks.spawn_until_stopped(|stop| pipeline.run(stop));
    }

    fn fallback(&self, namespace: &Namespace) -> Fallback {
        let identity = namespace.identity();
        let seeds = &self.settings.hooks.seeds;
        let seed = seeds.get(stem(identity));
        Fallback {
            disk: self.disk.clone(),
            seed: seed.filter(|_| identity.app_id == self.settings.app_id).cloned(),
        }
    }

    /// What the application loads a namespace with, instead of servers.
    fn own_source(&self, identity: &Identity) -> Option<OwnSource> {
        if let Some(memory) = self.settings.hooks.memory.clone() {
            let (app_id, name) = (identity.app_id.clone(), stem(identity).to_owned());
            return Some(Arc::new(move || memory.of(&app_id, &name)));
        }
        let source = self.settings.hooks.sources.get(stem(identity));
        source.filter(|_| identity.app_id == self.settings.app_id).cloned()
    }

    fn place(&self, identity: Identity) -> Arc<Place> {
        let settings = &self.settings;
        let is_own = identity.app_id == settings.app_id;
        let defaults = settings.hooks.defaults.get(stem(&identity));
        let lookup = Lookup {
            overlay: settings.overlay.clone(),
            environment: settings.environment.clone(),
            defaults: defaults.filter(|_| is_own).cloned().unwrap_or_default(),
        };
        Arc::new(Place {
            identity,
            lookup,
            typed_cache: settings.typed_cache,
            rules: settings.rules,
            malformed: AtomicU64::new(0),
        })
    }

    /// What is watched for an app id; starts its polls, and discovery with the first of all.
    fn watched(&self, identity: &Identity, tasks: &Tasks) -> Arc<Watched> {
        let mut polls = self.polls();
        if polls.is_empty() {
            let mut fresh = (self.discovery.clone(), self.errors.clone());
            tasks.spawn(async move {
                revive("discovery", &mut fresh, |(discovery, errors)| {
                    Box::pin(discovery.keep_fresh(|error| errors.note(error)))
                })
                .await;
            });
        }
        let watched = polls.entry(identity.app_id.clone());
        watched.or_insert_with(|| self.start_polls(&identity.app_id, tasks)).clone()
    }

    fn polls(&self) -> MutexGuard<'_, HashMap<String, Arc<Watched>>> {
        self.polls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_polls(&self, app_id: &str, tasks: &Tasks) -> Arc<Watched> {
        let timing = &self.settings.timing;
        let room = long_poll::room_in(timing.poll_line_limit, app_id, &self.settings);
        let watched = Arc::new(Watched::new(room));
        if timing.poll {
            tasks.spawn(long_poll::keep_polling(long_poll::Inputs {
                app_id: app_id.to_owned(),
                settings: self.settings.clone(),
                transport: self.transport.clone(),
                discovery: self.discovery.clone(),
                watched: watched.clone(),
                errors: self.errors.clone(),
            }));
        }
        watched
    }
}

/// The name under which the application gave what it gave for a namespace.
fn stem(identity: &Identity) -> &str {
    strip_properties_suffix(&identity.namespace)
}

fn discovery(settings: &Arc<Effective>, transport: &Transport) -> Discovery {
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
