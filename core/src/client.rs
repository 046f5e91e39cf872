//! The client: opens namespaces, owns their tasks, reports metrics, closes.

mod close;
mod engine;
mod start;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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

#[cfg(feature = "host")]
pub(crate) use close::DRAIN;
use engine::Engine;

/// Opens the namespaces of an app; cheap to clone. There is no global state: a process may have
/// several clients.
///
/// Tasks run on the Tokio runtime of the first asynchronous call, or on a shared one if there is
/// none (feature `blocking`). They end when [`Client::close`] is called or the last client and
/// [`Config`] is dropped.
///
/// In a forked child, and after the runtime has ended, the last values remain readable, and the
/// first call other than a read restarts the tasks.
///
/// ```no_run
/// use castalia_core::{Client, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let settings =
///     Settings::new().set("app.id", "demo").set("apollo.meta", "http://localhost:8080");
/// let client = Client::new(settings)?;
/// let config = client.config("application").await?;
/// println!("timeout = {}", config.get_or("timeout", 200));
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<ClientInner>,
    tasks: Arc<Tasks>,
}

struct ClientInner {
    settings: Arc<EffectiveSettings>,
    /// The application's HTTP client; `None` for the built-in one.
    http: Option<Arc<dyn HttpClient>>,
    /// Discovery, polls and pipelines; replaced by a restart.
    engine: ArcSwap<ProcessLocal<Engine>>,
    /// Replaced as a whole instead of locked, so that a forked child never finds a lock held.
    namespaces: ArcSwap<HashMap<NamespaceKey, Arc<Namespace>>>,
    /// Whether the namespaces of `castalia.namespaces` have been opened.
    started: AtomicBool,
    validators: Arc<Validators>,
}

impl Client {
    /// Validates the settings and creates a client; opens no socket and starts no task.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] that lists every invalid setting.
    pub fn new(settings: Settings) -> Result<Self> {
        Self::with_settings(settings.resolve()?, None)
    }

    /// Like [`Client::new`], but sends requests through `http`. The settings for TLS, proxy and
    /// connect timeout then have no effect.
    ///
    /// # Errors
    /// As [`Client::new`].
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
        // Captures `inner` and not `tasks`: the tasks own this function.
        tasks.set_restart(move |tasks| inherited.resume(tasks));
        Ok(Self { inner, tasks })
    }

    /// Opens a namespace of the client's app and waits for its first load, at most
    /// `castalia.start-timeout`. After that the cache file, or nothing, is served while loading
    /// continues.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an invalid name, [`ErrorKind::Closed`] after
    /// [`Client::close`], or the start policy's refusal. Under the default policy a namespace that
    /// cannot be loaded is not an error; see [`Config::state`].
    pub async fn config(&self, namespace: &str) -> Result<Config> {
        self.config_of(&self.inner.settings.app_id, namespace).await
    }

    /// Opens a namespace of another app; see [`Client::config`].
    ///
    /// # Errors
    /// As [`Client::config`].
    pub async fn config_of(&self, app_id: &str, namespace: &str) -> Result<Config> {
        let namespace = self.open_and_wait(app_id, namespace).await?;
        self.check_start_policy(Some((&namespace, Snapshot::values_source))).await?;
        Ok(Config::new(namespace, self.tasks.clone()))
    }

    /// Opens a namespace as one text; see [`Client::config`].
    ///
    /// # Errors
    /// As [`Client::config`].
    pub async fn config_file(&self, namespace: &str) -> Result<ConfigFile> {
        self.config_file_of(&self.inner.settings.app_id, namespace).await
    }

    /// Opens a namespace of another app as one text; see [`Client::config_file`].
    ///
    /// # Errors
    /// As [`Client::config`].
    pub async fn config_file_of(&self, app_id: &str, namespace: &str) -> Result<ConfigFile> {
        let namespace = self.open_and_wait(app_id, namespace).await?;
        self.check_start_policy(Some((&namespace, Snapshot::source))).await?;
        Ok(ConfigFile::new(Config::new(namespace, self.tasks.clone())))
    }

    /// Opens the namespaces of `castalia.namespaces` and checks the start policy. The first
    /// [`Client::config`] does the same.
    ///
    /// # Errors
    /// The start policy's refusal, after which the client keeps trying, or [`ErrorKind::Closed`]
    /// after [`Client::close`].
    pub async fn start(&self) -> Result<()> {
        self.tasks.resume();
        self.tasks.ensure_runtime()?;
        self.start_namespaces()?;
        self.check_start_policy(None).await
    }

    /// The [`Config`] of a namespace that has been opened and loaded; never waits.
    #[must_use]
    pub fn opened(&self, app_id: &str, namespace: &str) -> Option<Config> {
        let identity = self.identity(app_id, namespace).ok()?;
        let namespaces = self.inner.namespaces.load();
        let namespace = namespaces.get(&identity).filter(|found| found.is_settled())?;
        Some(Config::new(NamespaceHandle::acquire(namespace)?, self.tasks.clone()))
    }

    /// The client's app id.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.inner.settings.app_id
    }

    /// The environment as it was recognized; [`Env::Unknown`] if it is unset or not one of the
    /// known names. [`Client::settings`] contains the original text.
    #[must_use]
    pub fn env(&self) -> Env {
        self.inner.settings.env
    }

    /// The rules for typed reads, from the settings.
    #[must_use]
    pub fn read_rules(&self) -> ReadRules {
        self.inner.settings.rules
    }

    #[cfg(feature = "host")]
    pub(crate) fn effective_settings(&self) -> &EffectiveSettings {
        &self.inner.settings
    }

    /// Every effective setting and its origin. Secrets are masked.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.inner.settings.report
    }

    /// Signs requests for an app id with another secret from now on. A blank secret ends signing.
    /// Loads and polls that servers have rejected are repeated at once.
    pub fn set_access_key(&self, app_id: &str, secret: &str) {
        self.inner.settings.access_keys.replace(app_id, secret);
    }

    /// Calls a function before a release of a namespace of the client's app is applied. If it
    /// returns a reason, the release is rejected, the values stay unchanged and the reason becomes
    /// the last error of the namespace. The function runs on a blocking thread, for every release
    /// and for cached values; one that runs for 30 s is logged. It is dropped once the client is
    /// closed and its loads have ended.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an invalid name, [`ErrorKind::Closed`] after
    /// [`Client::close`].
    pub fn validate(
        &self,
        namespace: &str,
        validator: impl Fn(&Arc<Snapshot>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<()> {
        let identity = self.identity(self.app_id(), namespace)?;
        self.tasks.check_open()?;
        let validator: Validator = Arc::new(validator);
        self.inner.validators.add(&identity, &validator);
        Ok(())
    }

    /// State of every open namespace, counters and recent errors.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.tasks.resume();
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

    /// [`Client::metrics`] as OpenMetrics text, with the metric names of the official Java client.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.metrics().text()
    }

    /// Loads a namespace of the client's app now, if it is open.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an invalid name, [`ErrorKind::Closed`] after
    /// [`Client::close`], or the error of the load or of parsing what it loaded.
    pub(crate) async fn refresh_open(&self, namespace: &str) -> Result<()> {
        let identity = self.identity(self.app_id(), namespace)?;
        self.tasks.resume();
        self.tasks.check_open()?;
        let open = self.inner.namespaces.load().get(&identity).and_then(NamespaceHandle::acquire);
        match open {
            Some(open) => {
                open.refresh().await?;
                open.snapshot().problem().map_or(Ok(()), |problem| Err(problem.clone()))
            }
            None => Ok(()),
        }
    }

    /// Returns the namespace, opening it if necessary; never waits for a load.
    fn open(&self, app_id: &str, namespace: &str) -> Result<NamespaceHandle> {
        let identity = self.identity(app_id, namespace)?;
        self.tasks.resume();
        self.tasks.ensure_runtime()?;
        let inner = &self.inner;
        let engine = inner.engine.load();
        // Without this lock two threads could start two pipelines for the same namespace.
        let _opening = engine.opening();
        if let Some(handle) =
            inner.namespaces.load().get(&identity).and_then(NamespaceHandle::acquire)
        {
            return Ok(handle);
        }
        let (open, handle) = engine.open(identity.clone(), &self.tasks);
        inner.namespaces.rcu(|known| {
            let mut known = HashMap::clone(known);
            // Closed namespaces are removed here; there is no task that could do it.
            known.retain(|_, namespace| !namespace.is_released());
            known.insert(identity.clone(), open.clone());
            known
        });
        Ok(handle)
    }

    pub(crate) fn identity(&self, app_id: &str, namespace: &str) -> Result<NamespaceKey> {
        let namespace = self.inner.settings.name_of(namespace);
        for (what, name) in [("app_id", app_id), ("namespace", namespace)] {
            if !is_usable_name(name) {
                let text =
                    "a name consists of at most 128 letters, digits, '-', '_' and '.' (not first)";
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
    /// Restarts discovery, polls and pipelines in a forked child, or on another runtime.
    fn resume(&self, tasks: &Tasks) -> bool {
        let engine = match engine(&self.settings, self.http.as_ref(), &self.validators) {
            Ok(engine) => engine,
            Err(error) => {
                error!(%error, "cannot restart the client in this process");
                return false;
            }
        };
        for namespace in self.namespaces.load().values().filter(|open| !open.is_released()) {
            engine.resume(namespace, tasks);
        }
        self.engine.store(Arc::new(ProcessLocal::new(engine)));
        true
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
