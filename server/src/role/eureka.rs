//! Eureka on the config port. One parser reads every path below `/eureka`, after the caller is
//! authenticated: no spelling of a path is answered without credentials, and none reveals whether
//! an app or an instance exists.

mod access;
mod batch;
mod bodies;
mod body;
mod call;
mod counters;
mod credentials;
mod path;
mod turns;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use castalia_eureka::{Origin, json, removed_overrides, xml};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ipnet::IpNet;
use serde::Serialize;

use self::access::Access;
use self::bodies::Bodies;
use self::path::RegistryPath;
use crate::http::client_address::client_address;
use crate::http::route::Listed;
use crate::registry::{BATCH_HEADER, Eureka, Form, NODE_HEADER};
use crate::role::ClientAccess;
use crate::settings::Settings;
use castalia_eureka::Style;

/// Header of a change that a peer received from a client.
const REPLICATION: HeaderName = HeaderName::from_static("x-netflix-discovery-replication");
/// Header by which a node recognises its own requests.
const NODE: HeaderName = HeaderName::from_static(NODE_HEADER);
/// Header with the number of a batch, by which one that its sender has given up is recognised.
const BATCH: HeaderName = HeaderName::from_static(BATCH_HEADER);
/// Header that selects how much of an instance is written.
const STYLE: HeaderName = HeaderName::from_static("x-eureka-accept");

/// The answer of a node whose list is not complete yet.
const STARTING: &str = "this node is starting";

const MIB: usize = 1024 * 1024;
/// Maximum body of a registration, in bytes.
const REGISTRATION: usize = 64 * 1024;
/// Why a text is not sent.
const SLOW_READERS: &str = "too many clients receive their answers slowly";

/// The registry, and who may call it.
#[derive(Debug)]
pub(super) struct EurekaPort {
    eureka: Eureka,
    access: Arc<Access>,
    registrations: Bodies,
    batches: Bodies,
    trusted_proxies: Vec<IpNet>,
}

/// Whether a path is answered here.
pub(super) fn is_path(path: &str) -> bool {
    path.strip_prefix("/eureka").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The paths, for callers that enumerate all routes.
pub(super) fn listed() -> impl Iterator<Item = Listed<ClientAccess>> {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    methods.into_iter().map(|method| Listed {
        method,
        path: "/eureka/{*rest}",
        access: ClientAccess::Eureka,
        operation: None,
    })
}

/// What a handler needs of a request.
struct EurekaRequest {
    method: Method,
    headers: HeaderMap,
    query: String,
    peer: Option<IpAddr>,
}

impl EurekaRequest {
    fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn origin(&self) -> Origin {
        if self.header(&REPLICATION) == "true" { Origin::Peer } else { Origin::Client }
    }

    fn is_json(&self) -> bool {
        self.header(&ACCEPT).contains("json")
    }

    fn style(&self) -> Style {
        if self.header(&STYLE).eq_ignore_ascii_case("compact") {
            Style::Compact
        } else {
            Style::Full
        }
    }

    /// The first value of a parameter.
    fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl EurekaPort {
    pub(super) fn new(eureka: Eureka, settings: &Settings) -> Self {
        let trusted_proxies = settings.trusted_proxies.clone();
        Self {
            eureka,
            access: Arc::new(Access::new(settings)),
            registrations: Bodies::new(REGISTRATION, 16 * MIB, 32 * MIB),
            batches: Bodies::new(8 * MIB, 32 * MIB, 64 * MIB),
            trusted_proxies,
        }
    }

    /// Whether a server in the settings sends this.
    fn is_peer(&self, call: &EurekaRequest) -> bool {
        call.peer.is_some_and(|address| self.eureka.is_peer(address))
    }

    pub(super) async fn answer(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let peer = head.extensions.get::<ConnectInfo<std::net::SocketAddr>>();
        let call = EurekaRequest {
            method: head.method,
            peer: peer.map(|peer| client_address(Some(peer), &head.headers, &self.trusted_proxies)),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
        };
        let own = || self.eureka.own_credentials();
        if let Err(refusal) = self.access.check(&call.headers, call.peer, own).await {
            return refusal.into_response();
        }
        let Some(resource) = RegistryPath::parse(head.uri.path()) else {
            return empty(StatusCode::NOT_FOUND);
        };
        // Only browsers send it, for whatever page a user opens, also without credentials or with
        // those that they remember.
        if call.method != Method::GET && call.headers.contains_key(ORIGIN) {
            return failure(StatusCode::FORBIDDEN, "pages in a browser may not change Eureka");
        }
        let allowed = resource.methods();
        if !allowed.contains(&call.method) {
            let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
            let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
            if let Ok(names) = HeaderValue::from_str(&names.join(", ")) {
                response.headers_mut().insert(ALLOW, names);
            }
            return response;
        }
        match resource {
            RegistryPath::Batch => self.batch(&call, body).await,
            RegistryPath::App(app) if call.method == Method::POST => {
                self.register(&call, &app, body).await
            }
            RegistryPath::Apps => self.list(&call, false).await,
            RegistryPath::Delta => self.list(&call, true).await,
            resource if call.method == Method::GET => {
                let mut response = self.read(&call, &resource).await;
                if call.headers.contains_key(NODE) {
                    self.identify(&mut response);
                }
                response
            }
            resource => {
                body::discard(body).await;
                self.change(&call, resource)
            }
        }
    }

    /// All apps, or those that changed. A node that has just started does not show its incomplete
    /// list to clients; to a peer that starts as well, it does.
    async fn list(&self, call: &EurekaRequest, is_delta: bool) -> Response {
        let (is_copying, is_node) = (self.eureka.is_copying(), call.headers.contains_key(NODE));
        if is_copying && !is_node {
            return unavailable(STARTING);
        }
        let is_gzip = call.header(&ACCEPT_ENCODING).contains("gzip");
        let form = Form { is_delta, is_json: call.is_json(), style: call.style(), is_gzip };
        let Some(text) = self.eureka.list(form).await else {
            return unavailable(SLOW_READERS);
        };
        let mut response = document(call, text);
        if is_gzip {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if is_node && self.eureka.is_incomplete() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if is_node {
            self.identify(&mut response);
        }
        response
    }

    /// Lets a node recognise an answer of its own.
    fn identify(&self, response: &mut Response) {
        if let Ok(id) = HeaderValue::from_str(self.eureka.node_id()) {
            response.headers_mut().insert(NODE, id);
        }
    }

    /// A part of the registry. While the node starts, the lists by which clients and readers find
    /// services are hidden.
    async fn read(&self, call: &EurekaRequest, resource: &RegistryPath) -> Response {
        let finds = match resource {
            RegistryPath::App(_) => call.headers.contains_key(NODE),
            RegistryPath::Vip { .. } => true,
            _ => false,
        };
        if finds && self.eureka.is_copying() {
            return unavailable(STARTING);
        }
        let (is_json, style) = (call.is_json(), call.style());
        let lease = match resource {
            RegistryPath::App(app) => {
                let (app, leases) = (app.clone(), self.eureka.app(app));
                if leases.is_empty() {
                    return empty(StatusCode::NOT_FOUND);
                }
                let write = if is_json { json::application } else { xml::application };
                return self.rendered(call, move || write(&app, &leases, style)).await;
            }
            RegistryPath::Vip { address, is_secure } => {
                let listing = self.eureka.with_address(address, *is_secure);
                let write = if is_json { json::applications } else { xml::applications };
                return self.rendered(call, move || write(&listing, style)).await;
            }
            RegistryPath::RemovedOverrides => {
                let removed = self.eureka.removed_overrides();
                let text = self.eureka.rendered(move || removed_overrides::write(&removed)).await;
                let typed = |text| ([(CONTENT_TYPE, "application/x-ndjson")], text).into_response();
                return text.map_or_else(|| unavailable(SLOW_READERS), typed);
            }
            RegistryPath::Instance(app, id) => self.eureka.get(app, id),
            RegistryPath::ById(id) => self.eureka.find(id),
            _ => None,
        };
        let Some(lease) = lease else { return empty(StatusCode::NOT_FOUND) };
        let write = if is_json { json::instance } else { xml::instance };
        self.rendered(call, move || write(&lease)).await
    }

    async fn rendered(
        &self,
        call: &EurekaRequest,
        render: impl FnOnce() -> Vec<u8> + Send + 'static,
    ) -> Response {
        match self.eureka.rendered(render).await {
            Some(text) => document(call, text),
            None => unavailable(SLOW_READERS),
        }
    }
}

fn document(call: &EurekaRequest, body: impl Into<Bytes>) -> Response {
    let media_type = if call.is_json() { "application/json" } else { "application/xml" };
    ([(CONTENT_TYPE, media_type)], body.into()).into_response()
}

/// An answer without a body: Java's clients try to read an instance from any other one.
fn empty(status: StatusCode) -> Response {
    status.into_response()
}

/// Why a request is not answered, with one more header.
struct RefusedRequest {
    status: StatusCode,
    text: String,
    header: Option<(HeaderName, &'static str)>,
}

impl RefusedRequest {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), header: None }
    }

    fn with(self, name: HeaderName, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    fn into_response(self) -> Response {
        let mut response = failure(self.status, &self.text);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// An answer to a request that may be repeated soon.
fn unavailable(text: &str) -> Response {
    let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// An error with its text, for answers whose body clients do not read as an instance.
fn failure(status: StatusCode, text: &str) -> Response {
    #[derive(Serialize)]
    struct FailureBody<'a> {
        error: &'a str,
    }
    let body = serde_json::to_vec(&FailureBody { error: text }).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
