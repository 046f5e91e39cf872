//! Requests that a handler sends to other routes on behalf of its caller. Each passes the guard, is
//! recorded and is answered as a request of its own.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Extensions, HeaderMap, Method, Uri};
use tower::ServiceExt as _;

use super::{access_grant, reads};
use crate::environment::revision;

/// The routes, and what the server knows of the request before it is routed.
#[derive(Debug, Clone)]
pub(in crate::role::portal) struct Subrequests {
    routes: Router,
    arrived: Extensions,
}

/// Lets the handlers of several calls in one send requests to the other routes.
pub(in crate::role::portal) fn with_subrequests(router: Router) -> Router {
    let routes = router.clone().layer(from_fn(revision::carry));
    router.layer(from_fn_with_state(routes, provide))
}

async fn provide(State(routes): State<Router>, mut request: Request, next: Next) -> Response {
    if [reads::PATH, access_grant::PATH].contains(&request.uri().path()) {
        let arrived = request.extensions().clone();
        request.extensions_mut().insert(Subrequests { routes, arrived });
    }
    next.run(request).await
}

impl Subrequests {
    /// Sends a request without a body.
    pub(super) async fn send(&self, method: Method, path: Uri, headers: &HeaderMap) -> Response {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path;
        *request.headers_mut() = headers.clone();
        for of_body in [CONTENT_LENGTH, CONTENT_TYPE] {
            request.headers_mut().remove(of_body);
        }
        *request.extensions_mut() = self.arrived.clone();
        match self.routes.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
