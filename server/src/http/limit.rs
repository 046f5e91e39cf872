//! Limits on heads, before any work is done for a request.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use castalia_core::protocol::route::LEGACY_POLL_PATH;
use http::StatusCode;

/// Largest head of an ordinary request, and its largest URL, in bytes.
pub const HEAD: usize = 16 * 1024;
/// Largest head of a poll, which names all namespaces of a client.
pub const POLL_HEAD: usize = 64 * 1024;

/// Refuses heads that are too large.
pub async fn heads(request: Request, next: Next) -> Response {
    let limit = if request.uri().path().starts_with(LEGACY_POLL_PATH) { POLL_HEAD } else { HEAD };
    if request.uri().path_and_query().map_or(0, |line| line.as_str().len()) > limit {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > limit {
        return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response();
    }
    next.run(request).await
}
