//! What the transport expects of an HTTP client: one GET, whose response arrives in pieces.

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::Url;
use reqwest::header::HeaderMap;

use super::Connecting;
use crate::error::Result;

/// Sends one GET. The default is [`ReqwestClient`](super::ReqwestClient); tests and special
/// networks may use their own.
///
/// ```
/// use castalia_core::Result;
/// use castalia_core::transport::{HttpClient, HttpRequest, HttpResponse, ReqwestClient};
/// use futures_util::future::BoxFuture;
///
/// /// Adds a header that a gateway requires.
/// struct ThroughGateway(ReqwestClient);
///
/// impl HttpClient for ThroughGateway {
///     fn get(&self, mut request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse>> {
///         request.headers.push(("x-gateway", "blue".to_owned()));
///         self.0.get(request)
///     }
/// }
/// ```
pub trait HttpClient: Send + Sync + 'static {
    /// Sends the request and returns when the head of the response has arrived. Dropping the future
    /// cancels the request.
    fn get(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse>>;
}

/// A request of an [`HttpClient`].
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Address, percent-encoded exactly as it was signed.
    pub url: Url,
    /// Headers beside those that every HTTP client adds.
    pub headers: Vec<(&'static str, String)>,
    /// Where a client with limits of its own for connecting reports that it is doing so. To all
    /// others, the read timeout applies from the start of the request.
    pub connecting: Connecting,
}

/// The head of a response, and its decoded body in pieces.
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Decoded body.
    pub body: BoxStream<'static, Result<Vec<u8>>>,
}
