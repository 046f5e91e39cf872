//! The client.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use castalia_core::host::open::{self, View};
use castalia_core::host::read::ReadPolicy;
use castalia_core::host::settings::{Entries, HostSettings};
use castalia_core::host::{DRAIN, call, describe};
use castalia_core::{Client as CoreClient, Result, Settings};

use crate::content::Entry;
use crate::error::Failure;
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
        settings.resolve()
    }
}

fn by_namespace(entries: HashMap<String, Vec<Entry>>) -> Vec<(String, Entries)> {
    let pairs = |entries: Vec<Entry>| entries.into_iter().map(|entry| (entry.key, entry.value));
    entries.into_iter().map(|(name, entries)| (name, pairs(entries).collect())).collect()
}

/// Rules for typed reads.
#[derive(uniffi::Record)]
pub(crate) struct Rules {
    /// `local`, `utc` or an offset.
    zone: String,
    lenient_dates: bool,
    strict_booleans: bool,
    /// Maximum number of parsed values that are cached for each snapshot and type.
    typed_cache: u64,
    /// Values of keys that a snapshot does not have.
    fallback: HashMap<String, String>,
}

/// A client. Opens no socket before a namespace is opened.
#[derive(uniffi::Object)]
pub(crate) struct Client {
    pub(crate) client: CoreClient,
}

#[uniffi::export]
impl Client {
    #[uniffi::constructor]
    fn new(options: ClientOptions) -> Result<Self, Failure> {
        Ok(Self { client: CoreClient::new(options.settings()?)? })
    }

    fn app_id(&self) -> String {
        self.client.app_id().to_owned()
    }

    fn env(&self) -> String {
        self.client.env().name().to_owned()
    }

    fn read_rules(&self) -> Rules {
        let ReadPolicy { rules, typed_cache, fallback } = ReadPolicy::of(&self.client);
        Rules {
            zone: rules.zone.to_string(),
            lenient_dates: rules.lenient_dates,
            strict_booleans: rules.strict_booleans,
            typed_cache: typed_cache as u64,
            fallback,
        }
    }

    /// Opens a namespace as values or as one text.
    async fn open(
        &self,
        app_id: String,
        namespace: String,
        as_text: bool,
    ) -> Result<Arc<Namespace>, Failure> {
        let opened = open::open(self.client.clone(), app_id, namespace, View::asked(as_text));
        Ok(Namespace::new(call::run(opened).await?))
    }

    /// Signs requests for an app id with another secret.
    fn set_access_key(&self, app_id: &str, secret: &str) {
        self.client.set_access_key(app_id, secret);
    }

    /// The questions to answer before a release is applied.
    fn validate(&self, namespace: &str) -> Result<Arc<Questions>, Failure> {
        let (ask, questions) = Questions::new();
        self.client.validate(namespace, ask)?;
        Ok(questions)
    }

    fn settings(&self) -> Json {
        Json::from(describe::settings(&self.client))
    }

    fn metrics(&self) -> Json {
        Json::from(describe::metrics(&self.client))
    }

    fn metrics_text(&self) -> String {
        self.client.metrics_text()
    }

    /// How long listeners have for their queued events when the client is closed.
    fn drain(&self) -> Duration {
        DRAIN
    }

    /// Stops the client without waiting.
    fn stop(&self) {
        self.client.stop();
    }

    /// Stops the client and waits for it.
    async fn end(&self) -> Result<(), Failure> {
        Ok(call::run(open::close(self.client.clone())).await?)
    }
}
