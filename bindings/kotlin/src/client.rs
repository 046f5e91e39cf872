//! The client.

use std::collections::HashMap;
use std::sync::Arc;

use castalia_core::host::client::HostClient;
use castalia_core::host::settings::{Entries, HostSettings};
use castalia_core::host::stream::Streams;
use castalia_core::host::{call, describe};

use crate::content::{Edit, Entry};
use crate::error::Result;
use crate::json::Json;
use crate::log::LogUser;
use crate::namespace::Namespace;
use crate::validator::PendingReleases;

/// Settings of the JVM.
#[derive(uniffi::Record)]
pub(crate) struct ClientOptions {
    /// Whether environment variables and settings files are used too.
    with_env: bool,
    values: HashMap<String, String>,
    /// System properties of the JVM.
    overlay: HashMap<String, String>,
    /// By namespace.
    defaults: HashMap<String, Vec<Entry>>,
    seeds: HashMap<String, Vec<Entry>>,
    /// Content of the settings file on the class path.
    app_properties: Option<Vec<u8>>,
    /// Unless the program has set a sink.
    log: Option<Arc<LogUser>>,
}

fn by_namespace(entries: HashMap<String, Vec<Entry>>) -> Vec<(String, Entries)> {
    let pairs = |entries: Vec<Entry>| entries.into_iter().map(|entry| (entry.key, entry.value));
    entries.into_iter().map(|(name, entries)| (name, pairs(entries).collect())).collect()
}

/// A client. Opens no socket before a namespace is opened.
#[derive(uniffi::Object)]
pub(crate) struct Client {
    client: HostClient,
    /// Also in its namespaces, which continue without it.
    log: Option<Arc<LogUser>>,
}

#[uniffi::export]
impl Client {
    /// One in memory has no servers; its values are those of `change`.
    #[uniffi::constructor]
    fn new(options: ClientOptions, in_memory: bool) -> Result<Self> {
        let settings = HostSettings {
            binding: "kotlin",
            from_env: options.with_env,
            values: options.values,
            overlay: options.overlay,
            defaults: by_namespace(options.defaults),
            seeds: by_namespace(options.seeds),
            app_properties: options.app_properties,
            memory: in_memory.then(Vec::new),
        };
        Ok(Self { client: HostClient::new(settings)?, log: options.log })
    }

    /// A report of the client, by its name; see `describe::report`.
    fn report(&self, name: &str) -> Json {
        Json::from(describe::report(&self.client, name))
    }

    /// Adds a file with defaults of a namespace that is not yet open; see
    /// [`HostClient::add_defaults`].
    fn add_defaults(&self, name: &str, file: &[u8]) -> Result<()> {
        Ok(self.client.add_defaults(name, file)?)
    }

    /// Opens a namespace as values or as one text.
    async fn open(
        &self,
        app_id: String,
        namespace: String,
        as_text: bool,
    ) -> Result<Arc<Namespace>> {
        let opened = call::run(self.client.open(app_id, namespace, as_text)).await?;
        Ok(Arc::new(Namespace { opened, streams: Streams::default(), _log: self.log.clone() }))
    }

    /// Sets several values of a client in memory, or replaces all values of a namespace. Without
    /// values, loads of the namespace fail until they are set again.
    async fn change(
        &self,
        namespace: String,
        edits: Option<Vec<Edit>>,
        replaces: bool,
    ) -> Result<()> {
        let edits = edits.map(|all| all.into_iter().map(|edit| (edit.key, edit.value)).collect());
        Ok(call::run(self.client.change(namespace, edits, replaces)).await?)
    }

    /// Signs requests for an app id with another secret.
    fn set_access_key(&self, app_id: &str, secret: &str) {
        self.client.set_access_key(app_id, secret);
    }

    /// The releases that wait for a verdict before they are applied.
    fn validate(&self, namespace: &str) -> Result<Arc<PendingReleases>> {
        Ok(Arc::new(PendingReleases(self.client.pending_releases(namespace)?)))
    }

    /// Stops the client without waiting.
    fn stop(&self) {
        self.client.stop();
    }

    /// Stops the client and waits for it.
    async fn end(&self) -> Result<()> {
        Ok(call::run(self.client.close()).await?)
    }
}
