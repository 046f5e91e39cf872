//! Servers that are called in memory, without sockets and real time: a test can run hours of a
//! client in a moment of a paused clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::sleep;

use super::Server;
use super::node::{Node, TestOutcome, TestResponse};
use super::request::Request;
use crate::error::{Error, ErrorKind, Result};
use crate::transport::{HttpClient, HttpRequest, HttpResponse};

/// A network of in-memory servers, for
/// [`Client::with_http_client`](crate::Client::with_http_client).
///
/// ```
/// use castalia_core::testing::{Data, Network, Server};
/// use castalia_core::{Client, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let server = Server::in_memory("http://s1", Data::new());
/// server.publish("demo", "application", &[("timeout", "200")]);
/// let network = Network::new();
/// network.connect(&server);
///
/// let settings = Settings::new()
///     .set("app.id", "demo")
///     .set("apollo.meta", "http://s1")
///     .set("apollo.cache.file.enable", "false");
/// let client = Client::with_http_client(settings, network)?;
/// assert_eq!(client.config("application").await?.get_or("timeout", 0), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Network {
    nodes: Arc<Mutex<HashMap<String, Arc<Node>>>>,
}

impl Network {
    /// No servers: every connection is refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a server reachable at its address.
    pub fn connect(&self, server: &Server) {
        let node = server.node.clone();
        self.lock().insert(authority(node.url()), node);
    }

    /// Refuses new connections to a server from now on; open requests continue.
    pub fn disconnect(&self, server: &Server) {
        self.lock().remove(&authority(server.url()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for Network {
    fn get(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse>> {
        let node = self.lock().get(&authority(request.url.as_str())).cloned();
        Box::pin(async move {
            let node = node.ok_or_else(|| broken("connection refused"))?;
            match node.handle(received(&request)).await {
                TestOutcome::Response(answer) => Ok(response(answer)),
                TestOutcome::Reset => Err(broken("connection reset")),
            }
        })
    }
}

fn received(request: &HttpRequest) -> Request {
    let path = request.url.path();
    let path_and_query = match request.url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    Request::new(path_and_query, headers.collect())
}

fn response(answer: TestResponse) -> HttpResponse {
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        let name = HeaderName::try_from(name.as_str());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value.as_str())) {
            headers.insert(name, value);
        }
    }
    HttpResponse { status: answer.status, headers, body: body(answer) }
}

fn body(answer: TestResponse) -> BoxStream<'static, Result<Vec<u8>>> {
    let TestResponse { mut body, cut_at, dribble, .. } = answer;
    body.truncate(cut_at.unwrap_or(body.len()));
    let end = cut_at.map(|_| Err(broken("connection closed within the body")));
    match dribble {
        None => stream::iter([Ok(body)]).chain(stream::iter(end)).boxed(),
        Some(time) => stream::iter(body)
            .then(move |byte| async move {
                sleep(time).await;
                Ok(vec![byte])
            })
            .boxed(),
    }
}

/// Scheme, host and port of an address.
fn authority(url: &str) -> String {
    reqwest::Url::parse(url)
        .map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

fn broken(message: &str) -> Error {
    Error::new(ErrorKind::Transport, "in-memory http", message)
}
