//! What the application and its surroundings ask for: every setting, its default, and where its value came from.

mod access_keys;
mod agollo;
mod cache_directory;
mod client_ip;
mod effective;
mod environment;
mod key;
mod layers;
mod resolve;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::discovery::{ServerSelector, ServiceUrl, UrlRewriter};
use crate::error::{Error, ErrorKind, Result};
use crate::in_memory::InMemoryContent;
use crate::protocol::namespace::strip_properties_suffix;
use crate::protocol::wire::Configurations;

pub use access_keys::SecretProvider;
pub use effective::{Setting, StartPolicy};
pub use environment::Env;
pub use layers::Origin;

pub(crate) use effective::{CacheSettings, EffectiveSettings};
pub(crate) use layers::Layers;
pub(crate) use resolve::is_usable_name;

/// Names the meta servers of an environment; `None` leaves it to the settings.
pub type MetaProvider = Arc<dyn Fn(Env) -> Option<String> + Send + Sync>;
/// Loads a namespace in the application's own way.
pub(crate) type NamespaceSource = Arc<dyn Fn() -> Result<Configurations> + Send + Sync>;

/// Settings of a client, by property name. A value set in code beats every other place.
///
/// Nothing is checked before [`Client::new`](crate::Client::new), which tells every fault at once.
#[derive(Clone, Default)]
pub struct Settings {
    layers: Layers,
    ambient: bool,
    hooks: Hooks,
}

/// What cannot be said as text.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) meta_provider: Option<MetaProvider>,
    /// Asked before the settings.
    pub(crate) first_meta_provider: Option<MetaProvider>,
    pub(crate) rewrite: Option<UrlRewriter>,
    pub(crate) selector: Option<ServerSelector>,
    pub(crate) secret_provider: Option<SecretProvider>,
    pub(crate) random_seed: Option<u64>,
    /// Values below those of a release, by namespace of the app itself.
    pub(crate) defaults: HashMap<String, Configurations>,
    /// Content for a namespace that neither a server nor a cache file gives.
    pub(crate) seeds: HashMap<String, Configurations>,
    /// What loads a namespace instead of the servers.
    pub(crate) sources: HashMap<String, NamespaceSource>,
    /// What every namespace of every app is loaded from, instead of the servers.
    pub(crate) memory: Option<InMemoryContent>,
}

impl Settings {
    /// No settings: nothing is read from the environment or from files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings of the surroundings: environment variables, `server.properties`, `app.properties`. The files are read when
    /// the client is made.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when a variable whose name begins with `APOLLO_` or `CASTALIA_` is not Unicode text.
    pub fn from_env() -> Result<Self> {
        let mut environment = HashMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    environment.insert(name, value);
                }
                Err(_) if name.starts_with("APOLLO_") || name.starts_with("CASTALIA_") => {
                    let text = "the environment variable is not Unicode text";
                    let error = Error::new(ErrorKind::InvalidArgument, "read settings", text);
                    return Err(error.with("variable", name));
                }
                Err(_) => {}
            }
        }
        Ok(Self::from_variables(environment))
    }

    /// As [`Settings::from_env`], with these variables instead of the process's own.
    #[must_use]
    pub fn from_variables(environment: HashMap<String, String>) -> Self {
        let mut settings = Self::new();
        settings.layers.environment = environment;
        settings.ambient = true;
        settings
    }

    /// Sets a value by its property name, such as `app.id` or `apollo.meta`.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.layers.code.insert(name.into(), value.into());
        self
    }

    /// What must be loaded for a start to succeed; by default nothing, so that a namespace that cannot be loaded is empty.
    ///
    /// ```
    /// # use castalia_core::{Settings, StartPolicy};
    /// let settings = Settings::new().start_policy(StartPolicy::RequireAll);
    /// ```
    #[must_use]
    pub fn start_policy(self, policy: StartPolicy) -> Self {
        self.set("castalia.start-policy", policy.name())
    }

    /// Sets a value that is given nowhere else in code.
    pub(crate) fn set_if_absent(mut self, name: &str, value: &str) -> Self {
        self.layers.code.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        self
    }

    /// Loads every namespace from here.
    pub(crate) fn in_memory(mut self, content: InMemoryContent) -> Self {
        self.hooks.memory = Some(content);
        self
    }

    /// Adds what the host's own settings say, such as the system properties of a JVM: weaker than code, stronger than the
    /// environment. Names that are no setting are ignored.
    #[must_use]
    pub fn overlay(mut self, entries: impl IntoIterator<Item = (String, String)>) -> Self {
        self.layers.overlay.extend(entries);
        self
    }

    /// Asks this function for the meta servers (comma between) where `apollo.meta` is not set.
    #[must_use]
    pub fn meta_provider(
        mut self,
        provider: impl Fn(Env) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.meta_provider = Some(Arc::new(provider));
        self
    }

    /// As [`Settings::meta_provider`], but asked before `apollo.meta`, which counts where the function gives nothing.
    #[must_use]
    pub fn first_meta_provider(
        mut self,
        provider: impl Fn(Env) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.first_meta_provider = Some(Arc::new(provider));
        self
    }

    /// Asks this function for the secret of an app id when a server refuses the one in use. It runs on a thread that may
    /// block.
    #[must_use]
    pub fn secret_provider(
        mut self,
        provider: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.secret_provider = Some(Arc::new(provider));
        self
    }

    /// Passes every address that a meta server hands out through this function.
    #[must_use]
    pub fn rewrite_services(
        mut self,
        rewrite: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        self.hooks.rewrite = Some(Arc::new(rewrite));
        self
    }

    /// Lets this function put the config services in the order in which a load tries them; a poll takes the first. Without it
    /// the order is random. The service that announced a change is asked first all the same, and those that failed lately
    /// come last.
    #[must_use]
    pub fn order_services(
        mut self,
        order: impl Fn(&mut [ServiceUrl]) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.selector = Some(Arc::new(order));
        self
    }

    /// Loads a namespace of the app itself with this function instead of from servers: when it is opened, at each refresh
    /// interval and at each [`Config::refresh`](crate::Config::refresh). Change events, validators, typed reads and the cache
    /// file are those of every namespace, and its source is `static`. The function runs on a thread that may block; an error
    /// leaves the content as it was and is retried.
    #[must_use]
    pub fn source(
        mut self,
        namespace: &str,
        load: impl Fn() -> Result<Vec<(String, String)>> + Send + Sync + 'static,
    ) -> Self {
        let namespace = strip_properties_suffix(namespace).to_owned();
        let load = move || Ok(load()?.into_iter().collect());
        self.hooks.sources.insert(namespace, Arc::new(load));
        self
    }

    /// Values of keys that a namespace of the app itself does not have: weaker than a release, stronger than the defaults of
    /// reads. They count among its keys.
    #[must_use]
    pub fn defaults<K, V>(
        mut self,
        namespace: &str,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let namespace = strip_properties_suffix(namespace).to_owned();
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
        self.hooks.defaults.entry(namespace).or_default().extend(entries);
        self
    }

    /// Content of a namespace of the app itself for a start without server and cache file; its source is `static`. With
    /// environment `LOCAL` it is all there is beside cache files, as tests and offline programs want it. A document such as
    /// `x.yaml` has its text under the key `content`.
    #[must_use]
    pub fn seed<K, V>(mut self, namespace: &str, entries: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let namespace = strip_properties_suffix(namespace).to_owned();
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
        self.hooks.seeds.insert(namespace, entries.collect());
        self
    }

    /// Makes every random choice repeatable, for tests.
    #[must_use]
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.hooks.random_seed = Some(seed);
        self
    }
}

impl fmt::Debug for Settings {
    /// Names alone: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.layers.code.keys().collect();
        f.debug_struct("Settings")
            .field("set", &names)
            .field("from_env", &self.ambient)
            .finish_non_exhaustive()
    }
}
