//! An immutable version of a namespace: the values that the server released, their origin, and the
//! key-value view that readers see.

mod context;
mod current;
mod entries;
mod flat;
mod index;
mod source;
mod typed;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::error::Error;
use crate::format::properties::{self, Escaping};
use crate::format::rules::ReadRules;
use crate::protocol::namespace::{CONTENT_KEY, Format, NamespaceKey, UNKNOWN_NOTIFICATION_ID};
use crate::protocol::wire::Configurations;

pub(crate) use context::{Lookup, NamespaceContext};
pub(crate) use current::CurrentSnapshot;
use flat::flatten;
pub(crate) use flat::is_readable;
use index::KeyIndex;
pub use source::Source;
use typed::TypedCache;

/// The values of one namespace at one moment. A snapshot never changes, so several reads from the
/// same one are consistent with each other.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.publish("application", [("host", "db1"), ("port", "3306")]).await?;
/// let config = memory.client().config("application").await?;
///
/// let snapshot = config.snapshot();
/// memory.publish("application", [("host", "db2"), ("port", "3307")]).await?;
///
/// assert_eq!(snapshot.get("host"), Some("db1"));
/// assert_eq!(snapshot.get_or("port", 0), 3306);
/// assert_eq!(config.snapshot().get("host"), Some("db2"));
/// # Ok(())
/// # }
/// ```
pub struct Snapshot {
    context: Arc<NamespaceContext>,
    release_key: String,
    notification_id: i64,
    source: Source,
    /// Differs from `source` while the document cannot be parsed.
    values_source: Source,
    loaded_at: SystemTime,
    /// The key-value view that readers see.
    values: Configurations,
    index: KeyIndex,
    /// The configurations as the server sent them, if they differ from `values`: a YAML document
    /// instead of its flattened keys, or the release without overlay and defaults. Incremental
    /// answers are applied to these.
    sent: Option<Configurations>,
    problem: Option<Error>,
    // Rendered at the first call of `content`: most namespaces are never read as a whole text.
    text: OnceLock<Option<String>>,
    parsed: TypedCache,
}

/// The origin of a snapshot: release, notification, source and time.
#[derive(Debug, Clone)]
pub(crate) struct LoadInfo {
    pub(crate) release_key: String,
    pub(crate) notification_id: i64,
    pub(crate) source: Source,
    /// When the server answered; for a file, its modification time.
    pub(crate) since: SystemTime,
}

impl LoadInfo {
    /// No release and no source.
    pub(crate) fn unknown() -> Self {
        Self {
            release_key: String::new(),
            notification_id: UNKNOWN_NOTIFICATION_ID,
            source: Source::None,
            since: SystemTime::now(),
        }
    }
}

impl Snapshot {
    /// A snapshot without values, used until the first load.
    pub(crate) fn empty(context: Arc<NamespaceContext>) -> Self {
        Self::new(context, LoadInfo::unknown(), Configurations::default(), None)
    }

    /// Builds the view of the loaded configurations. If the document cannot be parsed, the snapshot
    /// keeps the values of `previous` and records the error in [`Snapshot::problem`].
    pub(crate) fn new(
        context: Arc<NamespaceContext>,
        info: LoadInfo,
        configurations: Configurations,
        previous: Option<&Snapshot>,
    ) -> Self {
        // A broken document must not empty the namespace: readers keep the last values that could
        // be parsed, while `sent` follows the release so that incremental answers still apply.
        let (flat, problem) = match flatten(&context.identity.namespace, &configurations) {
            Ok(flat) => (flat, None),
            Err(error) => {
                let kept = previous.map(|previous| previous.values().clone());
                let error = error.with("namespace", &context.identity.namespace);
                (Some(kept.unwrap_or_default()), Some(error))
            }
        };
        let view = context.lookup.view(flat.as_ref().unwrap_or(&configurations));
        // Without overlay, defaults and flattening the view is the release itself, which is then
        // stored only once.
        let (values, sent) = match view.or(flat) {
            Some(view) => (view, Some(configurations)),
            None => (configurations, None),
        };
        Self {
            index: KeyIndex::new(&values),
            values,
            sent,
            context,
            release_key: info.release_key,
            notification_id: info.notification_id,
            source: info.source,
            values_source: match problem {
                Some(_) => previous.map_or(Source::None, Snapshot::values_source),
                None => info.source,
            },
            loaded_at: info.since,
            problem,
            text: OnceLock::new(),
            parsed: TypedCache::default(),
        }
    }

    /// A copy of a snapshot whose document could not be parsed, with the values of `previous`.
    pub(crate) fn with_values_of(&self, previous: &Snapshot) -> Self {
        let info = LoadInfo {
            release_key: self.release_key.clone(),
            notification_id: self.notification_id,
            source: self.source,
            since: self.loaded_at,
        };
        Self::new(self.context.clone(), info, self.configurations().clone(), Some(previous))
    }

    /// A copy without cached parses. A fork may interrupt another thread in the middle of
    /// initializing a `OnceLock`, which would then block readers in the child forever.
    pub(crate) fn renewed(&self) -> Self {
        Self {
            context: self.context.clone(),
            release_key: self.release_key.clone(),
            notification_id: self.notification_id,
            source: self.source,
            values_source: self.values_source,
            loaded_at: self.loaded_at,
            values: self.values.clone(),
            index: self.index.clone(),
            sent: self.sent.clone(),
            problem: self.problem.clone(),
            text: OnceLock::new(),
            parsed: TypedCache::default(),
        }
    }

    /// App id, cluster and namespace.
    #[must_use]
    pub fn identity(&self) -> &NamespaceKey {
        &self.context.identity
    }

    /// Name of the namespace, without a `.properties` suffix.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.context.identity.namespace
    }

    /// Format of the namespace, by its name.
    #[must_use]
    pub fn format(&self) -> Format {
        Format::of(&self.context.identity.namespace)
    }

    /// Release key, as the server sent it; empty unless the source is remote.
    #[must_use]
    pub fn release_key(&self) -> &str {
        &self.release_key
    }

    /// Id of the newest notification that was received before this load; -1 if there was none.
    #[must_use]
    pub fn notification_id(&self) -> i64 {
        self.notification_id
    }

    /// Origin of the values.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// Origin of the values: that of an earlier snapshot if the document cannot be parsed.
    pub(crate) fn values_source(&self) -> Source {
        self.values_source
    }

    /// When the server or the source function answered; for a cache or seed file, its modification
    /// time.
    #[must_use]
    pub fn loaded_at(&self) -> SystemTime {
        self.loaded_at
    }

    /// The rules for typed reads, from the client's settings.
    #[must_use]
    pub fn read_rules(&self) -> ReadRules {
        self.context.rules
    }

    /// The error of a document that cannot be parsed. The values are then those of the last
    /// document that could be.
    #[must_use]
    pub fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    /// The value of a key; `None` if the key is missing. An empty value is returned as such.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        match self.index_of(key) {
            Some(position) => self.value_at(position),
            None => self.context.lookup.fallback_value(key),
        }
    }

    /// The value of a key given as bytes; `None` if the key is missing or not UTF-8. Bindings use
    /// it for strings that may contain any bytes, because validating every key first would cost as
    /// much as the read itself.
    #[inline(always)]
    #[must_use]
    pub fn get_bytes(&self, key: &[u8]) -> Option<&str> {
        match self.index.find(key, &self.values) {
            Some(position) => self.value_at(position),
            None => self.context.lookup.fallback_value(std::str::from_utf8(key).ok()?),
        }
    }

    /// Whether [`Snapshot::get`] returns a value for the key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The namespace as one text: the document as released, or properties text without comments.
    /// `None` if nothing has been loaded.
    #[must_use]
    pub fn content(&self) -> Option<&str> {
        if self.format().is_document() {
            return self.configurations().get(CONTENT_KEY).map(String::as_str);
        }
        let text = self.text.get_or_init(|| {
            let loaded = self.source != Source::None;
            let entries = self.configurations().iter();
            let entries = entries.map(|(key, value)| (key.as_str(), value.as_str()));
            loaded.then(|| properties::write(entries, Escaping::Minimal))
        });
        text.as_deref()
    }

    /// The configurations as the server sent them.
    pub(crate) fn configurations(&self) -> &Configurations {
        self.sent.as_ref().unwrap_or(&self.values)
    }

    /// Position of a key among the values.
    #[inline]
    pub(crate) fn index_of(&self, key: &str) -> Option<usize> {
        self.index.find(key.as_bytes(), &self.values)
    }

    /// The value at a position returned by [`Snapshot::index_of`].
    #[inline]
    pub(crate) fn value_at(&self, position: usize) -> Option<&str> {
        self.values.get_index(position).map(|(_, value)| value.as_str())
    }

    pub(crate) fn values(&self) -> &Configurations {
        &self.values
    }
}

impl fmt::Debug for Snapshot {
    /// Prints the number of keys instead of the values, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("identity", self.identity())
            .field("release_key", &self.release_key)
            .field("source", &self.source)
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    impl Snapshot {
        /// A remote snapshot of app `order`, for the tests of every module.
        pub(crate) fn sample(namespace: &str, release: &str, values: &[(&str, &str)]) -> Arc<Self> {
            let identity = NamespaceKey {
                app_id: "order".into(),
                cluster: "default".into(),
                namespace: namespace.into(),
            };
            let info = LoadInfo {
                release_key: release.into(),
                source: Source::Remote,
                ..LoadInfo::unknown()
            };
            let values = values.iter().map(|(k, v)| ((*k).into(), (*v).into()));
            let lookup = Lookup::default();
            let rules = ReadRules::default();
            let malformed = AtomicU64::new(0);
            let position =
                NamespaceContext { identity, lookup, typed_cache: 500, rules, malformed };
            Arc::new(Self::new(position.into(), info, values.collect(), None))
        }
    }

    #[test]
    fn an_empty_value_is_present() {
        let snapshot = Snapshot::sample("application", "k1", &[("e", "")]);
        assert_eq!(snapshot.get("e"), Some(""));
        assert_eq!(snapshot.get_or("e", "x".to_owned()), "");
        assert_eq!(snapshot.get("missing"), None);
        assert_eq!((snapshot.get_bytes(b"e"), snapshot.get_bytes(b"\xff")), (Some(""), None));
    }

    #[test]
    fn documents_have_one_key_and_their_text() {
        for namespace in ["db.json", "db.xml", "notes.txt"] {
            let document = Snapshot::sample(namespace, "k1", &[("content", "{}")]);
            assert_eq!(document.keys().collect::<Vec<_>>(), ["content"]);
            assert_eq!(document.content(), Some("{}"));
        }
    }

    #[test]
    fn properties_have_a_text_form_without_comments() {
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
