//! Path and query of a call of the admin API, built from unescaped names. A name that a URL parser
//! would interpret as a step in the path is recorded as refused, because escaping does not help:
//! parsers resolve `%2e%2e` like `..`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::constraint::NAME_RULE;
use crate::domain::permission::requirement::Resource;
use crate::error::{Code, Error, Result};

/// Characters that must be escaped in a path segment.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Path and query of a call of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    /// The first segment that would lead to another path.
    refused: Option<String>,
}

impl Address {
    /// Creates an address from unescaped segments.
    #[must_use]
    pub fn new<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        let mut address = Self { text: String::new(), refused: None };
        for segment in segments {
            let segment = segment.as_ref();
            if is_step(segment) && address.refused.is_none() {
                address.refused = Some(segment.to_owned());
            }
            address.text.push('/');
            address.text.extend(utf8_percent_encode(segment, ESCAPED));
        }
        address
    }

    /// The address of an object in a cluster.
    #[must_use]
    pub fn in_cluster(place: &Resource, rest: &[&str]) -> Self {
        let cluster = ["apps", &place.app_id, "clusters", &place.cluster];
        Self::new(cluster.iter().chain(rest))
    }

    /// The address of an object in a namespace.
    #[must_use]
    pub fn in_namespace(place: &Resource, rest: &[&str]) -> Self {
        let namespace =
            ["apps", &place.app_id, "clusters", &place.cluster, "namespaces", &place.namespace];
        Self::new(namespace.iter().chain(rest))
    }

    /// Returns path and query for a request.
    ///
    /// # Errors
    /// Fails if a segment is empty or a dot segment: the call would reach another path than the one
    /// whose permission was checked.
    pub fn checked(self) -> Result<String> {
        match self.refused {
            None => Ok(self.text),
            Some(name) => Err(Error::bad_request(format!(
                "The name `{name}` cannot be used in a path. {NAME_RULE}"
            ))
            .with_code(Code::InvalidName)),
        }
    }

    /// Adds parameters.
    #[must_use]
    pub fn with(self, parameters: &[(&str, &str)]) -> Self {
        Self { text: format!("{}?{}", self.text, encode(parameters)), ..self }
    }
}

/// Whether a URL parser would drop the segment or leave the path.
fn is_step(segment: &str) -> bool {
    matches!(segment, "" | "." | "..")
}

/// Encodes names and values for a query or a form.
pub(super) fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_addresses_are_escaped() {
        let place = Resource {
            app_id: "a".into(),
            cluster: "c d".into(),
            namespace: "n.yml".into(),
            ..Resource::default()
        };
        let address = Address::in_namespace(&place, &["items", "x/ä"]).with(&[("operator", "u&v")]);
        assert_eq!(
            address.checked().unwrap(),
            "/apps/a/clusters/c%20d/namespaces/n.yml/items/x%2F%C3%A4?operator=u%26v"
        );
    }

    #[test]
    fn a_name_that_would_lead_elsewhere_is_refused() {
        for name in ["", ".", ".."] {
            let address = Address::new(["apps", "mine", "clusters", name]).with(&[("a", "b")]);
            assert_eq!(address.checked().unwrap_err().code(), Code::InvalidName, "{name}");
        }
        for name in ["...", ".a", "a.", "%2e%2e"] {
            assert!(Address::new(["apps", name]).checked().is_ok(), "{name}");
        }
    }
}
