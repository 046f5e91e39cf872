//! Wires the stages of a client together: which discovery, poll loop and pipeline serve a namespace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::cache::FileCache;
use crate::discovery::{Discovery, DiscoveryOptions};
use crate::long_poll::{LongPoll, Watched};
use crate::monitor::ErrorLog;
use crate::pipeline::{Fallback, Inputs, Namespace, Pipeline, Validators};
use crate::protocol::route::CONFIG_SERVICES_PATH;
use crate::repository::Repository;
use crate::settings::Effective;
use crate::snapshot::{Identity, Lookup, Place};
use crate::tasks::Tasks;
use crate::transport::{HttpClient, Transport};

/// Loads that may be asked for while one is under way.
const ASKED: usize = 16;

pub(super) struct Engine {
    settings: Arc<Effective>,
    transport: Transport,
    discovery: Discovery,
    cache: Option<FileCache>,
    validators: Arc<Validators>,
    /// One poll loop for each app id; the cluster is the same for all. Empty until the first namespace is opened.
    polls: Mutex<HashMap<String, Arc<Watched>>>,
}

impl Engine {
    pub(super) fn new(settings: &Arc<Effective>, http: Arc<dyn HttpClient>) -> Self {
        let transport = Transport::new(http, settings.network.body_limit);
        let cache = settings.cache.as_ref();
        Self {
            discovery: discovery(settings, &transport),
            cache: cache.map(FileCache::new),
            settings: settings.clone(),
            transport,
            validators: Arc::default(),
            polls: Mutex::default(),
        }
    }

    pub(super) fn clock_skew_ms(&self) -> i64 {
        self.transport.clock_skew_ms()
    }

    /// A namespace whose task runs, watched by the poll loop of its app id.
    pub(super) fn open(
        &self,
        identity: Identity,
        tasks: &Tasks,
        errors: &Arc<ErrorLog>,
    ) -> Arc<Namespace> {
        let (ask, asked) = mpsc::channel(ASKED);
        let announced = self.watched(&identity.app_id, tasks);
        let announced = announced.map(|watched| watched.add(&identity.namespace));
        let queue = self.settings.listener_queue;
        let namespace = Arc::new(Namespace::new(self.place(identity), queue, ask));
        let inputs = Inputs {
            settings: self.settings.clone(),
            discovery: self.discovery.clone(),
            repository: Repository::new(
                self.transport.clone(),
                self.discovery.clone(),
                self.settings.clone(),
                namespace.place().clone(),
            ),
            announced,
            asked,
            fallback: self.fallback(&namespace),
            validators: self.validators.clone(),
            errors: errors.clone(),
        };
        let pipeline = Pipeline::new(namespace.clone(), inputs);
        tasks.spawn_until_stopped(|stop| pipeline.run(stop));
        namespace
    }

    /// What the application has to say on releases.
    pub(super) fn validators(&self) -> &Validators {
        &self.validators
    }

    fn fallback(&self, namespace: &Namespace) -> Fallback {
        let identity = namespace.identity();
        let seeds = &self.settings.hooks.seeds;
        let seed = seeds.get(&identity.namespace);
        Fallback {
            cache: self.cache.clone(),
            seed: seed.filter(|_| identity.app_id == self.settings.app_id).cloned(),
        }
    }

    fn place(&self, identity: Identity) -> Arc<Place> {
        let settings = &self.settings;
        let is_own = identity.app_id == settings.app_id;
        let defaults = settings.hooks.defaults.get(&identity.namespace);
        let lookup = Lookup {
            overlay: settings.overlay.clone(),
            environment: settings.environment.clone(),
            defaults: defaults.filter(|_| is_own).cloned().unwrap_or_default(),
        };
        Arc::new(Place { identity, lookup, typed_cache: settings.typed_cache })
    }

    /// What the poll loop of an app id watches; starts the loop, and discovery with the first one.
    fn watched(&self, app_id: &str, tasks: &Tasks) -> Option<Arc<Watched>> {
        if self.settings.is_local() {
            return None;
        }
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        if polls.is_empty() {
            let discovery = self.discovery.clone();
            tasks.spawn(async move { discovery.keep_fresh().await });
        }
        let watched = polls.entry(app_id.to_owned()).or_insert_with(|| {
            let watched = Arc::new(Watched::new());
            if self.settings.timing.poll {
                let poll = LongPoll::new(
                    app_id.to_owned(),
                    self.settings.clone(),
                    self.transport.clone(),
                    self.discovery.clone(),
                    watched.clone(),
                );
                tasks.spawn(poll.run());
            }
            watched
        });
        Some(watched.clone())
    }
}

fn discovery(settings: &Effective, transport: &Transport) -> Discovery {
    let random = settings.random();
    if !settings.config_services.is_empty() {
        return Discovery::fixed(&settings.config_services, random);
    }
    let options = DiscoveryOptions {
        path: CONFIG_SERVICES_PATH,
        app_id: settings.app_id.clone(),
        client_ip: settings.client_ip.clone(),
        meta_servers: settings.meta_servers.clone(),
        read_timeout: settings.timing.discovery_read_timeout,
        refresh_interval: settings.timing.refresh_interval,
        per_second: settings.timing.discovery_per_second,
        rewrite: settings.hooks.rewrite.clone(),
        random,
    };
    Discovery::new(transport.clone(), options)
}
