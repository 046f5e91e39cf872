//! The client.

use std::collections::HashMap;
use std::sync::Arc;

use castalia_core::host::open::{self, View};
use castalia_core::host::settings::{Entries, HostSettings};
use castalia_core::host::{call, describe, question};
use castalia_core::{Client as CoreClient, Settings};

use crate::content::Entry;
use crate::error::Result;
use crate::json::Json;
use crate::namespace::Namespace;
use crate::validator::Questions;

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
}

impl ClientOptions {
    pub(crate) fn settings(self) -> Result<Settings> {
        let settings = HostSettings {
            binding: "kotlin",
            from_env: self.with_env,
            values: self.values,
            overlay: self.overlay,
            defaults: by_namespace(self.defaults),
            seeds: by_namespace(self.seeds),
        };
        Ok(settings.resolve()?)
    }
}

fn by_namespace(entries: HashMap<String, Vec<Entry>>) -> Vec<(String, Entries)> {
    let pairs = |entries: Vec<Entry>| entries.into_iter().map(|entry| (entry.key, entry.value));
    entries.into_iter().map(|(name, entries)| (name, pairs(entries).collect())).collect()
}

/// A client. Opens no socket before a namespace is opened.
#[derive(uniffi::Object)]
pub(crate) struct Client {
    pub(crate) client: CoreClient,
}

#[uniffi::export]
impl Client {
    #[uniffi::constructor]
    fn new(options: ClientOptions) -> Result<Self> {
        Ok(Self { client: CoreClient::new(options.settings()?)? })
    }

    /// A report of the client, by its name; see `describe::report`.
    fn report(&self, name: &str) -> Json {
        Json::from(describe::report(&self.client, name))
    }

    /// Opens a namespace as values or as one text.
    async fn open(
        &self,
        app_id: String,
        namespace: String,
        as_text: bool,
    ) -> Result<Arc<Namespace>> {
        let opened = open::open(self.client.clone(), app_id, namespace, View::asked(as_text));
        Ok(Namespace::new(call::run(opened).await?))
    }

    /// Signs requests for an app id with another secret.
    fn set_access_key(&self, app_id: &str, secret: &str) {
        self.client.set_access_key(app_id, secret);
    }

    /// The questions to answer before a release is applied.
    fn validate(&self, namespace: &str) -> Result<Arc<Questions>> {
        let (validator, questions) = question::queue();
        self.client.validate(namespace, validator)?;
        Ok(Arc::new(Questions(questions)))
    }

    /// Stops the client without waiting.
    fn stop(&self) {
        self.client.stop();
    }

    /// Stops the client and waits for it.
    async fn end(&self) -> Result<()> {
        Ok(call::run(open::close(self.client.clone())).await?)
    }
}
