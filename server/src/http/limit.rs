//! Limits on heads, checked before any work is done for a request.

use castalia_core::protocol::route::LEGACY_POLL_PATH;
use http::header::HOST;
use http::{HeaderMap, Method, StatusCode, Uri};

/// Maximum head of an ordinary request, and its maximum URL, in bytes.
pub const HEAD: usize = 16 * 1024;
/// Maximum head of a poll, which names all namespaces of a client, in bytes.
pub const POLL_HEAD: usize = 64 * 1024;

/// Maximum length of a method; the longest registered one has 17 letters. The limit exists because
/// error messages repeat the method.
const METHOD: usize = 32;

/// Checks that a head is small enough and unambiguous.
///
/// # Errors
/// Returns 400 for the method and for a second `Host`, 414 for the URL, 431 for the headers.
pub fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), StatusCode> {
    // With two `Host` headers, a proxy may have used the other one.
    if method.as_str().len() > METHOD || headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let limit = if uri.path().starts_with(LEGACY_POLL_PATH) { POLL_HEAD } else { HEAD };
    if uri.path_and_query().map_or(0, |line| line.as_str().len()) > limit {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > limit { Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn a_head_with_two_meanings_is_refused() {
        let uri = Uri::from_static("/health");
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("a"));
        headers.append(header::ACCEPT, HeaderValue::from_static("x"));
        headers.append(header::ACCEPT, HeaderValue::from_static("y"));
        assert_eq!(check(&Method::GET, &uri, &headers), Ok(()));
        headers.append(HOST, HeaderValue::from_static("a"));
        assert_eq!(check(&Method::GET, &uri, &headers), Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn a_method_without_end_is_refused() {
        let check = |method: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            check(&method, &Uri::from_static("/"), &HeaderMap::new())
        };
        assert_eq!(check("UPDATEREDIRECTREF"), Ok(()));
        assert_eq!(check(&"X".repeat(20_000)), Err(StatusCode::BAD_REQUEST));
    }
}
