//! Limits on heads, before any work is done for a request.

use castalia_core::protocol::route::LEGACY_POLL_PATH;
use http::{HeaderMap, StatusCode, Uri};

/// Largest head of an ordinary request, and its largest URL, in bytes.
pub const HEAD: usize = 16 * 1024;
/// Largest head of a poll, which names all namespaces of a client.
pub const POLL_HEAD: usize = 64 * 1024;

/// Whether a head is small enough; the status of a refusal otherwise.
///
/// # Errors
/// 414 for the URL, 431 for the headers.
pub fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), StatusCode> {
    let limit = if uri.path().starts_with(LEGACY_POLL_PATH) { POLL_HEAD } else { HEAD };
    if uri.path_and_query().map_or(0, |line| line.as_str().len()) > limit {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > limit { Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) } else { Ok(()) }
}
