//! Carries `Castalia-Revision` between a caller of the portal and the admin API: a change is sent
//! with the revision that its caller saw, and the answer to a read contains the one that it shows.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method};
use parking_lot::Mutex;

use crate::http::revision::{REVISION, of};

tokio::task_local! {
    /// The exchange of the request that this task serves.
    static EXCHANGE: Exchange;
}

#[derive(Debug, Default)]
struct Exchange {
    base: Option<String>,
    shown: Mutex<Option<String>>,
}

/// Wraps every request.
pub async fn carry(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET;
    let exchange = Exchange { base: of(request.headers()), ..Exchange::default() };
    EXCHANGE
        .scope(exchange, async move {
            let mut response = next.run(request).await;
            // A change creates a revision that only the next read shows.
            if is_read
                && let Some(shown) = shown()
                && let Ok(shown) = HeaderValue::from_str(&shown)
            {
                response.headers_mut().insert(REVISION, shown);
            }
            response
        })
        .await
}

/// The revision that the caller's change is based on.
pub fn base() -> Option<String> {
    EXCHANGE.try_with(|exchange| exchange.base.clone()).ok().flatten()
}

/// The revision of the latest answer of the admin API.
pub fn shown() -> Option<String> {
    let shown = EXCHANGE.try_with(|exchange| exchange.shown.lock().clone());
    shown.ok().flatten()
}

/// Records the revision of an answer of the admin API.
pub fn note(headers: &HeaderMap) {
    let Some(revision) = of(headers) else { return };
    let _ = EXCHANGE.try_with(|exchange| {
        *exchange.shown.lock() = Some(revision);
    });
}
