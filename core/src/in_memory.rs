//! A client without servers for tests of applications. The test sets the values; typed reads,
//! events, validators and watches work as in any client. Opens no socket and no file.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::namespace::{NamespaceKey, strip_properties_suffix};
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

/// App id and name of a namespace.
type ContentKey = (String, String);

/// The values of every namespace. Replaced as a whole instead of locked: a child that is forked
/// meanwhile would have the lock held forever.
#[derive(Clone, Default)]
pub(crate) struct InMemoryContent {
    namespaces: Arc<ArcSwap<HashMap<ContentKey, Arc<NamespaceContent>>>>,
}

#[derive(Clone, Default)]
struct NamespaceContent {
    entries: Configurations,
    /// Whether loads fail. The values are kept meanwhile, since later edits build on them.
    is_failing: bool,
}

impl InMemory {
    /// A client with the app id `test`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new() -> Result<Self> {
        Self::with(Settings::new())
    }

    /// A client with these settings. Those of servers and files have no effect, nor has the
    /// environment `LOCAL`. Namespaces of other apps are empty. A start policy that requires servers
    /// accepts what the test sets.
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
    /// As [`Client::new`]; [`ErrorKind::InvalidArgument`] for an invalid name.
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
            let entries: Configurations = entries.collect();
            memory.put(namespace.as_ref(), |known| known.entries.clone_from(&entries))?;
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
        let published = NamespaceContent { entries, is_failing: false };
        self.change(namespace, |known| known.clone_from(&published)).await
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
        let edits = edits.into_iter().map(|(key, value)| (key.into(), value.map(Into::into)));
        let edits: Vec<(String, Option<String>)> = edits.collect();
        let edit = |known: &mut NamespaceContent| {
            known.is_failing = false;
            for (key, value) in &edits {
                match value {
                    Some(value) => known.entries.insert(key.clone(), value.clone()),
                    None => known.entries.shift_remove(key),
                };
            }
        };
        self.change(namespace, edit).await
    }

    /// Makes loads of a namespace fail, as without a server, until its values are set again. Values
    /// loaded before remain.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an invalid name.
    pub async fn fail(&self, namespace: &str) -> Result<()> {
        match self.change(namespace, |known| known.is_failing = true).await {
            Err(error) if error.kind() != ErrorKind::Transport => Err(error),
            _ => Ok(()),
        }
    }

    async fn change(&self, namespace: &str, change: impl Fn(&mut NamespaceContent)) -> Result<()> {
        self.put(namespace, change)?;
        self.client.refresh_open(namespace).await
    }

    /// Changes the content of a namespace; again if another thread does so meanwhile.
    fn put(&self, namespace: &str, change: impl Fn(&mut NamespaceContent)) -> Result<()> {
        self.client.identity(self.client.app_id(), namespace)?;
        let key = content_key(self.client.app_id(), namespace);
        self.content.namespaces.rcu(|known| {
            let mut known = HashMap::clone(known);
            change(Arc::make_mut(known.entry(key.clone()).or_default()));
            known
        });
        Ok(())
    }
}

impl InMemoryContent {
    /// Loads the values of a namespace; empty if it was never set.
    pub(crate) fn load(&self, identity: &NamespaceKey) -> Result<Configurations> {
        let known = self.of(identity);
        if known.is_failing {
            return Err(Error::new(ErrorKind::Transport, "load", "made to fail by the test"));
        }
        Ok(known.entries.clone())
    }

    /// Whether the test makes the loads of a namespace fail.
    pub(crate) fn is_failing(&self, identity: &NamespaceKey) -> bool {
        self.of(identity).is_failing
    }

    fn of(&self, identity: &NamespaceKey) -> Arc<NamespaceContent> {
        let key = content_key(&identity.app_id, &identity.namespace);
        self.namespaces.load().get(&key).cloned().unwrap_or_default()
    }
}

fn content_key(app_id: &str, namespace: &str) -> ContentKey {
    (app_id.to_owned(), strip_properties_suffix(namespace).to_owned())
}

impl std::fmt::Debug for InMemoryContent {
    /// Prints no values, because they may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InMemoryContent")
    }
}
