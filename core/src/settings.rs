//! Settings from code, environment and files: their names, defaults and origins.

mod access_keys;
mod address;
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

use arc_swap::ArcSwap;

use crate::discovery::{ServerSelector, ServiceUrl, UrlRewriter};
use crate::error::{Error, ErrorKind, Result};
use crate::in_memory::InMemoryContent;
use crate::protocol::namespace::{KEY_SEPARATOR, strip_properties_suffix};
use crate::protocol::wire::Configurations;

pub use access_keys::SecretProvider;
pub use effective::{Setting, StartPolicy};
pub use environment::Env;
pub use layers::Origin;

#[cfg(feature = "host")]
pub(crate) use address::public_addresses;
pub(crate) use effective::{CacheSettings, EffectiveSettings};
#[cfg(feature = "host")]
pub(crate) use key::{is_address, is_secret, variable_of};
pub(crate) use layers::Layers;
pub(crate) use resolve::is_usable_name;

/// Returns the meta servers of an environment; `None` to use the settings.
pub type MetaProvider = Arc<dyn Fn(Env) -> Option<String> + Send + Sync>;
/// Loads a namespace instead of the servers.
pub(crate) type NamespaceSource = Arc<dyn Fn() -> Result<Configurations> + Send + Sync>;

/// Settings of a client, by property name. A value set in code overrides every other origin.
///
/// Values are validated by [`Client::new`](crate::Client::new), which reports all invalid ones at
/// once.
///
/// ```
/// use castalia_core::{Client, ErrorKind, Settings};
///
/// let settings = Settings::new()
///     .set("app.id", "demo")
///     .set("apollo.meta", "http://localhost:8080")
///     .set("apollo.readTimeout", "soon");
/// let error = Client::new(settings).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidArgument);
/// assert!(error.message().contains("apollo.readTimeout"));
/// ```
#[derive(Clone, Default)]
pub struct Settings {
    layers: Layers,
    ambient: bool,
    hooks: Hooks,
}

/// Settings that are not text.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) meta_provider: Option<MetaProvider>,
    /// Called before the settings are read.
    pub(crate) first_meta_provider: Option<MetaProvider>,
    pub(crate) rewrite: Option<UrlRewriter>,
    pub(crate) selector: Option<ServerSelector>,
    pub(crate) secret_provider: Option<SecretProvider>,
    pub(crate) random_seed: Option<u64>,
    /// Values for keys that a release does not have, by namespace of the client's app, or by app id
    /// and namespace.
    pub(crate) defaults: HashMap<String, Configurations>,
    /// Likewise, found by the host since the client was created. Used where `defaults` has none.
    pub(crate) found_defaults: Arc<ArcSwap<HashMap<String, Configurations>>>,
    /// Values of namespaces that neither a server nor a cache file provides.
    pub(crate) seeds: HashMap<String, Configurations>,
    /// Functions that load namespaces instead of the servers.
    pub(crate) sources: HashMap<String, NamespaceSource>,
    /// Source of every namespace of every app, instead of the servers.
    pub(crate) memory: Option<InMemoryContent>,
}

impl Settings {
    /// No settings; neither the environment nor files are read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Settings from environment variables, `server.properties` and `app.properties`. The files are
    /// read when the client is created.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if a variable whose name begins with `APOLLO_` or `CASTALIA_`
    /// is not valid Unicode.
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
                    let text = "the environment variable is not valid Unicode";
                    let error = Error::new(ErrorKind::InvalidArgument, "read settings", text);
                    return Err(error.with("variable", name));
                }
                // Variables of other programs may contain anything.
                Err(_) => {}
            }
        }
        Ok(Self::from_variables(environment))
    }

    /// Like [`Settings::from_env`], with these variables instead of those of the process.
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

    /// Which namespaces must be loaded for the start to succeed. By default none: a namespace that
    /// cannot be loaded is empty.
    ///
    /// ```
    /// use castalia_core::{Settings, StartPolicy};
    ///
    /// let settings = Settings::new().start_policy(StartPolicy::RequireAll);
    /// # let _ = settings;
    /// ```
    #[must_use]
    pub fn start_policy(self, policy: StartPolicy) -> Self {
        self.set("castalia.start-policy", policy.name())
    }

    /// Sets a value unless it is already set in code.
    pub(crate) fn set_if_absent(mut self, name: &str, value: &str) -> Self {
        self.layers.code.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        self
    }

    /// Loads every namespace from here.
    pub(crate) fn in_memory(mut self, content: InMemoryContent) -> Self {
        self.hooks.memory = Some(content);
        self
    }

    /// Adds settings of the host, such as the system properties of a JVM. They override the
    /// environment, and code overrides them. Unknown names are ignored, because a host has
    /// properties of many libraries.
    #[must_use]
    pub fn overlay(mut self, entries: impl IntoIterator<Item = (String, String)>) -> Self {
        self.layers.overlay.extend(entries);
        self
    }

    /// The content of the program's settings file, which a host has found where the core does not
    /// look, such as in a jar. A file that the settings name is used instead.
    #[cfg(feature = "host")]
    pub(crate) fn app_properties(mut self, content: Option<Vec<u8>>) -> Self {
        self.layers.app_file = content;
        self
    }

    /// Calls a function for the meta servers (comma-separated) if `apollo.meta` is not set.
    #[must_use]
    pub fn meta_provider(
        mut self,
        provider: impl Fn(Env) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.meta_provider = Some(Arc::new(provider));
        self
    }

    /// Like [`Settings::meta_provider`], but called first; `apollo.meta` is used if the function
    /// returns `None`.
    #[must_use]
    pub fn first_meta_provider(
        mut self,
        provider: impl Fn(Env) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.first_meta_provider = Some(Arc::new(provider));
        self
    }

    /// Calls a function for the secret of an app id when a server rejects the current one. It runs
    /// on a blocking thread, one call at a time for each app id. Requests wait for it at most for
    /// the read timeout; a secret that comes later signs the next ones.
    #[must_use]
    pub fn secret_provider(
        mut self,
        provider: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.secret_provider = Some(Arc::new(provider));
        self
    }

    /// Passes every address from a meta server through a function.
    #[must_use]
    pub fn rewrite_services(
        mut self,
        rewrite: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        self.hooks.rewrite = Some(Arc::new(rewrite));
        self
    }

    /// Sorts the config services with a function, into the order in which a load tries them; a poll
    /// uses the first one. By default the order is random. The service that announced a change is
    /// still tried first, and services that failed recently last.
    #[must_use]
    pub fn order_services(
        mut self,
        order: impl Fn(&mut [ServiceUrl]) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.selector = Some(Arc::new(order));
        self
    }

    /// Loads a namespace of the client's app with a function instead of from servers: when it is
    /// opened, at each refresh interval and at each [`Config::refresh`](crate::Config::refresh).
    /// Change events, validators, typed reads and the cache file work as usual, and the source is
    /// `static`. The function runs on a blocking thread; an error leaves the values unchanged and
    /// is retried.
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

    /// Values for keys that a namespace of the client's app does not have: a release overrides
    /// them, and they override the defaults of reads. They are included in the keys of the
    /// namespace. Those of `{app id}+{namespace}` belong to the namespace of this app, also of
    /// another one, and override those of the namespace.
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

    /// Values of a namespace of the client's app that are used if there is neither a server nor a
    /// cache file; the source is `static`. With the environment `LOCAL`, for tests and offline
    /// programs, cache files and seeds are the only sources. A document such as `x.yaml` has its
    /// text under the key `content`.
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

    /// Makes random choices reproducible, for tests.
    #[must_use]
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.hooks.random_seed = Some(seed);
        self
    }
}

impl Hooks {
    /// The defaults of a namespace. Those without an app id belong to the client's own app: another
    /// one may have a namespace of the same name.
    pub(crate) fn defaults_of(
        &self,
        app_id: &str,
        namespace: &str,
        is_own: bool,
    ) -> Configurations {
        // No app id and no namespace contains this separator.
        let of_app = format!("{app_id}{KEY_SEPARATOR}{namespace}");
        let names = [namespace, of_app.as_str()];
        let names = if is_own { &names[..] } else { &names[1..] };
        let configured = merged(&self.defaults, names);
        if configured.is_empty() { merged(&self.found_defaults.load(), names) } else { configured }
    }

    /// Adds defaults to namespaces that are opened later.
    #[cfg(feature = "host")]
    pub(crate) fn add_defaults(&self, name: &str, entries: &Configurations) {
        self.found_defaults.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.entry(name.to_owned()).or_default().extend(entries.clone());
            known
        });
    }
}

/// The values under these names; those of later ones override the others.
fn merged(defaults: &HashMap<String, Configurations>, names: &[&str]) -> Configurations {
    let found = names.iter().filter_map(|name| defaults.get(*name));
    found.flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl fmt::Debug for Settings {
    /// Prints only names, because values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.layers.code.keys().collect();
        f.debug_struct("Settings")
            .field("set", &names)
            .field("from_env", &self.ambient)
            .finish_non_exhaustive()
    }
}
