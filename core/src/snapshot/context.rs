//! Which namespace a snapshot is of, and what else answers for its keys: values of the host above it, defaults below it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use crate::format::rules::ReadRules;
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::wire::Configurations;

/// A namespace and what stands around it; the same for all its snapshots.
#[derive(Debug)]
pub(crate) struct NamespaceContext {
    pub(crate) identity: NamespaceKey,
    pub(crate) lookup: Lookup,
    /// Most parsed values that a snapshot keeps.
    pub(crate) typed_cache: usize,
    /// How texts are read as other types.
    pub(crate) rules: ReadRules,
    /// Values that were not of the type they were read as.
    pub(crate) malformed: AtomicU64,
}

/// What answers beside the release, strongest first: overlay, release, environment, defaults.
#[derive(Default)]
pub(crate) struct Lookup {
    pub(crate) overlay: HashMap<String, String>,
    pub(crate) environment: HashMap<String, String>,
    pub(crate) defaults: Configurations,
}

impl Lookup {
    /// The keys of a release as readers see them; `None` when nothing stands around it.
    pub(super) fn view(&self, released: &Configurations) -> Option<Configurations> {
        if self.overlay.is_empty() && self.defaults.is_empty() {
            return None;
        }
        let defaults = self.defaults.iter();
        let defaults = defaults.filter(|(key, _)| !released.contains_key(*key));
        let defaults =
            defaults.map(|(key, value)| (key, self.environment.get(key).unwrap_or(value)));
        let seen = released.iter().chain(defaults);
        let seen = seen.map(|(key, value)| (key, self.overlay.get(key).unwrap_or(value)));
        Some(seen.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// The value of a key that is neither in the release nor among the defaults. Kept out of line, so that it costs reads nothing that
    /// find their key.
    #[cold]
    #[inline(never)]
    pub(super) fn fallback_value(&self, key: &str) -> Option<&str> {
        let value = self.overlay.get(key).or_else(|| self.environment.get(key));
        value.map(String::as_str)
    }
}

impl std::fmt::Debug for Lookup {
    /// Counts alone: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup")
            .field("overlay", &self.overlay.len())
            .field("environment", &self.environment.len())
            .field("defaults", &self.defaults.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<T: FromIterator<(String, String)>>(pairs: &[(&str, &str)]) -> T {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        pairs.collect()
    }

    #[test]
    fn overlay_release_environment_and_defaults_answer_in_this_order() {
        let lookup = Lookup {
            overlay: map(&[("a", "overlay"), ("only", "overlay")]),
            environment: map(&[("a", "env"), ("b", "env"), ("c", "env"), ("d", "env")]),
            defaults: map(&[
                ("a", "default"),
                ("b", "default"),
                ("c", "default"),
                ("e", "default"),
            ]),
        };
        let view = lookup.view(&map(&[("a", "release"), ("b", "release")])).unwrap();
        let expected: Configurations =
            map(&[("a", "overlay"), ("b", "release"), ("c", "env"), ("e", "default")]);
        assert_eq!(view, expected);
        assert_eq!(lookup.fallback_value("only"), Some("overlay"));
        assert_eq!(lookup.fallback_value("d"), Some("env"));
        assert_eq!(lookup.fallback_value("x"), None);
    }
}
