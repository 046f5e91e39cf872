//! The bytes of requests, as clients in the field send them; the head of a poll has about 400
//! bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use castalia_core::protocol::route;
use castalia_core::protocol::signature::AccessKey;

/// Headers that clients in the field send.
const HEADERS: &str = "Host: 127.0.0.1\r\nUser-Agent: Java/17.0.9\r\nAccept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n\
    Accept-Encoding: identity\r\nConnection: keep-alive\r\n";

/// A request without a body.
pub(crate) fn plain(method: &str, path_and_query: &str) -> Vec<u8> {
    let length = if method == "GET" { "" } else { "Content-Length: 0\r\n" };
    format!("{method} {path_and_query} HTTP/1.1\r\n{HEADERS}{length}\r\n").into_bytes()
}

/// A GET request of a program with a token for OpenAPI.
pub(crate) fn authorized(path_and_query: &str, token: &str) -> Vec<u8> {
    with_headers("GET", path_and_query, &format!("Authorization: {token}\r\n"))
}

/// A request with a JSON body.
pub(crate) fn json(method: &str, path_and_query: &str, body: &str) -> Vec<u8> {
    with_body(method, path_and_query, "Content-Type: application/json\r\n", body.as_bytes())
}

/// A request with a body and complete lines of headers for it.
pub(crate) fn with_body(method: &str, path_and_query: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let lines = format!("{lines}Content-Length: {}\r\n", body.len());
    let mut request = with_headers(method, path_and_query, &lines);
    request.extend_from_slice(body);
    request
}

/// A request with further complete lines of headers.
pub(crate) fn with_headers(method: &str, path_and_query: &str, lines: &str) -> Vec<u8> {
    format!("{method} {path_and_query} HTTP/1.1\r\n{HEADERS}{lines}\r\n").into_bytes()
}

/// A long poll of a client that knows a notification id.
pub(crate) fn poll(app: &str, namespace: &str, known: i64) -> Vec<u8> {
    let notifications = format!(r#"[{{"namespaceName":"{namespace}","notificationId":{known}}}]"#);
    let notifications = route::encode(&notifications);
    plain(
        "GET",
        &format!("{}?appId={app}&cluster=default&notifications={notifications}", route::POLL_PATH),
    )
}

/// Reads a namespace; a client that has the current release receives 304.
pub(crate) fn config(app: &str, namespace: &str, release_key: Option<&str>) -> Vec<u8> {
    plain("GET", &config_path(app, namespace, release_key))
}

/// The same request, with a current signature.
pub(crate) fn signed_config(app: &str, namespace: &str, key: &AccessKey) -> Vec<u8> {
    let path = config_path(app, namespace, None);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = key.headers(i64::try_from(now.as_millis()).unwrap_or(i64::MAX), &path);
    let signature: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\n{HEADERS}{signature}\r\n").into_bytes()
}

fn config_path(app: &str, namespace: &str, release_key: Option<&str>) -> String {
    let known =
        release_key.map(|key| format!("&releaseKey={}", route::encode(key))).unwrap_or_default();
    format!("/configs/{app}/default/{namespace}?ip=127.0.0.1{known}")
}
