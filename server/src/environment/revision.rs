//! Carries `Castalia-Revision` between a caller of the portal and the admin API: a change is sent
//! with the revision that its caller saw, the answer to a read contains the one that it shows, and
//! the answer to a change of one namespace the one that it led to.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method};
use parking_lot::Mutex;

use crate::disconnect;
use crate::error::{Error, Result, Stale};
use crate::http::revision::{REVISION, of};

tokio::task_local! {
    /// The exchange of the request that this task serves.
    static EXCHANGE: Arc<Exchange>;
}

#[derive(Debug, Default)]
struct Exchange {
    base: Option<String>,
    shown: Mutex<Option<String>>,
    made: Mutex<Made>,
}

/// The revisions that changes led to.
#[derive(Debug, Default)]
enum Made {
    #[default]
    None,
    One(String),
    /// Those of several namespaces.
    Several,
}

/// Wraps every request.
pub async fn carry(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET;
    let exchange = Exchange { base: of(request.headers()), ..Exchange::default() };
    EXCHANGE
        .scope(Arc::new(exchange), async move {
            let mut response = next.run(request).await;
            let revision = if is_read { shown() } else { made() };
            let revision = revision.filter(|_| is_read || response.status().is_success());
            if let Some(Ok(revision)) = revision.map(HeaderValue::try_from) {
                response.headers_mut().insert(REVISION, revision);
            }
            response
        })
        .await
}

/// Same as `disconnect::to_the_end`, with the exchange of the request.
pub async fn to_the_end<F>(part: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    disconnect::to_the_end(carried(part)).await
}

/// A part of a request with its exchange, for a task of its own.
pub fn carried<F: Future>(part: F) -> impl Future<Output = F::Output> {
    EXCHANGE.scope(EXCHANGE.try_with(Arc::clone).unwrap_or_default(), part)
}

/// Runs a part of a request that changes other objects than the one whose revision its caller
/// named.
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

/// Rejects a caller who knows other items than those that were read last.
///
/// # Errors
/// Fails if the caller states another revision than the one that was shown last.
pub fn check_shown() -> Result<()> {
    check("namespace", base().as_deref(), shown().as_deref())
}

/// Rejects a caller who states another revision than the present one, which an admin service of
/// Apollo does not have; `what` says what is at that revision.
///
/// # Errors
/// Fails if the revisions differ.
pub fn check(what: &str, stated: Option<&str>, current: Option<&str>) -> Result<()> {
    match (stated, current) {
        (Some(revision), Some(current)) if revision != current => {
            let (current, revision) = (current.to_owned(), revision.to_owned());
            Err(Error::stale(what, Stale { current, revision, ..Stale::default() }))
        }
        _ => Ok(()),
    }
}

/// The revision that the changes of this request led to; `None` if they concern several namespaces.
fn made() -> Option<String> {
    let made = EXCHANGE.try_with(|exchange| match &*exchange.made.lock() {
        Made::One(revision) => Some(revision.clone()),
        Made::None | Made::Several => None,
    });
    made.ok().flatten()
}

/// Notes the revision of an answer to a read.
pub(super) fn note_shown(revision: String) {
    let _ = EXCHANGE.try_with(|exchange| *exchange.shown.lock() = Some(revision));
}

/// Notes the revisions of an answer to a change. One that starts where the last one ended continues
/// it; another one is that of another namespace.
pub(super) fn note_made(before: Option<&str>, after: String) {
    let _ = EXCHANGE.try_with(|exchange| {
        let mut made = exchange.made.lock();
        *made = match &*made {
            Made::None => Made::One(after),
            Made::One(last) if Some(last.as_str()) == before => Made::One(after),
            Made::One(_) | Made::Several => Made::Several,
        };
    });
}
