//! Paths and queries of the client endpoints. The client builds them and the server parses them
//! here and nowhere else.
//!
//! Authentication and data use the same parser, so that no request can be authenticated under one
//! name and served under another.

mod notification_list;
mod query;

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::namespace::{NamespaceKey, is_valid_name};

pub use self::notification_list::cost as notification_cost;
pub use self::query::{Caller, ConfigQuery, LegacyPollQuery, PollQuery};

/// Path of the discovery of config services.
pub const CONFIG_SERVICES_PATH: &str = "/services/config";
/// Path of the discovery of admin services.
pub const ADMIN_SERVICES_PATH: &str = "/services/admin";
/// Path of the long poll.
pub const POLL_PATH: &str = "/notifications/v2";
/// Response header with the maximum bytes of path and query that the server accepts in a poll,
/// whose list may then have the compact form. A server that does not send it may accept 8 KiB or
/// less, and reads JSON only.
pub const POLL_LINE_HEADER: &str = "castalia-poll-line";
/// Path of the deprecated poll for a single namespace.
pub const LEGACY_POLL_PATH: &str = "/notifications";

/// Everything except the unreserved characters of RFC 3986. The signature covers the encoded bytes,
/// which must not depend on how an HTTP library encodes the others.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a request is rejected before any handler is called. The texts are part of the protocol.
///
/// ```
/// use castalia_core::protocol::route::{PollQuery, Refusal};
///
/// let refusal = PollQuery::parse("appId=demo&cluster=default").unwrap_err();
/// assert_eq!(refusal, Refusal::MissingParameter("notifications"));
/// assert_eq!(refusal.to_string(), "Required parameter 'notifications' is not present");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No client endpoint has this path.
    #[error("no such path")]
    UnknownPath,
    /// The path contains an encoded slash, a control character or bytes that are not UTF-8.
    #[error("the path is not properly encoded")]
    Encoding,
    /// The app id is missing or not a valid name.
    #[error("InvalidAppId")]
    InvalidAppId,
    /// A required parameter is missing.
    #[error("Required parameter '{0}' is not present")]
    MissingParameter(&'static str),
    /// A parameter does not have its type.
    #[error("Parameter '{0}' is not valid")]
    InvalidParameter(&'static str),
    /// The `notifications` parameter is not a list with at least one namespace. Contains the text
    /// as received.
    #[error("invalid notifications format:{0}")]
    InvalidNotifications(String),
}

/// Representation of `/configfiles`.
///
/// ```
/// use castalia_core::protocol::route::{ClientRequest, FileForm};
///
/// let request = ClientRequest::parse("/configfiles/json/demo/default/application", "").unwrap();
/// assert!(matches!(request, ClientRequest::File(FileForm::Json, _)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileForm {
    /// Java properties text.
    Properties,
    /// The configurations as a JSON object.
    Json,
    /// The document as released.
    Raw,
}

/// A client endpoint with the app id whose access key it requires.
///
/// ```
/// use castalia_core::protocol::route::ClientRequest;
///
/// let path = "/configs/demo/default/application";
/// let request = ClientRequest::parse(path, "releaseKey=k1").unwrap();
/// assert_eq!(request.app_id(), "demo");
/// assert!(ClientRequest::parse("/configs/demo%2F../default/application", "").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientRequest {
    /// `/configs/{appId}/{cluster}/{namespace}`
    Config(NamespaceKey),
    /// `/configfiles[/json|/raw]/{appId}/{cluster}/{namespace}`
    File(FileForm, NamespaceKey),
    /// `/notifications/v2`
    Poll(String),
    /// `/notifications`
    LegacyPoll(String),
}

impl ClientRequest {
    /// Parses the raw path (percent-encoded, without context path) and query of a request.
    ///
    /// # Errors
    /// [`Refusal::InvalidAppId`] also if the path ends after the app id, which is how the reference
    /// answers `/configs/demo`.
    pub fn parse(path: &str, query: &str) -> Result<Self, Refusal> {
        match path {
            POLL_PATH => return Ok(Self::Poll(app_id_of(query)?)),
            LEGACY_POLL_PATH => return Ok(Self::LegacyPoll(app_id_of(query)?)),
            _ => {}
        }
        if let Some(rest) = below(path, "/configs") {
            return Ok(Self::Config(target(&segments(rest)?)?));
        }
        let rest = below(path, "/configfiles").ok_or(Refusal::UnknownPath)?;
        let segments = segments(rest)?;
        // Three segments are the properties form even if the first one is `json` or `raw`, which is
        // then an app id.
        let form = match segments.first().map(AsRef::as_ref) {
            Some("json") if segments.len() != 3 => FileForm::Json,
            Some("raw") if segments.len() != 3 => FileForm::Raw,
            _ => return Ok(Self::File(FileForm::Properties, target(&segments)?)),
        };
        Ok(Self::File(form, target(&segments[1..])?))
    }

    /// The app id whose access key the request requires.
    #[must_use]
    pub fn app_id(&self) -> &str {
        match self {
            Self::Config(target) | Self::File(_, target) => &target.app_id,
            Self::Poll(app_id) | Self::LegacyPoll(app_id) => app_id,
        }
    }
}

/// Path and query of a discovery request. `path` is [`CONFIG_SERVICES_PATH`] or
/// [`ADMIN_SERVICES_PATH`].
#[must_use]
pub fn services_path_and_query(path: &str, app_id: &str, ip: Option<&str>) -> String {
    let mut line = path.to_owned();
    append(&mut line, &[("appId", Some(app_id)), ("ip", ip)]);
    line
}

/// Percent-encodes a path segment or query value.
#[must_use]
pub fn encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, ENCODED).into()
}

/// The decoded value of a query parameter. The first one if it is repeated; `None` if it is missing
/// or empty.
#[must_use]
pub fn parameter(query: &str, name: &str) -> Option<String> {
    raw_parameter(query, name).filter(|value| !value.is_empty())
}

/// Like [`parameter`], but an empty value is returned as such.
fn raw_parameter(query: &str, name: &str) -> Option<String> {
    undecoded_parameter(query, name).map(form_decode)
}

fn undecoded_parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        is_named(key, name).then_some(value)
    })
}

/// Whether an encoded name is that of a parameter. Decodes only names with special characters,
/// because every parameter is searched in all pairs.
fn is_named(key: &str, name: &str) -> bool {
    key == name || (key.contains(['%', '+']) && form_decode(key) == name)
}

fn form_decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let spaced: Cow<'_, str> =
        if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The rest of a path after a prefix: `Some("")` for the prefix itself, `None` if a longer word
/// begins with it.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn segments(rest: &str) -> Result<Vec<Cow<'_, str>>, Refusal> {
    rest.split('/').map(decode_segment).collect()
}

fn decode_segment(segment: &str) -> Result<Cow<'_, str>, Refusal> {
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| Refusal::Encoding)?;
    // A decoded separator would be a path within a name; a proxy in front may have seen another
    // path.
    if decoded.contains(['/', '\\']) || decoded.contains(char::is_control) {
        return Err(Refusal::Encoding);
    }
    Ok(decoded)
}

/// The namespace of a path. The app id is checked before the number of segments, because the
/// reference answers a path that ends after the app id as one without an app id.
fn target(segments: &[Cow<'_, str>]) -> Result<NamespaceKey, Refusal> {
    let [app_id, cluster, rest @ ..] = segments else {
        return Err(Refusal::InvalidAppId);
    };
    if !is_valid_name(app_id) {
        return Err(Refusal::InvalidAppId);
    }
    match rest {
        [namespace] if !cluster.is_empty() && !namespace.is_empty() => Ok(NamespaceKey {
            app_id: app_id.as_ref().to_owned(),
            cluster: cluster.as_ref().to_owned(),
            namespace: namespace.as_ref().to_owned(),
        }),
        _ => Err(Refusal::UnknownPath),
    }
}

fn app_id_of(query: &str) -> Result<String, Refusal> {
    parameter(query, "appId").filter(|id| is_valid_name(id)).ok_or(Refusal::InvalidAppId)
}

fn append(line: &mut String, parameters: &[(&str, Option<&str>)]) {
    let mut separator = if line.contains('?') { '&' } else { '?' };
    for (name, value) in parameters {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue;
        };
        line.push(separator);
        line.push_str(name);
        line.push('=');
        line.push_str(&encode(value));
        separator = '&';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(app_id: &str, cluster: &str, namespace: &str) -> NamespaceKey {
        NamespaceKey { app_id: app_id.into(), cluster: cluster.into(), namespace: namespace.into() }
    }

    #[test]
    fn endpoints_are_told_by_path() {
        let demo = target_of("demo", "default", "a.json");
        let cases = [
            ("/configs/demo/default/a.json", ClientRequest::Config(demo.clone())),
            (
                "/configfiles/demo/default/a.json",
                ClientRequest::File(FileForm::Properties, demo.clone()),
            ),
            (
                "/configfiles/json/demo/default/a.json",
                ClientRequest::File(FileForm::Json, demo.clone()),
            ),
            ("/configfiles/raw/demo/default/a.json", ClientRequest::File(FileForm::Raw, demo)),
            (
                "/configfiles/json/a/b",
                ClientRequest::File(FileForm::Properties, target_of("json", "a", "b")),
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(ClientRequest::parse(path, ""), Ok(expected), "{path}");
        }
        assert_eq!(
            ClientRequest::parse(POLL_PATH, "appId=demo"),
            Ok(ClientRequest::Poll("demo".into()))
        );
    }

    #[test]
    fn incomplete_and_odd_paths_never_reach_a_handler() {
        let cases = [
            ("/configs", Refusal::InvalidAppId),
            ("/configs/demo", Refusal::InvalidAppId),
            ("/configfiles", Refusal::InvalidAppId),
            ("/configfiles/json/", Refusal::InvalidAppId),
            ("/configfiles/raw/demo", Refusal::InvalidAppId),
            ("/configs/de%20mo/default/application", Refusal::InvalidAppId),
            ("/configs/.demo/default/application", Refusal::InvalidAppId),
            ("/configs/d%C3%A9mo/default/application", Refusal::InvalidAppId),
            ("/configs//default/application", Refusal::InvalidAppId),
            ("/configs/demo/default/application/", Refusal::UnknownPath),
            ("/configs/demo/default/a/b", Refusal::UnknownPath),
            ("/configs/demo//application", Refusal::UnknownPath),
            ("/configs/demo%2Fdefault/x/y", Refusal::Encoding),
            ("/configs/demo/default/a%00", Refusal::Encoding),
            ("/configs/demo/default/%FF", Refusal::Encoding),
            ("/Configs/demo/default/application", Refusal::UnknownPath),
            ("/configsx/demo/default/application", Refusal::UnknownPath),
        ];
        for (path, refusal) in cases {
            assert_eq!(ClientRequest::parse(path, ""), Err(refusal), "{path}");
        }
        assert_eq!(ClientRequest::parse(POLL_PATH, "appId="), Err(Refusal::InvalidAppId));
        assert_eq!(ClientRequest::parse(LEGACY_POLL_PATH, "cluster=x"), Err(Refusal::InvalidAppId));
    }
}
