//! Names of the protocol: app id, cluster, namespace with its format, and the keys composed of
//! them.

/// Namespace that every app has.
pub const DEFAULT_NAMESPACE: &str = "application";
/// Cluster that every app has, and the last one in which a release is looked up.
pub const DEFAULT_CLUSTER: &str = "default";
/// Separates the parts of watch keys, release messages and merged release keys.
pub const KEY_SEPARATOR: char = '+';
/// App id that the official clients send if none is configured. Compared ignoring case.
pub const NO_APP_ID: &str = "ApolloNoAppIdPlaceHolder";
/// The only key of a namespace that is a document.
pub const CONTENT_KEY: &str = "content";
/// Notification id of a client that has received no notification yet.
pub const UNKNOWN_NOTIFICATION_ID: i64 = -1;
/// `appName` of the instances in `/services/config`.
pub const CONFIG_SERVICE: &str = "apollo-configservice";
/// `appName` of the instances in `/services/admin`.
pub const ADMIN_SERVICE: &str = "apollo-adminservice";

/// Format of a namespace, from the suffix of its name.
///
/// ```
/// use castalia_core::protocol::namespace::Format;
///
/// assert_eq!(Format::of("application"), Format::Properties);
/// assert_eq!(Format::of("rules.JSON"), Format::Json);
/// assert_eq!(Format::of("team.shared"), Format::Properties, "an unknown suffix");
/// assert!(Format::Yaml.is_document());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Key-value pairs. The only format whose suffix is not part of the stored name.
    Properties,
    /// One XML document.
    Xml,
    /// One JSON document.
    Json,
    /// One YAML document with the suffix `.yml`.
    Yml,
    /// One YAML document with the suffix `.yaml`.
    Yaml,
    /// Plain text.
    Txt,
}

impl Format {
    /// Every format, in the order in which suffixes are tried.
    pub const ALL: [Format; 6] =
        [Format::Properties, Format::Xml, Format::Json, Format::Yml, Format::Yaml, Format::Txt];

    /// The name in the protocol and as a suffix, without the dot.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Properties => "properties",
            Format::Xml => "xml",
            Format::Json => "json",
            Format::Yml => "yml",
            Format::Yaml => "yaml",
            Format::Txt => "txt",
        }
    }

    /// Parses a format's name, ignoring case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// The format of a namespace from the suffix of its name, ignoring case. Names without a known
    /// suffix are properties.
    #[must_use]
    pub fn of(namespace: &str) -> Self {
        namespace
            .rsplit_once('.')
            .and_then(|(_, suffix)| Self::from_name(suffix))
            .unwrap_or(Format::Properties)
    }

    /// Whether the namespace is one document under [`CONTENT_KEY`] instead of key-value pairs.
    #[must_use]
    pub const fn is_document(self) -> bool {
        !matches!(self, Format::Properties)
    }
}

/// The three names that identify a namespace: app id, cluster and namespace.
///
/// In a request all three are percent-decoded and otherwise as the client spelled them. In a client
/// the namespace has no `.properties` suffix. In the server's rules and caches all three have the
/// stored spelling.
///
/// ```
/// use castalia_core::NamespaceKey;
///
/// let key = NamespaceKey::new("demo", "default", "application");
/// assert_eq!(key.watch_key(), "demo+default+application");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamespaceKey {
    /// App id.
    pub app_id: String,
    /// Cluster as requested or configured. The release may come from another one.
    pub cluster: String,
    /// Name of the namespace.
    pub namespace: String,
}

impl NamespaceKey {
    /// Joins the three names without validating them.
    #[must_use]
    pub fn new(app_id: &str, cluster: &str, namespace: &str) -> Self {
        Self { app_id: app_id.into(), cluster: cluster.into(), namespace: namespace.into() }
    }

    /// `appId+cluster+namespace`; see [`watch_key`].
    #[must_use]
    pub fn watch_key(&self) -> String {
        watch_key(&self.app_id, &self.cluster, &self.namespace)
    }
}

/// Removes one `.properties` suffix in any case: `a` and `a.properties` are the same namespace.
#[must_use]
pub fn strip_properties_suffix(namespace: &str) -> &str {
    match namespace.rsplit_once('.') {
        Some((stem, suffix)) if suffix.eq_ignore_ascii_case(Format::Properties.name()) => stem,
        _ => namespace,
    }
}

/// Whether an app id, cluster or namespace is valid: ASCII letters, digits, `_`, `-`, and dots
/// except at the beginning. The same rule everywhere keeps file names, watch keys and paths
/// unambiguous.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Whether an app id means "no app id".
#[must_use]
pub fn is_no_app_id(app_id: &str) -> bool {
    app_id.eq_ignore_ascii_case(NO_APP_ID)
}

/// `appId+cluster+namespace`: the text of a release message, and what a poll waits for.
#[must_use]
pub fn watch_key(app_id: &str, cluster: &str, namespace: &str) -> String {
    let mut key = String::with_capacity(app_id.len() + cluster.len() + namespace.len() + 2);
    key.push_str(app_id);
    key.push(KEY_SEPARATOR);
    key.push_str(cluster);
    key.push(KEY_SEPARATOR);
    key.push_str(namespace);
    key
}

/// The parts of a watch key; `None` unless exactly three are not empty, which is how the reference
/// reads release messages.
#[must_use]
pub fn split_watch_key(key: &str) -> Option<(&str, &str, &str)> {
    let mut parts = key.split(KEY_SEPARATOR).filter(|part| !part.is_empty());
    let found = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_is_told_by_the_suffix_ignoring_case() {
        assert_eq!(Format::of("application"), Format::Properties);
        assert_eq!(Format::of("db.JSON"), Format::Json);
        assert_eq!(Format::of("conf.yml"), Format::Yml);
        assert_eq!(Format::of("a.b"), Format::Properties);
        assert_eq!(Format::of("note.txt"), Format::Txt);
    }

    #[test]
    fn only_one_properties_suffix_is_dropped() {
        assert_eq!(strip_properties_suffix("application.properties"), "application");
        assert_eq!(strip_properties_suffix("APPLICATION.PROPERTIES"), "APPLICATION");
        assert_eq!(strip_properties_suffix("a.properties.properties"), "a.properties");
        assert_eq!(strip_properties_suffix("a.json"), "a.json");
        assert_eq!(strip_properties_suffix(".properties"), "");
    }

    #[test]
    fn names_follow_one_grammar() {
        for good in ["a", "A-b_c.d", "1", "raw", "-x"] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", ".a", "a b", "a+b", "dé", "a/b", "a\0"] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }

    #[test]
    fn watch_key_needs_exactly_three_parts() {
        assert_eq!(
            split_watch_key(&watch_key("demo", "default", "a.json")),
            Some(("demo", "default", "a.json"))
        );
        assert_eq!(split_watch_key("demo++default+a"), Some(("demo", "default", "a")));
        assert_eq!(split_watch_key("demo+default"), None);
        assert_eq!(split_watch_key("demo+default+a+b"), None);
    }
}
