//! Which keys of a namespace a listener is interested in.

/// The keys and prefixes that a listener is interested in. Without any, it is interested in
/// everything.
///
/// ```
/// use castalia_core::Interest;
///
/// let interest = Interest::everything().key("timeout").prefix("db.");
/// assert!(interest.covers("timeout"));
/// assert!(interest.covers("db.host"));
/// assert!(!interest.covers("color"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// Exact keys.
    pub keys: Vec<String>,
    /// Prefixes as plain text: `db` covers `dbName`.
    pub prefixes: Vec<String>,
}

impl Interest {
    /// Interest in all keys.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Adds a key, which limits the interest to the keys and prefixes that were added.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// Adds a prefix, which limits the interest to the keys and prefixes that were added.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Whether no key or prefix was added.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty()
    }

    /// Whether the listener is interested in a key.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        self.is_everything()
            || self.keys.iter().any(|wanted| wanted == key)
            || self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
    }
}
