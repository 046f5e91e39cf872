//! Immutable content of a namespace: what the server released, where it came from, and the key-value view that readers see.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};
use crate::format::properties::{self, Form};
use crate::format::value::FromValue;
use crate::protocol::namespace::{CONTENT_KEY, Format, UNKNOWN_NOTIFICATION_ID};
use crate::protocol::wire::Configurations;

/// Where the content of a namespace came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// A config service.
    Remote,
    /// The cache file of an earlier run.
    Local,
    /// What the application itself gave.
    Static,
    /// Nothing is loaded: every read answers its default.
    None,
}

impl Source {
    /// Stable name: `remote`, `local`, `static` or `none`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::Remote => "remote",
            Source::Local => "local",
            Source::Static => "static",
            Source::None => "none",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// App id, cluster and name of a namespace: what tells one from every other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// App id.
    pub app_id: String,
    /// Cluster as configured, not the one that served.
    pub cluster: String,
    /// Name without a `.properties` suffix.
    pub namespace: String,
}

/// One namespace at one moment. Readers share it and it never changes.
pub struct Snapshot {
    identity: Arc<Identity>,
    release_key: String,
    notification_id: i64,
    source: Source,
    loaded_at: SystemTime,
    /// As the server sent them; the base that incremental answers apply to.
    configurations: Configurations,
    text: OnceLock<Option<String>>,
}

/// Where a snapshot came from and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Provenance {
    pub(crate) release_key: String,
    pub(crate) notification_id: i64,
    pub(crate) source: Source,
}

impl Provenance {
    /// From nowhere.
    pub(crate) fn unknown() -> Self {
        Self {
            release_key: String::new(),
            notification_id: UNKNOWN_NOTIFICATION_ID,
            source: Source::None,
        }
    }
}

impl Snapshot {
    /// A namespace of which nothing is known.
    pub(crate) fn empty(identity: Arc<Identity>) -> Self {
        Self::new(identity, Provenance::unknown(), Configurations::default())
    }

    /// A namespace with content.
    pub(crate) fn new(
        identity: Arc<Identity>,
        provenance: Provenance,
        configurations: Configurations,
    ) -> Self {
        Self {
            identity,
            release_key: provenance.release_key,
            notification_id: provenance.notification_id,
            source: provenance.source,
            loaded_at: SystemTime::now(),
            configurations,
            text: OnceLock::new(),
        }
    }

    /// App id, cluster and name.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Name of the namespace, without a `.properties` suffix.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.identity.namespace
    }

    /// Format of the namespace, by its name.
    #[must_use]
    pub fn format(&self) -> Format {
        Format::of(&self.identity.namespace)
    }

    /// Identity of the release; empty unless the source is remote.
    #[must_use]
    pub fn release_key(&self) -> &str {
        &self.release_key
    }

    /// Newest notification that was known when this was loaded; -1 for none.
    #[must_use]
    pub fn notification_id(&self) -> i64 {
        self.notification_id
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// When it was made.
    #[must_use]
    pub fn loaded_at(&self) -> SystemTime {
        self.loaded_at
    }

    /// The value of a key; an empty value is a value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values().get(key).map(String::as_str)
    }

    /// A typed value, or the default when the key is missing or its value malformed.
    pub fn get_or<T: FromValue>(&self, key: &str, default: T) -> T {
        self.try_get(key).ok().flatten().unwrap_or(default)
    }

    /// A typed value; `None` when the key is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] when the value is malformed.
    pub fn try_get<T: FromValue>(&self, key: &str) -> Result<Option<T>> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        T::from_value(text).map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Parse, "read value", T::EXPECTED)
                .with("namespace", self.namespace())
                .with("key", key)
        })
    }

    /// Whether the key has a value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.values().contains_key(key)
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values().len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values().is_empty()
    }

    /// Keys and values, in the server's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let values = self.values().iter();
        values.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The keys, in the server's order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.values().keys().map(String::as_str)
    }

    /// The namespace as one text: the document, or properties text without comments; `None` when nothing is loaded.
    #[must_use]
    pub fn content(&self) -> Option<&str> {
        if self.format().is_document() {
            return self.configurations.get(CONTENT_KEY).map(String::as_str);
        }
        let text = self.text.get_or_init(|| {
            let loaded = self.source != Source::None;
            loaded.then(|| properties::write(self.iter(), Form::Text))
        });
        text.as_deref()
    }

    /// What the server sent, before any view is made of it.
    pub(crate) fn configurations(&self) -> &Configurations {
        &self.configurations
    }

    pub(crate) fn values(&self) -> &Configurations {
        &self.configurations
    }
}

impl fmt::Debug for Snapshot {
    /// Counts instead of values: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("identity", &self.identity)
            .field("release_key", &self.release_key)
            .field("source", &self.source)
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Snapshot {
        /// A remote snapshot of app `order`, for the tests of every module.
        pub(crate) fn sample(namespace: &str, release: &str, values: &[(&str, &str)]) -> Arc<Self> {
            let identity = Identity {
                app_id: "order".into(),
                cluster: "default".into(),
                namespace: namespace.into(),
            };
            let provenance = Provenance {
                release_key: release.into(),
                notification_id: -1,
                source: Source::Remote,
            };
            let values = values.iter().map(|(k, v)| ((*k).into(), (*v).into()));
            Arc::new(Self::new(identity.into(), provenance, values.collect()))
        }
    }

    #[test]
    fn an_empty_value_is_present() {
        // C092
        let snapshot = Snapshot::sample("application", "k1", &[("e", "")]);
        assert_eq!(snapshot.get("e"), Some(""));
        assert_eq!(snapshot.get_or("e", "x".to_owned()), "");
        assert_eq!(snapshot.get("missing"), None);
    }

    #[test]
    fn missing_is_told_from_malformed() {
        // C091
        let snapshot = Snapshot::sample("application", "k1", &[("n", "abc")]);
        assert_eq!(snapshot.get_or("n", 7), 7);
        assert_eq!(snapshot.try_get::<i32>("n").unwrap_err().kind(), ErrorKind::Parse);
        assert_eq!(snapshot.try_get::<i32>("missing").unwrap(), None);
    }

    #[test]
    fn documents_have_one_key_and_their_text() {
        // C097
        for namespace in ["db.json", "db.xml", "notes.txt"] {
            let document = Snapshot::sample(namespace, "k1", &[("content", "{}")]);
            assert_eq!(document.keys().collect::<Vec<_>>(), ["content"]);
            assert_eq!(document.content(), Some("{}"));
        }
    }

    #[test]
    fn properties_have_a_text_form_without_comments() {
        // C107
        let snapshot = Snapshot::sample("application", "k1", &[("b", "é 2"), ("a", "1")]);
        assert_eq!(snapshot.content(), Some("b=é 2\na=1\n"));
    }

    #[test]
    fn debug_text_shows_no_values() {
        let text =
            format!("{:?}", Snapshot::sample("application", "k1", &[("password", "hunter2")]));
        assert!(!text.contains("hunter2"), "{text}");
    }
}
