//! The namespace of a snapshot, and the values from other places that complete it: overlay above
//! the release, environment and defaults below it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use crate::format::rules::ReadRules;
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::wire::Configurations;

/// What all snapshots of one namespace share.
#[derive(Debug)]
pub(crate) struct NamespaceContext {
    pub(crate) identity: NamespaceKey,
    pub(crate) lookup: Lookup,
    /// Maximum number of parsed values cached for one snapshot.
    pub(crate) typed_cache: usize,
    /// Rules for typed reads.
    pub(crate) rules: ReadRules,
    /// Number of values that could not be parsed as the requested type.
    pub(crate) malformed: AtomicU64,
}

/// Values that complete a release. Precedence: overlay, release, environment, defaults.
#[derive(Default)]
pub(crate) struct Lookup {
    pub(crate) overlay: HashMap<String, String>,
    pub(crate) environment: HashMap<String, String>,
    pub(crate) defaults: Configurations,
}

impl Lookup {
    /// The keys of a release as readers see them; `None` if the release is used unchanged.
    pub(super) fn view(&self, released: &Configurations) -> Option<Configurations> {
        if self.overlay.is_empty() && self.defaults.is_empty() {
            return None;
        }
        let defaults = self.defaults.iter();
        // The environment never adds keys: most of its variables are not configuration. It only
        // replaces a default here, and answers single reads below.
        let defaults = defaults.filter(|(key, _)| !released.contains_key(*key));
        let defaults =
            defaults.map(|(key, value)| (key, self.environment.get(key).unwrap_or(value)));
        let seen = released.iter().chain(defaults);
        let seen = seen.map(|(key, value)| (key, self.overlay.get(key).unwrap_or(value)));
        Some(seen.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// The value of a key that has neither a released value nor a default. Kept out of line so that
    /// it does not slow down reads that find their key.
    #[cold]
    #[inline(never)]
    pub(super) fn fallback_value(&self, key: &str) -> Option<&str> {
        let value = self.overlay.get(key).or_else(|| self.environment.get(key));
        value.map(String::as_str)
    }
}

impl std::fmt::Debug for Lookup {
    /// Prints counts only, because values may be secrets.
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
