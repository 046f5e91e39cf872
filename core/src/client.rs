//! A client: owns the tasks, opens namespaces, closes. Everything it does is done by the stages below it.

mod engine;
mod start;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::error;

use crate::config::{Config, ConfigFile};
use crate::error::{Error, ErrorKind, Result};
use crate::format::rules::ReadRules;
use crate::monitor::Metrics;
use crate::pipeline::{Namespace, NamespaceHandle, Validator, Validators};
use crate::process_local::ProcessLocal;
use crate::protocol::namespace::NamespaceKey;
use crate::settings::{EffectiveSettings, Env, Setting, Settings, is_usable_name};
use crate::snapshot::Snapshot;
use crate::tasks::Tasks;
use crate::transport::{HttpClient, HttpOptions, ReqwestClient};

use engine::Engine;

/// Longest wait for listeners that are still busy when the client is closed.
const DRAIN: Duration = Duration::from_secs(2);
/// Longest wait for all else, cache files above all.
const CLOSE: Duration = Duration::from_secs(5);

/// The way to the configuration of an app; cheap to clone. Nothing is global: a process may have several.
///
/// Tasks run on the Tokio runtime of the first call that waits, or on the shared one where there is none (feature
/// `blocking`). They stop when [`Client::close`] is called or the last client and [`Config`] is dropped.
///
/// In a forked child the last content stays readable, and everything starts again with the first call that is no read.
#[derive(Clone)]
pub struct Client {
    inner: Arc<ClientInner>,
    tasks: Arc<Tasks>,
}

struct ClientInner {
    settings: Arc<EffectiveSettings>,
    /// The HTTP client of the application; `None` for the built-in one.
    http: Option<Arc<dyn HttpClient>>,
    engine: ArcSwap<ProcessLocal<Engine>>,
    /// Replaced whole, so that a forked child finds no lock held.
    namespaces: ArcSwap<HashMap<NamespaceKey, Arc<Namespace>>>,
    /// Whether the namespaces that the settings name were opened.
    started: AtomicBool,
    validators: Arc<Validators>,
}

impl Client {
    /// Checks the settings and prepares a client; opens no socket and starts no task.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] with every fault of the settings at once.
    pub fn new(settings: Settings) -> Result<Self> {
        Self::with_settings(settings.resolve()?, None)
    }

    /// As [`Client::new`], but sends requests through this HTTP client; the settings of TLS, proxy and connect timeout are
    /// then its own affair.
    ///
    /// # Errors
    /// Those of [`Client::new`].
    pub fn with_http_client(settings: Settings, http: impl HttpClient) -> Result<Self> {
        Self::with_settings(settings.resolve()?, Some(Arc::new(http)))
    }

    fn with_settings(
        settings: EffectiveSettings,
        http: Option<Arc<dyn HttpClient>>,
    ) -> Result<Self> {
        let settings = Arc::new(settings);
        let validators = Arc::default();
        let engine = engine(&settings, http.as_ref(), &validators)?;
        let inner = Arc::new(ClientInner {
            settings,
            http,
            engine: ArcSwap::from_pointee(ProcessLocal::new(engine)),
            namespaces: ArcSwap::default(),
            started: AtomicBool::new(false),
            validators,
        });
        let tasks = Arc::new(Tasks::new());
        let inherited = inner.clone();
        tasks.set_restart(move |tasks| inherited.resume(tasks));
        Ok(Self { inner, tasks })
    }

    /// Opens a namespace of the app itself and waits for its first load: at most the start timeout, after which the cache
    /// file or nothing is served while loading goes on.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a bad name, [`ErrorKind::Closed`] after [`Client::close`], and what the start policy
    /// refuses. Under the default policy a namespace that cannot be loaded is no error: its state says so.
    pub async fn config(&self, namespace: &str) -> Result<Config> {
        self.config_of(&self.inner.settings.app_id, namespace).await
    }

    /// Opens a namespace of another app id; as [`Client::config`].
    ///
    /// # Errors
    /// Those of [`Client::config`].
    pub async fn config_of(&self, app_id: &str, namespace: &str) -> Result<Config> {
        let namespace = self.open(app_id, namespace)?;
        self.start_namespaces()?;
        namespace.wait_until_settled().await;
        self.check_start_policy(Some(&namespace)).await?;
        Ok(Config::new(namespace, self.tasks.clone()))
    }

    /// Opens a namespace as a whole file; as [`Client::config`].
    ///
    /// # Errors
    /// Those of [`Client::config`].
    pub async fn config_file(&self, namespace: &str) -> Result<ConfigFile> {
        self.config(namespace).await.map(ConfigFile::new)
    }

    /// Opens the namespaces that the settings name and judges the start policy. The first [`Client::config`] does the same.
    ///
    /// # Errors
    /// What the start policy refuses; the client goes on trying. [`ErrorKind::Closed`] after [`Client::close`].
    pub async fn start(&self) -> Result<()> {
        self.tasks.resume_after_fork();
        self.tasks.ensure_runtime()?;
        self.start_namespaces()?;
        self.check_start_policy(None).await
    }

    /// The config of a namespace that is open already; never waits.
    #[must_use]
    pub fn opened(&self, app_id: &str, namespace: &str) -> Option<Config> {
        let identity = self.identity(app_id, namespace).ok()?;
        let namespaces = self.inner.namespaces.load();
        let namespace = namespaces.get(&identity).filter(|found| found.is_settled())?;
        Some(Config::new(NamespaceHandle::acquire(namespace)?, self.tasks.clone()))
    }

    /// App id of the client.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.inner.settings.app_id
    }

    /// The environment, as its name was understood; [`Env::Unknown`] where none is set. [`Client::settings`] has the text that
    /// was given.
    #[must_use]
    pub fn env(&self) -> Env {
        self.inner.settings.env
    }

    /// How values are read as other types: what the settings say.
    #[must_use]
    pub fn read_rules(&self) -> ReadRules {
        self.inner.settings.rules
    }

    /// Every effective setting and where it came from; secrets are masked.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.inner.settings.report
    }

    /// Signs the requests of an app id with another secret from now on; a blank one stops signing.
    pub fn set_access_key(&self, app_id: &str, secret: &str) {
        self.inner.settings.access_keys.replace(app_id, secret);
    }

    /// Asks this function before a release of a namespace of the app itself is applied: one for which it gives a reason is not,
    /// and the content stays as it is. The reason is in the namespace's last error; the function runs on a thread that may
    /// block, for every release and for cached content.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a bad name.
    pub fn validate(
        &self,
        namespace: &str,
        validator: impl Fn(&Snapshot) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<()> {
        let identity = self.identity(self.app_id(), namespace)?;
        let validator: Validator = Arc::new(validator);
        self.inner.validators.add(&identity, &validator);
        Ok(())
    }

    /// State of every namespace, counters and latest errors.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.tasks.resume_after_fork();
        let known = self.inner.namespaces.load();
        let open = known.values().filter(|namespace| !namespace.is_released());
        let mut namespaces: Vec<_> = open.map(|namespace| namespace.metrics()).collect();
        namespaces.sort_by(|a, b| (&a.app_id, &a.namespace).cmp(&(&b.app_id, &b.namespace)));
        let engine = self.inner.engine.load();
        for namespace in &mut namespaces {
            let (app_id, name) = (&namespace.app_id, &namespace.namespace);
            namespace.poll_timed_out = engine.has_poll_timed_out(app_id, name);
        }
        Metrics {
            namespaces,
            errors: engine.errors().latest(),
            error_count: engine.errors().count(),
            clock_skew_ms: engine.transport().clock_skew_ms(),
            http: engine.transport().metrics(),
            polls_connected: engine.polls_connected(),
            threads: self.tasks.threads(),
        }
    }

    /// [`Client::metrics`] as OpenMetrics text, with the meter names of the official Java client.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.metrics().text()
    }

    /// Fails once the client is closed: for hosts whose calls must say so at once.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] after [`Client::close`].
    pub fn check_open(&self) -> Result<()> {
        self.tasks.check_open()
    }

    /// Stops everything: cancels requests, lets listeners finish what is queued for at most two seconds, finishes cache
    /// files. Reads go on answering; all else says [`ErrorKind::Closed`]. A second call only waits.
    pub async fn close(&self) {
        self.stop();
        self.tasks.wait_until_stopped(DRAIN, CLOSE).await;
    }

    /// As [`Client::close`], without waiting.
    pub fn stop(&self) {
        self.tasks.stop();
    }

    /// Loads a namespace of the app itself now, if it is open.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a bad name, [`ErrorKind::Closed`] after [`Client::close`], and those of the load.
    pub(crate) async fn refresh_open(&self, namespace: &str) -> Result<()> {
        let identity = self.identity(self.app_id(), namespace)?;
        self.tasks.resume_after_fork();
        self.tasks.check_open()?;
        let open = self.inner.namespaces.load().get(&identity).and_then(NamespaceHandle::acquire);
        match open {
            Some(open) => open.refresh().await,
            None => Ok(()),
        }
    }

    /// The namespace, opened if need be. Whoever opens it first starts its task; nobody waits here.
    fn open(&self, app_id: &str, namespace: &str) -> Result<NamespaceHandle> {
        let identity = self.identity(app_id, namespace)?;
        self.tasks.resume_after_fork();
        self.tasks.ensure_runtime()?;
        let inner = &self.inner;
        let engine = inner.engine.load();
        let _opening = engine.opening();
        if let Some(handle) =
            inner.namespaces.load().get(&identity).and_then(NamespaceHandle::acquire)
        {
            return Ok(handle);
        }
        let (open, handle) = engine.open(identity.clone(), &self.tasks);
        inner.namespaces.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.retain(|_, namespace| !namespace.is_released());
            known.insert(identity.clone(), open.clone());
            known
        });
        Ok(handle)
    }

    fn identity(&self, app_id: &str, namespace: &str) -> Result<NamespaceKey> {
        let namespace = self.inner.settings.name_of(namespace);
        for (what, name) in [("app_id", app_id), ("namespace", namespace)] {
            if !is_usable_name(name) {
                let text =
                    "a name has letters, digits, '-', '_' and '.' (not in front), 128 at most";
                let error = Error::new(ErrorKind::InvalidArgument, "open", text);
                return Err(error.with(what, name));
            }
        }
        Ok(NamespaceKey {
            app_id: app_id.to_owned(),
            cluster: self.inner.settings.cluster.clone(),
            namespace: namespace.to_owned(),
        })
    }
}

impl ClientInner {
    /// Starts everything again in a forked child.
    fn resume(&self, tasks: &Tasks) {
        let engine = match engine(&self.settings, self.http.as_ref(), &self.validators) {
            Ok(engine) => engine,
            Err(error) => {
                error!(%error, "cannot restart the client in this process");
                return;
            }
        };
        for namespace in self.namespaces.load().values().filter(|open| !open.is_released()) {
            engine.resume(namespace, tasks);
        }
        self.engine.store(Arc::new(ProcessLocal::new(engine)));
    }
}

fn engine(
    settings: &Arc<EffectiveSettings>,
    http: Option<&Arc<dyn HttpClient>>,
    validators: &Arc<Validators>,
) -> Result<Engine> {
    let http = match http {
        Some(http) => http.clone(),
        None => default_http_client(settings)?,
    };
    Ok(Engine::new(settings, http, validators))
}

fn default_http_client(settings: &EffectiveSettings) -> Result<Arc<dyn HttpClient>> {
    let network = &settings.network;
    let options = HttpOptions {
        connect_timeout: network.connect_timeout,
        ca_file: network.ca_file.clone(),
        system_proxy: network.system_proxy,
        user_agent: network.user_agent.clone(),
    };
    #[cfg(feature = "insecure-tls")]
    if network.is_insecure {
        return Ok(Arc::new(ReqwestClient::without_verification(&options)?));
    }
    Ok(Arc::new(ReqwestClient::new(&options)?))
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("app_id", &self.app_id())
            .field("cluster", &self.inner.settings.cluster)
            .finish_non_exhaustive()
    }
}
