//! Path and query of a call of the admin API, composed of names as they are.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::permission::need::Place;

/// What must be escaped in a path segment.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Path and query of a call of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Of unescaped segments.
    #[must_use]
    pub fn new<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment.as_ref(), ESCAPED));
        }
        Self(path)
    }

    /// Of something in a cluster.
    #[must_use]
    pub fn in_cluster(place: &Place, rest: &[&str]) -> Self {
        let cluster = ["apps", &place.app_id, "clusters", &place.cluster];
        Self::new(cluster.iter().chain(rest))
    }

    /// Of something in a namespace.
    #[must_use]
    pub fn in_namespace(place: &Place, rest: &[&str]) -> Self {
        let namespace =
            ["apps", &place.app_id, "clusters", &place.cluster, "namespaces", &place.namespace];
        Self::new(namespace.iter().chain(rest))
    }

    /// As a request names it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds parameters.
    #[must_use]
    pub fn with(self, parameters: &[(&str, &str)]) -> Self {
        Self(format!("{}?{}", self.0, encode(parameters)))
    }
}

/// Names and values as a query or a form holds them.
pub(super) fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_addresses_are_escaped() {
        let place = Place {
            app_id: "a".into(),
            cluster: "c d".into(),
            namespace: "n.yml".into(),
            ..Place::default()
        };
        let address = Address::in_namespace(&place, &["items", "x/ä"]).with(&[("operator", "u&v")]);
        assert_eq!(
            address.0,
            "/apps/a/clusters/c%20d/namespaces/n.yml/items/x%2F%C3%A4?operator=u%26v"
        );
    }
}
