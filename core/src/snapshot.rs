//! Immutable content of a namespace: what the server released, where it came from, and the key-value view that readers see.

mod context;
mod current;
mod index;
mod typed;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::error::Error;
use crate::format::properties::{self, Escaping};
use crate::format::rules::ReadRules;
use crate::format::yaml;
use crate::protocol::namespace::{CONTENT_KEY, Format, NamespaceKey, UNKNOWN_NOTIFICATION_ID};
use crate::protocol::wire::Configurations;

pub(crate) use context::{Lookup, NamespaceContext};
pub(crate) use current::CurrentSnapshot;
use index::KeyIndex;
use typed::TypedCache;

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

/// One namespace at one moment. Readers share it and it never changes.
pub struct Snapshot {
    context: Arc<NamespaceContext>,
    release_key: String,
    notification_id: i64,
    source: Source,
    loaded_at: SystemTime,
    /// What readers see.
    values: Configurations,
    index: KeyIndex,
    /// As the server sent them, where that differs: a YAML document instead of its flat keys, or without values of other
    /// places. The base that incremental answers apply to.
    sent: Option<Configurations>,
    problem: Option<Error>,
    text: OnceLock<Option<String>>,
    parsed: TypedCache,
}

/// Where a snapshot came from and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct LoadInfo {
    pub(crate) release_key: String,
    pub(crate) notification_id: i64,
    pub(crate) source: Source,
    /// When it came from there; of a file, when that was written.
    pub(crate) since: SystemTime,
}

impl LoadInfo {
    /// From nowhere.
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
    /// A namespace of which nothing is known.
    pub(crate) fn empty(context: Arc<NamespaceContext>) -> Self {
        Self::new(context, LoadInfo::unknown(), Configurations::default(), None)
    }

    /// A namespace with content. If it cannot be parsed, the view of `previous` stays in force.
    pub(crate) fn new(
        context: Arc<NamespaceContext>,
        info: LoadInfo,
        configurations: Configurations,
        previous: Option<&Snapshot>,
    ) -> Self {
        let (flat, problem) = match flatten(&context.identity.namespace, &configurations) {
            Ok(flat) => (flat, None),
            Err(error) => {
                let kept = previous.map(|previous| previous.values().clone());
                let error = error.with("namespace", &context.identity.namespace);
                (Some(kept.unwrap_or_default()), Some(error))
            }
        };
        let view = context.lookup.view(flat.as_ref().unwrap_or(&configurations));
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
            loaded_at: info.since,
            problem,
            text: OnceLock::new(),
            parsed: TypedCache::default(),
        }
    }

    /// The same, with nothing kept of what was parsed: a forked child may find that half made.
    pub(crate) fn renewed(&self) -> Self {
        Self {
            context: self.context.clone(),
            release_key: self.release_key.clone(),
            notification_id: self.notification_id,
            source: self.source,
            loaded_at: self.loaded_at,
            values: self.values.clone(),
            index: self.index.clone(),
            sent: self.sent.clone(),
            problem: self.problem.clone(),
            text: OnceLock::new(),
            parsed: TypedCache::default(),
        }
    }

    /// App id, cluster and name.
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

    /// NamespaceKey of the release; empty unless the source is remote.
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

    /// When it came from the server or the application; of a cache or seed file, when that was written.
    #[must_use]
    pub fn loaded_at(&self) -> SystemTime {
        self.loaded_at
    }

    /// How its values are read as other types.
    #[must_use]
    pub fn read_rules(&self) -> ReadRules {
        self.context.rules
    }

    /// Why the document could not be parsed; the values are then those of the last one that could.
    #[must_use]
    pub fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    /// The value of a key; an empty value is a value.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        match self.index_of(key) {
            Some(position) => self.value_at(position),
            None => self.context.lookup.fallback_value(key),
        }
    }

    /// As [`Snapshot::get`], of a key that is not known to be UTF-8; one that is not has no value. For callers from languages
    /// whose texts may be anything: checking each key first would cost as much as the read.
    #[inline(always)]
    #[must_use]
    pub fn get_bytes(&self, key: &[u8]) -> Option<&str> {
        match self.index.find(key, &self.values) {
            Some(position) => self.value_at(position),
            None => self.context.lookup.fallback_value(std::str::from_utf8(key).ok()?),
        }
    }

    /// Whether the key has a value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
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

    /// What the server sent, before any view is made of it.
    pub(crate) fn configurations(&self) -> &Configurations {
        self.sent.as_ref().unwrap_or(&self.values)
    }

    /// Where a key stands among the values.
    #[inline]
    pub(crate) fn index_of(&self, key: &str) -> Option<usize> {
        self.index.find(key.as_bytes(), &self.values)
    }

    /// The value at the place of a key.
    #[inline]
    pub(crate) fn value_at(&self, position: usize) -> Option<&str> {
        self.values.get_index(position).map(|(_, value)| value.as_str())
    }

    pub(crate) fn values(&self) -> &Configurations {
        &self.values
    }
}

impl fmt::Debug for Snapshot {
    /// Counts instead of values: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("identity", self.identity())
            .field("release_key", &self.release_key)
            .field("source", &self.source)
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

/// The flat keys of a document that has some; `None` where the content is its own view.
fn flatten(
    namespace: &str,
    configurations: &Configurations,
) -> crate::error::Result<Option<Configurations>> {
    match (Format::of(namespace), configurations.get(CONTENT_KEY)) {
        (Format::Yaml | Format::Yml, Some(text)) => yaml::flatten(text).map(Some),
        _ => Ok(None),
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
        // C092
        let snapshot = Snapshot::sample("application", "k1", &[("e", "")]);
        assert_eq!(snapshot.get("e"), Some(""));
        assert_eq!(snapshot.get_or("e", "x".to_owned()), "");
        assert_eq!(snapshot.get("missing"), None);
        assert_eq!((snapshot.get_bytes(b"e"), snapshot.get_bytes(b"\xff")), (Some(""), None));
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
