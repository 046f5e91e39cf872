//! A signed GET with limits on time and size. Repeats a request only for redirects within the same
//! origin and signatures that were rejected because this machine's clock is wrong, or because they
//! had become old while a connection was made.

mod client;
mod connecting;
mod connector;
mod failure;
mod http;
mod meter;
mod names;
mod plan;
mod retry_after;
mod status;
mod trust;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
pub use reqwest::Url;
use reqwest::header::{CACHE_CONTROL, DATE, HeaderMap, LOCATION};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::route::POLL_LINE_HEADER;
use crate::protocol::signature::AccessKey;

pub use client::{HttpClient, HttpRequest, HttpResponse};
pub use connecting::{Connecting, ConnectingGuard};
pub use failure::Failure;
pub use http::{HttpOptions, IDLE_TIMEOUT, ReqwestClient};
pub use meter::HttpMetrics;
use meter::Meter;
use retry_after::retry_after;
pub use trust::tls_config;

const OPERATION: &str = "http get";
/// A response that trickles in never exceeds the limit on silence, so the whole response may take
/// this many times that limit.
const TOTAL_FACTOR: u32 = 4;
// A gateway needs one or two; a loop of redirects must end.
const MAX_REDIRECTS: usize = 3;
/// Half of the server's tolerance of 60 s. If its clock and the age of a signature add up to less,
/// they cannot be the reason for a rejected signature.
const MIN_SUSPECT_SKEW: Duration = Duration::from_secs(30);

/// A request to a service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceRequest<'a> {
    /// Base address of the service. A path in it is kept.
    pub service: &'a str,
    /// Encoded path and query, beginning with `/`.
    pub path_and_query: &'a str,
    /// App id, for error messages.
    pub app_id: &'a str,
    /// Signs the request, unless `None`.
    pub access_key: Option<&'a AccessKey>,
    /// Longest silence between the end of connecting and the head of the response, and between
    /// pieces of its body.
    pub read_timeout: Duration,
}

/// A successful response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceResponse {
    /// 200 with its body.
    Body(Vec<u8>),
    /// 304.
    NotModified,
}

/// Sends requests over one connection pool; cheap to clone.
///
/// ```
/// use std::sync::Arc;
/// use castalia_core::testing::{Data, Network, Server};
/// use castalia_core::transport::{ServiceRequest, ServiceResponse, Transport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let server = Server::in_memory("http://s1", Data::new());
/// server.publish("demo", "application", &[("timeout", "200")]);
/// let network = Network::new();
/// network.connect(&server);
///
/// let transport = Transport::new(Arc::new(network), 1024 * 1024);
/// let request = ServiceRequest {
///     service: "http://s1",
///     path_and_query: "/configs/demo/default/application",
///     app_id: "demo",
///     access_key: None,
///     read_timeout: std::time::Duration::from_secs(5),
/// };
/// let response = transport.get(request).await?;
/// assert!(matches!(response, ServiceResponse::Body(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Transport {
    inner: Arc<TransportInner>,
}

struct TransportInner {
    http: Arc<dyn HttpClient>,
    body_limit: usize,
    /// Milliseconds added to this machine's clock when signing; set after a signature was rejected
    /// because of the clock.
    clock_correction: AtomicI64,
    /// Milliseconds by which the servers' clock is ahead, from the last response with a date.
    clock_skew: AtomicI64,
    /// Maximum bytes of path and query in a poll, as announced by servers; 0 if none did.
    poll_line: AtomicUsize,
    meter: Meter,
}

impl Transport {
    /// Sends through `http` and accepts decoded bodies of at most `body_limit` bytes.
    #[must_use]
    pub fn new(http: Arc<dyn HttpClient>, body_limit: usize) -> Self {
        let inner = Arc::new(TransportInner {
            http,
            body_limit,
            clock_correction: AtomicI64::new(0),
            clock_skew: AtomicI64::new(0),
            poll_line: AtomicUsize::new(0),
            meter: Meter::default(),
        });
        Self { inner }
    }

    /// Milliseconds by which the servers' clock is ahead of this machine's, from the last response
    /// with a date.
    #[must_use]
    pub fn clock_skew_ms(&self) -> i64 {
        self.inner.clock_skew.load(Ordering::Relaxed)
    }

    /// Maximum bytes of path and query that servers accept in a poll; `None` if no response has
    /// announced it.
    #[must_use]
    pub fn poll_line(&self) -> Option<usize> {
        Some(self.inner.poll_line.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// Number and duration of requests, by endpoint and status.
    #[must_use]
    pub fn metrics(&self) -> Vec<HttpMetrics> {
        self.inner.meter.read()
    }

    /// Sends one request. It is signed before its host is looked up and connected to, and once more
    /// if it is refused and this took long.
    ///
    /// # Errors
    /// 404 is [`ErrorKind::NotFound`], 401 [`ErrorKind::Unauthorized`], 400 and 405
    /// [`ErrorKind::BadRequest`]. Any other status except 200 and 304, and every network failure,
    /// is [`ErrorKind::Transport`].
    pub async fn get(&self, request: ServiceRequest<'_>) -> Result<ServiceResponse, Failure> {
        let start = Instant::now();
        let answer = self.get_once(request).await;
        match answer {
            Err(failure) if self.is_clock_error(request, &failure, start.elapsed()) => {
                // Repeated once with the server's clock, over the connection that there is now. The
                // correction is kept for later requests.
                if self.uncorrected_skew() > MIN_SUSPECT_SKEW {
                    self.inner.clock_correction.store(self.clock_skew_ms(), Ordering::Relaxed);
                }
                self.get_once(request).await
            }
            answer => answer,
        }
    }

    async fn get_once(&self, request: ServiceRequest<'_>) -> Result<ServiceResponse, Failure> {
        let start = Instant::now();
        let answer = self.follow_redirects(request).await;
        let status = match &answer {
            Ok(ServiceResponse::Body(_)) => 200,
            Ok(ServiceResponse::NotModified) => 304,
            Err(failure) => failure.status.unwrap_or(0),
        };
        self.inner.meter.record(request.path_and_query, status, start.elapsed());
        answer.map_err(|failure| failure.with_context(request))
    }

    async fn follow_redirects(
        &self,
        request: ServiceRequest<'_>,
    ) -> Result<ServiceResponse, Failure> {
        let mut url = address(request).map_err(Failure::new)?;
        for _ in 0..=MAX_REDIRECTS {
            // Each redirect is a new request, and is signed again for its own path.
            let (response, since) = self.send(request, url.clone()).await?;
            self.record_clock_skew(&response.headers);
            self.record_poll_line(&response.headers);
            if let Some(target) = redirect_target(&url, &response) {
                url = target.map_err(Failure::new)?;
                continue;
            }
            let finished = self.finish(request, response, since).await;
            return finished.map_err(|failure| failure.connected_since(since));
        }
        let error = Error::new(ErrorKind::Transport, OPERATION, "too many redirects");
        Err(Failure::new(error))
    }

    /// Returns the head of the response, and since when the request has had a connection.
    async fn send(
        &self,
        request: ServiceRequest<'_>,
        url: Url,
    ) -> Result<(HttpResponse, Instant), Failure> {
        // A cache in between must not answer a poll or hide a new release.
        let mut headers = vec![(CACHE_CONTROL.as_str(), "no-cache".to_owned())];
        if let Some(key) = request.access_key {
            headers.extend(self.sign(key, &url));
        }
        let connecting = Connecting::default();
        let mut guards = connecting.subscribe();
        let mut sent =
            self.inner.http.get(HttpRequest { url, headers, connecting: connecting.clone() });
        let mut since = Instant::now();
        loop {
            let is_connecting = *guards.borrow_and_update() > 0;
            let response = tokio::select! {
                // A response that arrives at the limit is not late.
                biased;
                response = &mut sent => response,
                // Cannot fail: `connecting` has a sender.
                _ = guards.changed() => {
                    since = Instant::now();
                    continue;
                }
                () = sleep_until(since + request.read_timeout), if !is_connecting => {
                    return Err(Failure::timed_out(request.read_timeout).connected_since(since));
                }
            };
            // What ends right after it had connected is polled together with that.
            if guards.has_changed().is_ok_and(|has_changed| has_changed) {
                since = Instant::now();
            }
            return match response {
                Ok(response) => Ok((response, since)),
                Err(error) => Err(Failure::new(error).connected_since(since)),
            };
        }
    }

    fn sign(&self, key: &AccessKey, url: &Url) -> [(&'static str, String); 2] {
        let correction = self.inner.clock_correction.load(Ordering::Relaxed);
        let signed = match url.query() {
            Some(query) if !query.is_empty() => format!("{}?{query}", url.path()),
            // Servers sign without `?` if the query is empty.
            _ => url.path().to_owned(),
        };
        key.headers(now_ms() + correction, &signed)
    }

    async fn finish(
        &self,
        request: ServiceRequest<'_>,
        response: HttpResponse,
        since: Instant,
    ) -> Result<ServiceResponse, Failure> {
        let deadline = since + request.read_timeout * TOTAL_FACTOR;
        let servers_now = now_ms() + self.clock_skew_ms();
        let retry_after = retry_after(&response.headers, servers_now);
        let status = response.status;
        if status == 304 {
            return Ok(ServiceResponse::NotModified);
        }
        let body = self.read_body(response.body, request.read_timeout, deadline);
        match (status, body.await) {
            (200, Ok(body)) => Ok(ServiceResponse::Body(body)),
            (200, Err(failure)) => Err(failure),
            // A body that fails to arrive does not hide the status.
            (_, body) => Err(Failure {
                error: self.refusal(request, status, &body.unwrap_or_default()),
                status: Some(status),
                retry_after,
                is_silence: false,
                connected_for: Duration::ZERO,
            }),
        }
    }

    async fn read_body(
        &self,
        mut chunks: BoxStream<'static, Result<Vec<u8>>>,
        read_timeout: Duration,
        deadline: Instant,
    ) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let until = deadline.min(Instant::now() + read_timeout);
            match timeout_at(until, chunks.try_next()).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => return Ok(body),
                Ok(Err(error)) => return Err(Failure::new(error)),
                Err(_) => return Err(Failure::timed_out(read_timeout)),
            }
            // Checked after decompression: a small response may expand to any size.
            if body.len() > self.inner.body_limit {
                let limit = self.inner.body_limit;
                let text = format!("the response body exceeds the limit of {limit} bytes");
                let error = Error::new(ErrorKind::Transport, OPERATION, text);
                return Err(Failure::new(error));
            }
        }
    }

    fn refusal(&self, request: ServiceRequest<'_>, status: u16, body: &[u8]) -> Error {
        let error = match status {
            401 => status::unauthorized(request.access_key.is_some(), self.clock_skew_ms()),
            _ => status::refusal(status, body),
        };
        error.with("app_id", request.app_id)
    }

    /// Whether a signature of at most this age may have been refused because of its time.
    fn is_clock_error(
        &self,
        request: ServiceRequest<'_>,
        failure: &Failure,
        age: Duration,
    ) -> bool {
        failure.status == Some(401)
            && request.access_key.is_some()
            && age.saturating_add(self.uncorrected_skew()) > MIN_SUSPECT_SKEW
    }

    /// By how much signatures deviate from the server's clock.
    fn uncorrected_skew(&self) -> Duration {
        let correction = self.inner.clock_correction.load(Ordering::Relaxed);
        Duration::from_millis((self.clock_skew_ms() - correction).unsigned_abs())
    }

    fn record_poll_line(&self, headers: &HeaderMap) {
        let said =
            headers.get(POLL_LINE_HEADER).and_then(|bytes| bytes.to_str().ok()?.parse().ok());
        if let Some(bytes) = said {
            self.inner.poll_line.store(bytes, Ordering::Relaxed);
        }
    }

    fn record_clock_skew(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
        if let Some(date) = date {
            let skew = date.timestamp_millis() - now_ms();
            // The header has whole seconds, so a smaller difference has no meaning.
            let skew = if skew.abs() < 1000 { 0 } else { skew };
            self.inner.clock_skew.store(skew, Ordering::Relaxed);
        }
    }
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

fn address(request: ServiceRequest<'_>) -> Result<Url> {
    let text = format!("{}{}", request.service.trim_end_matches('/'), request.path_and_query);
    Url::parse(&text).map_err(|error| {
        Error::new(ErrorKind::InvalidArgument, OPERATION, "invalid address")
            .with("service_url", request.service)
            .caused_by(error)
    })
}

/// The address to request instead, if the response is a redirect. Only the same origin is followed:
/// a signature must not be sent to another server.
fn redirect_target(url: &Url, response: &HttpResponse) -> Option<Result<Url>> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.get(LOCATION)?.to_str().ok()?;
    let target = url.join(location).ok()?;
    if target.origin() == url.origin() {
        return Some(Ok(target));
    }
    let host = target.host_str().unwrap_or_default().to_owned();
    let error = Error::new(
        ErrorKind::Transport,
        OPERATION,
        "redirected to another origin, which is not followed; correct the address in the settings",
    );
    Some(Err(error.with("redirect_host", host)))
}
