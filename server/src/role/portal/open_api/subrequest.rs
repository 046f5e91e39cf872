//! Requests that a handler sends to other routes on behalf of its caller. Each passes the guard, is
//! counted and recorded, and is answered as a request of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use super::{access_grant, change_sets, reads};
use crate::environment::revision;
use crate::error::Result;
use crate::http::failure::complete;
use crate::http::request_memory::{KeptBytes, RequestMemory};
use crate::http::revision::of;
use crate::json::JSON_TYPE;

/// The routes, and what the server knows of the request before it is routed.
#[derive(Debug, Clone)]
pub(in crate::role::portal) struct Subrequests {
    routes: Router,
    arrived: Extensions,
    /// Whether one was sent.
    is_used: Arc<AtomicBool>,
}

/// Lets the handlers of several calls in one send requests to the other routes.
pub(in crate::role::portal) fn with_subrequests(router: Router) -> Router {
    let routes = router.clone().layer(from_fn(revision::carry));
    router.layer(from_fn_with_state(routes, provide))
}

async fn provide(State(routes): State<Router>, mut request: Request, next: Next) -> Response {
    if [reads::PATH, access_grant::PATH, change_sets::PATH].contains(&request.uri().path()) {
        let arrived = request.extensions().clone();
        let is_used = Arc::default();
        request.extensions_mut().insert(Subrequests { routes, arrived, is_used });
    }
    next.run(request).await
}

/// Marks the first part of a request: its caller was charged already, for the whole. The others
/// count as the requests that they replace.
#[derive(Debug, Clone, Copy)]
pub(in crate::role::portal) struct FirstPart;

/// What a request was answered with.
#[derive(Debug)]
pub(super) struct PartAnswer<T> {
    pub(super) status: i64,
    /// The value of `Castalia-Revision`.
    pub(super) revision: Option<String>,
    pub(super) body: T,
}

impl Subrequests {
    /// Sends a request, and returns the answer with its body, or that of the error.
    pub(super) async fn call<T: DeserializeOwned + Default>(
        &self,
        strict: bool,
        method: Method,
        path: Uri,
        headers: &HeaderMap,
        body: Option<String>,
    ) -> PartAnswer<T> {
        let name = path.path().to_owned();
        let answer = self.send(method.clone(), path, headers, body);
        let response = complete(strict, &method, &name, answer).await;
        let status = i64::from(response.status().as_u16());
        let revision = of(response.headers());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        PartAnswer { status, revision, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// Charges the caller for a large answer, until it is sent as a part of the whole.
    pub(super) fn keep(&self, length: usize) -> Result<KeptBytes> {
        match self.arrived.get::<RequestMemory>() {
            Some(memory) => memory.keep(length),
            None => Ok(KeptBytes::default()),
        }
    }

    /// With something that each request carries.
    pub(super) fn with<T: Clone + Send + Sync + 'static>(mut self, carried: T) -> Self {
        self.arrived.insert(carried);
        self
    }

    /// Sends a request, with a JSON text as its body if there is one.
    pub(super) async fn send(
        &self,
        method: Method,
        path: Uri,
        headers: &HeaderMap,
        body: Option<String>,
    ) -> Response {
        let mut headers = headers.clone();
        for of_body in [CONTENT_LENGTH, CONTENT_TYPE] {
            headers.remove(of_body);
        }
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON_TYPE));
        }
        let mut request = Request::new(body.map_or_else(Body::empty, Body::from));
        *request.method_mut() = method;
        *request.uri_mut() = path;
        *request.headers_mut() = headers;
        *request.extensions_mut() = self.arrived.clone();
        if !self.is_used.swap(true, Ordering::Relaxed) {
            request.extensions_mut().insert(FirstPart);
        }
        match self.routes.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
