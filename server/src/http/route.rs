//! Registration of routes: every route declares who may call it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use futures_util::future::BoxFuture;
use http::Method;
use tracing::Instrument as _;

use super::operation::{About, Described, Operation};
use super::request_memory::{Payer, RequestMemory};

/// Checks a request against the access that its route requires, then runs it or answers itself. The
/// request has the `About` of its operation as an extension.
pub type Guard<S, A> = fn(S, A, Request, Next) -> BoxFuture<'static, Response>;

/// Names the caller of a request that the guard has admitted; `None` if it identified none.
pub type PayerOf = fn(&Request) -> Option<Payer>;

/// A handler without its type, so that what axum builds around a handler is compiled once for each
/// role: for each type the compiler would prove again and again that its future can be sent to
/// other threads.
struct Erased<S>(Arc<dyn Fn(Request, S) -> BoxFuture<'static, Response> + Send + Sync>);

impl<S: 'static> Erased<S> {
    fn of<H: HandlerFn<T, S>, T: 'static>(handler: H) -> Self {
        Self(Arc::new(move |request, state| handler.clone().call(request, state)))
    }
}

impl<S> Clone for Erased<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: 'static> Handler<(), S> for Erased<S> {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, state: S) -> Self::Future {
        (self.0)(request, state)
    }
}

/// A function that extracts its arguments from a request.
pub trait HandlerFn<T, S>: Handler<T, S, Future = BoxFuture<'static, Response>> + Sync {}

impl<T, S, H: Handler<T, S, Future = BoxFuture<'static, Response>> + Sync> HandlerFn<T, S> for H {}

/// One registered route, as the tests of access control enumerate them.
#[derive(Debug, Clone)]
pub struct Listed<A> {
    /// Method.
    pub method: Method,
    /// Path with placeholders.
    pub path: &'static str,
    /// The access that it requires.
    pub access: A,
    /// The operation of a documented API.
    pub operation: Option<Operation>,
}

/// Routes of one role. Each requires an access value, which the role's guard enforces before the
/// handler runs.
pub struct Routes<S, A> {
    state: S,
    guard: Guard<S, A>,
    payer: Option<PayerOf>,
    router: Router<S>,
    listed: Vec<Listed<A>>,
}

impl<S, A> std::fmt::Debug for Routes<S, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Routes({})", self.listed.len())
    }
}

impl<S, A> Routes<S, A>
where
    S: Clone + Send + Sync + 'static,
    A: Clone + Send + Sync + 'static,
{
    /// Creates an empty set of routes.
    pub fn new(state: S, guard: Guard<S, A>) -> Self {
        Self { state, guard, payer: None, router: Router::new(), listed: Vec::new() }
    }

    /// Charges callers for the memory of their requests to the routes that are added afterwards;
    /// without it, the addresses that these come from are charged.
    #[must_use]
    pub fn charge_callers(self, payer: PayerOf) -> Self {
        Self { payer: Some(payer), ..self }
    }

    /// Adds a GET route.
    #[must_use]
    pub fn get<H: HandlerFn<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: A,
        handler: H,
    ) -> Self {
        self.add(Method::GET, path, access, None, handler)
    }

    /// Adds a POST route.
    #[must_use]
    pub fn post<H: HandlerFn<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: A,
        handler: H,
    ) -> Self {
        self.add(Method::POST, path, access, None, handler)
    }

    /// Adds a PUT route.
    #[must_use]
    pub fn put<H: HandlerFn<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: A,
        handler: H,
    ) -> Self {
        self.add(Method::PUT, path, access, None, handler)
    }

    /// Adds a DELETE route.
    #[must_use]
    pub fn delete<H: HandlerFn<T, S>, T: 'static>(
        self,
        path: &'static str,
        access: A,
        handler: H,
    ) -> Self {
        self.add(Method::DELETE, path, access, None, handler)
    }

    /// Adds an operation of a documented API.
    #[must_use]
    pub fn operation<H: HandlerFn<T, S> + Described<T>, T: 'static>(
        self,
        method: Method,
        path: &'static str,
        access: A,
        about: About,
        handler: H,
    ) -> Self {
        let operation = Operation { about, is_extension: false, signature: H::signature };
        self.add(method, path, access, Some(operation), handler)
    }

    /// Adds an operation that this server adds to the documented API.
    #[must_use]
    pub fn extension<H: HandlerFn<T, S> + Described<T>, T: 'static>(
        self,
        method: Method,
        path: &'static str,
        access: A,
        about: About,
        handler: H,
    ) -> Self {
        let operation = Operation { about, is_extension: true, signature: H::signature };
        self.add(method, path, access, Some(operation), handler)
    }

    /// Adds another path of an operation with this id, which is not part of the documented API.
    #[must_use]
    pub fn second_name<H: HandlerFn<T, S>, T: 'static>(
        self,
        method: Method,
        path: &'static str,
        access: A,
        id: &'static str,
        handler: H,
    ) -> Self {
        let listed = Listed { method, path, access, operation: None };
        let about = About { tag: "", id, summary: "" };
        let filter = filter(&listed.method);
        self.insert(listed, Some(about), on(filter, Erased::of(handler)))
    }

    fn add<H: HandlerFn<T, S>, T: 'static>(
        self,
        method: Method,
        path: &'static str,
        access: A,
        operation: Option<Operation>,
        handler: H,
    ) -> Self {
        let filter = filter(&method);
        let listed = Listed { method, path, access, operation };
        let about = operation.map(|operation| operation.about);
        self.insert(listed, about, on(filter, Erased::of(handler)))
    }

    /// Not generic over the handler, so that the guard's layer is compiled once for each role and
    /// not for each route.
    fn insert(mut self, listed: Listed<A>, about: Option<About>, route: MethodRouter<S>) -> Self {
        let (method, path, access) = (listed.method.clone(), listed.path, listed.access.clone());
        self.listed.push(listed);
        let guard = self.guard;
        let check =
            move |State((state, access)): State<(S, A)>, mut request: Request, next: Next| {
                if let Some(about) = about {
                    request.extensions_mut().insert(about);
                }
                // The path of the route, not of the request: it contains no names or tokens.
                let span = tracing::debug_span!("request", %method, path);
                guard(state, access, request, next).instrument(span)
            };
        let route = match self.payer {
            Some(payer) => route.layer(from_fn(move |request: Request, next: Next| {
                RequestMemory::charge_caller(&request, payer);
                next.run(request)
            })),
            None => route,
        };
        let route = route.layer(from_fn_with_state((self.state.clone(), access), check));
        self.router = self.router.route(path, route);
        self
    }

    /// Returns the router and the list of its routes; any other request is an unknown path or a
    /// wrong method.
    pub fn finish(mut self) -> (Router, Vec<Listed<A>>) {
        self.router = self.router.fallback(super::failure::unknown_path);
        self.finish_without_fallback()
    }

    /// Same as [`Routes::finish`], for a router that is merged into another one.
    pub fn finish_without_fallback(self) -> (Router, Vec<Listed<A>>) {
        let router = self.router.method_not_allowed_fallback(super::failure::wrong_method);
        (router.with_state(self.state), self.listed)
    }
}

fn filter(method: &Method) -> MethodFilter {
    match *method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::DELETE => MethodFilter::DELETE,
        Method::HEAD => MethodFilter::HEAD,
        _ => MethodFilter::GET,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;
    use crate::log::in_memory::Lines;

    fn open((): (), (): (), request: Request, next: Next) -> BoxFuture<'static, Response> {
        Box::pin(next.run(request))
    }

    async fn log() {
        tracing::info!("inside");
    }

    #[tokio::test]
    async fn a_line_within_a_request_has_its_method_and_route() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(lines.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let (router, _) = Routes::new((), open).get("/apps/{appId}", (), log).finish();
        let request = Request::get("/apps/secret").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), 200);
        let text = lines.text();
        let span = r#"request{method=GET path="/apps/{appId}"}"#;
        assert!(text.contains(span) && text.contains("inside"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
