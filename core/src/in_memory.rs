//! A client without servers for tests of applications. The test sets the values; typed reads,
//! events, validators and watches work as in any client. Opens no socket and no file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::namespace::strip_properties_suffix;
use crate::protocol::wire::Configurations;
use crate::settings::Settings;

/// App id if the settings have none.
const DEFAULT_APP_ID: &str = "test";

/// A client whose values the test sets; cheap to clone.
///
/// A call that changes values returns once every open namespace has them: reads return them and
/// each listener has its event queued. A namespace that was never set is empty.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "timeout", "200").await?;
/// let config = memory.client().config("application").await?;
/// let mut changes = config.changes();
///
/// memory.set("application", "timeout", "300").await?;
/// assert_eq!(config.get_or("timeout", 0), 300);
/// let event = changes.next().await.expect("the client is open");
/// assert!(event.change("timeout").is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct InMemory {
    client: Client,
    content: InMemoryContent,
}

/// The values of every namespace, by app id and name.
#[derive(Clone, Default)]
pub(crate) struct InMemoryContent {
    namespaces: Arc<Mutex<HashMap<(String, String), LoadResult>>>,
}

type LoadResult = Result<Configurations>;

impl InMemory {
    /// A client with the app id `test`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new() -> Result<Self> {
        Self::with(Settings::new())
    }

    /// A client with these settings. Those of servers and cache files have no effect.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with(settings: Settings) -> Result<Self> {
        let content = InMemoryContent::default();
        let settings = settings
            .set_if_absent("app.id", DEFAULT_APP_ID)
            .set("apollo.cache.file.enable", "false")
            // Each change is a load; the usual limit would slow tests down.
            .set("apollo.loadConfigQPS", "1000000")
            .in_memory(content.clone());
        Ok(Self { client: Client::new(settings)?, content })
    }

    /// Like [`InMemory::with`], with initial values by namespace.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_content<N, E, K, V>(
        settings: Settings,
        content: impl IntoIterator<Item = (N, E)>,
    ) -> Result<Self>
    where
        N: AsRef<str>,
        E: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        let memory = Self::with(settings)?;
        for (namespace, entries) in content {
            let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
            let entries = entries.collect();
            memory.put(namespace.as_ref(), |slot| *slot = Ok(entries));
        }
        Ok(memory)
    }

    /// The client, to be passed to the code under test.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Replaces all values of a namespace. A document such as `x.yaml` has its text under the key
    /// `content`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an invalid name, [`ErrorKind::Parse`] if a validator
    /// rejects the values or they cannot be parsed.
    pub async fn publish<K, V>(
        &self,
        namespace: &str,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
        let entries = entries.collect();
        self.change(namespace, |slot| *slot = Ok(entries)).await
    }

    /// Sets one value.
    ///
    /// # Errors
    /// As [`InMemory::publish`].
    pub async fn set(&self, namespace: &str, key: &str, value: &str) -> Result<()> {
        self.update(namespace, [(key, Some(value))]).await
    }

    /// Removes one key, if it exists.
    ///
    /// # Errors
    /// As [`InMemory::publish`].
    pub async fn remove(&self, namespace: &str, key: &str) -> Result<()> {
        self.update(namespace, [(key, None::<&str>)]).await
    }

    /// Sets several values with a single event; `None` removes a key.
    ///
    /// # Errors
    /// As [`InMemory::publish`].
    pub async fn update<K, V>(
        &self,
        namespace: &str,
        edits: impl IntoIterator<Item = (K, Option<V>)>,
    ) -> Result<()>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let edit = |slot: &mut LoadResult| {
            let mut entries =
                std::mem::replace(slot, Ok(Configurations::default())).unwrap_or_default();
            for (key, value) in edits {
                match value {
                    Some(value) => entries.insert(key.into(), value.into()),
                    None => entries.shift_remove(&key.into()),
                };
            }
            *slot = Ok(entries);
        };
        self.change(namespace, edit).await
    }

    /// Makes loads of a namespace fail, as without a server, until its values are set again. Values
    /// loaded before remain.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an invalid name.
    pub async fn fail(&self, namespace: &str) -> Result<()> {
        let failed = || Err(Error::new(ErrorKind::Transport, "load", "made to fail by the test"));
        match self.change(namespace, |slot| *slot = failed()).await {
            Err(error) if error.kind() != ErrorKind::Transport => Err(error),
            _ => Ok(()),
        }
    }

    async fn change(&self, namespace: &str, change: impl FnOnce(&mut LoadResult)) -> Result<()> {
        self.put(namespace, change);
        self.client.refresh_open(namespace).await
    }

    fn put(&self, namespace: &str, change: impl FnOnce(&mut LoadResult)) {
        let name = strip_properties_suffix(namespace);
        let key = (self.client.app_id().to_owned(), name.to_owned());
        change(self.content.lock().entry(key).or_insert_with(|| Ok(Configurations::default())));
    }
}

impl InMemoryContent {
    /// The values of a namespace; empty if it was never set.
    pub(crate) fn of(&self, app_id: &str, namespace: &str) -> Result<Configurations> {
        let key = (app_id.to_owned(), namespace.to_owned());
        self.lock().get(&key).cloned().unwrap_or_else(|| Ok(Configurations::default()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), LoadResult>> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for InMemoryContent {
    /// Prints no values, because they may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InMemoryContent")
    }
}
