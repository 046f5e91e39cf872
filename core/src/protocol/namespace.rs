//! Names of the protocol: app id, cluster, namespace and its format, and the keys that are joined from them.

/// Namespace that every app has.
pub const DEFAULT_NAMESPACE: &str = "application";
/// Cluster that every app has, and the last place where a release is looked for.
pub const DEFAULT_CLUSTER: &str = "default";
/// Joins the parts of watch keys, release messages and merged release keys.
pub const KEY_SEPARATOR: char = '+';
/// App id that the official clients send when none is configured; compared ignoring case.
pub const NO_APP_ID: &str = "ApolloNoAppIdPlaceHolder";
/// The single key of a namespace that is one whole document.
pub const CONTENT_KEY: &str = "content";
/// Notification id of a client that knows nothing yet.
pub const UNKNOWN_NOTIFICATION_ID: i64 = -1;
/// What `/services/config` lists.
pub const CONFIG_SERVICE: &str = "apollo-configservice";
/// What `/services/admin` lists.
pub const ADMIN_SERVICE: &str = "apollo-adminservice";

/// Format of a namespace, told by the suffix of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Key-value pairs; the only format whose suffix is not part of the stored name.
    Properties,
    /// One XML document.
    Xml,
    /// One JSON document.
    Json,
    /// One YAML document, `.yml`.
    Yml,
    /// One YAML document, `.yaml`.
    Yaml,
    /// Plain text.
    Txt,
}

impl Format {
    /// Every format, in the order in which suffixes are tried.
    pub const ALL: [Format; 6] =
        [Format::Properties, Format::Xml, Format::Json, Format::Yml, Format::Yaml, Format::Txt];

    /// The name used on the wire and as suffix, without the dot.
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

    /// Reads a format's name, ignoring case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// The format of a namespace by the suffix of its name, ignoring case; no known suffix means properties.
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
/// In a request all three are percent-decoded, otherwise as the client spelled them. In a client the namespace
/// has no `.properties` suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamespaceKey {
    /// App id.
    pub app_id: String,
    /// Cluster as requested or configured, which may differ from the one that answers.
    pub cluster: String,
    /// Name of the namespace.
    pub namespace: String,
}

/// Drops one `.properties` suffix (any case): the protocol's identity of a properties namespace has none.
#[must_use]
pub fn strip_properties_suffix(namespace: &str) -> &str {
    match namespace.rsplit_once('.') {
        Some((stem, suffix)) if suffix.eq_ignore_ascii_case(Format::Properties.name()) => stem,
        _ => namespace,
    }
}

/// Whether an app id, cluster or namespace matches the grammar of names: ASCII letters, digits, `_`, `-`, and dots except in
/// front. The same rule everywhere keeps file names, watch keys and paths unambiguous.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Whether an app id stands for "no app id", ignoring case.
#[must_use]
pub fn is_no_app_id(app_id: &str) -> bool {
    app_id.eq_ignore_ascii_case(NO_APP_ID)
}

/// `appId+cluster+namespace`: what a release message says and what a poll waits for.
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

/// Parts of a watch key; `None` unless there are exactly three after empty ones are dropped, as the reference reads messages.
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
