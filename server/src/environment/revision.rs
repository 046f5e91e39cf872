//! Carries `Castalia-Revision` between a caller of the portal and the admin API: a change is sent
//! with the revision that its caller saw, and the answer to a read contains the one that it shows.

use std::panic::resume_unwind;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method};
use parking_lot::Mutex;

use crate::http::revision::{REVISION, of};

tokio::task_local! {
    /// The exchange of the request that this task serves.
    static EXCHANGE: Arc<Exchange>;
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
        .scope(Arc::new(exchange), async move {
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

/// Runs a part of a request to its end, even if the caller disconnects.
pub async fn to_the_end<F>(part: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let task = match EXCHANGE.try_with(Arc::clone) {
        Ok(exchange) => tokio::spawn(EXCHANGE.scope(exchange, part)),
        Err(_) => tokio::spawn(part),
    };
    match task.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(output) => output,
        Err(Ok(panic)) => resume_unwind(panic),
        // The process ends, and this request with it.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// Runs a part of a request that changes other objects than the one whose revision its caller named.
pub async fn without_base<F: Future>(part: F) -> F::Output {
    EXCHANGE.scope(Arc::default(), part).await
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
