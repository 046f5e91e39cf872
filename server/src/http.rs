//! The accept loop: one HTTP/1.1 listener for each port, with limits on the cost of a head, a body
//! and a silent client, and an orderly shutdown.
//!
//! It knows services, not roles. A client connection starts in `front.rs`, which answers the simple
//! requests of thousands of clients at little cost. All other requests go to hyper, which is driven
//! directly because `axum::serve` needs half as much memory again for each parked poll.

pub mod about;
pub mod admission;
mod byte_budget;
pub mod capacity;
pub(crate) mod client_address;
mod client_answer;
pub mod failure;
mod front;
pub mod health;
pub mod large_head;
pub mod limit;
pub(crate) mod logged_path;
pub mod memory;
pub mod metrics;
pub mod operation;
pub mod request;
pub mod request_memory;
pub mod revision;
pub mod route;
pub mod search;
pub mod span;
mod stream;
mod upload;

use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use ::http::HeaderValue;
use ::http::header::{CONNECTION, DATE};
use ::http::uri::{PathAndQuery, Uri};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::Either;
use httpdate::HttpDate;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::Service;

use self::admission::{Admission, Admitted};
use self::large_head::Head;
use self::logged_path::logged_path;
use self::memory::FromMemory;
use self::request_memory::RequestMemory;
use self::stream::Stream;
use self::upload::{Progress, Upload};
use crate::background::Background;
use crate::log_rate::{LogRate, shortened};

/// Time for a client to send its head; the connection is closed afterwards.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum head that hyper may buffer: the largest that any route accepts, with some margin for the
/// request line.
const MAX_HEAD: usize = limit::POLL_HEAD + 8 * 1024;
/// Maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 4096;
/// Pause of the accept loop while the process has no free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Answer to a connection that exceeds the capacity.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Opens a listening socket.
///
/// # Errors
/// Fails if the address is in use or does not belong to this machine.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if address.ip().is_unspecified() && address.is_ipv6() {
        // All addresses, of both versions, whatever the default of the system is.
        SockRef::from(&socket).set_only_v6(false)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The service on a port, and how its requests are treated.
#[derive(Clone)]
pub struct Port<S> {
    /// Receives every request below the base path.
    pub service: S,
    /// Prefix of every path; empty, or with a leading and without a trailing slash.
    pub base_path: Arc<str>,
    /// Whether errors have Apollo's status numbers.
    pub strict_status: bool,
    /// If set, simple requests are answered without hyper, and those that this can answer without
    /// the service. Intended for ports with many clients and answers that fit into memory.
    pub front: Option<Arc<dyn FromMemory>>,
}

impl<S> Port<S> {
    /// A service at the root path, with Castalia's own status numbers.
    pub fn plain(service: S) -> Self {
        Self { service, base_path: "".into(), strict_status: false, front: None }
    }
}

impl<S> std::fmt::Debug for Port<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Port({:?})", self.base_path)
    }
}

/// A service that converts its errors to responses itself.
pub trait PortService:
    Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> PortService for S where
    S: Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Accepts the connections that `admission` admits until the shutdown. The owner of `connections`
/// then waits for those that are still open.
pub async fn serve<S: PortService>(
    listener: TcpListener,
    port: Port<S>,
    connections: Background,
    admission: Admission,
) {
    static FAILED: LogRate = LogRate::new();
    let mut spare = Spare::open();
    loop {
        let accepted = tokio::select! {
            () = connections.shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(admitted) = admission.admit(peer.ip(), connections.tracker.len()) else {
                    refuse(&stream);
                    continue;
                };
                let shutdown = connections.shutdown.clone();
                let stream = Stream::new(stream, admission.head(peer.ip()));
                let connection = connection(stream, peer, port.clone(), shutdown, admitted);
                connections.tracker.spawn(connection);
            }
            Err(error) => {
                if let Some(suppressed) = FAILED.admit() {
                    tracing::warn!(%error, suppressed, "cannot accept a connection; if too many files are open, raise the limit on open files");
                }
                if !spare.answer(&listener) {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A spare file descriptor. If the process has no other left, closing it makes it possible to
/// accept a connection and to refuse it with an answer, instead of leaving the client without one.
struct Spare(Option<std::fs::File>);

impl Spare {
    fn open() -> Self {
        Self(std::fs::File::open("/dev/null").ok())
    }

    /// Returns whether a connection was accepted and refused.
    fn answer(&mut self, listener: &TcpListener) -> bool {
        if self.0.take().is_none() {
            *self = Self::open();
            return false;
        }
        let accepted = listener.accept().now_or_never();
        let is_answered =
            accepted.is_some_and(|accepted| accepted.inspect(|(stream, _)| refuse(stream)).is_ok());
        *self = Self::open();
        is_answered
    }
}

fn refuse(stream: &TcpStream) {
    ::metrics::counter!("castalia_refused_connections_total").increment(1);
    // The send buffer of a new socket has space for this. A client that does not receive it sees a
    // closed connection.
    let _ = stream.try_write(FULL);
}

async fn connection<S: PortService>(
    mut stream: Stream,
    peer: SocketAddr,
    port: Port<S>,
    shutdown: CancellationToken,
    _admitted: Admitted,
) {
    let head_by = if let Some(memory) = &port.front {
        match front::serve(&mut stream, peer, &port, &**memory, &shutdown).await {
            front::Ended::Closed => return,
            front::Ended::Beyond { head_by } => head_by,
        }
    } else {
        Instant::now() + HEADER_READ_TIMEOUT
    };
    // Boxed, so that a connection in the front does not keep the memory that hyper's future needs.
    Box::pin(through_hyper(stream, peer, port, shutdown, head_by)).await;
}

/// `head_by` is the deadline of the first head, whose time may have begun before hyper read any of
/// it.
async fn through_hyper<S: PortService>(
    stream: Stream,
    peer: SocketAddr,
    port: Port<S>,
    shutdown: CancellationToken,
    head_by: Instant,
) {
    let arriving = stream.head();
    let has_head = &AtomicBool::new(false);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (head, incoming) = request.into_parts();
        let (body, progress) = body(incoming);
        has_head.store(true, Ordering::Release);
        arriving.complete(progress.is_some());
        let mut request = Request::from_parts(head, body);
        request.extensions_mut().insert(ConnectInfo(peer));
        // Bodies and answers of a port of clients have limits of their own.
        if port.front.is_none() {
            request = RequestMemory::count(request, peer.ip());
        }
        let answer = answer(port.clone(), request);
        match progress {
            None => Either::Left(answer),
            Some(progress) => {
                let arriving = Arc::clone(&arriving);
                Either::Right(Box::pin(closing_unless_read(progress, arriving, answer)))
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            // A request that is being answered is still finished.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = late(head_by, has_head) => return,
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}

/// Completes if no head has arrived by the deadline.
async fn late(head_by: Instant, has_head: &AtomicBool) {
    sleep_until(head_by).await;
    if has_head.load(Ordering::Acquire) {
        pending().await
    }
}

/// The future keeps nothing of the request, because it is as large for a parked poll as for any
/// other request.
fn answer<S: PortService>(
    mut port: Port<S>,
    mut request: Request<Body>,
) -> impl Future<Output = Result<Response, Infallible>> + Send {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let memory = request.extensions().get::<RequestMemory>().cloned();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let address = peer.map(|ConnectInfo(peer)| peer.ip());
    let is_elsewhere = match below(&port.base_path, request.uri()) {
        Below::Same => false,
        Below::Rest(uri) => {
            *request.uri_mut() = uri;
            false
        }
        Below::Elsewhere => true,
    };
    let answer = match limit::check(request.method(), request.uri(), request.headers()) {
        Err(status) => Either::Right(Either::Left(ready(Ok(status.into_response())))),
        Ok(()) if is_elsewhere => {
            let unknown = failure::unknown_path(request).map(|error| Ok(error.into_response()));
            Either::Right(Either::Right(unknown))
        }
        Ok(()) => Either::Left(port.service.call(request)),
    };
    let answer = answer.map(|answered| answered.unwrap_or_else(|never: Infallible| match never {}));
    let strict = port.strict_status;
    async move {
        let response = failure::complete(strict, &method, &path, answer).await;
        let counted = match memory {
            // The body of the request is counted until here, whatever the handler did with it.
            Some(memory) => memory.send(response),
            None => client_answer::counted_response(response, address),
        };
        let mut response = counted
            .unwrap_or_else(|error| failure::finish(strict, &method, &path, error.into_response()));
        if let Ok(date) = HeaderValue::try_from(date(SystemTime::now()).to_string()) {
            response.headers_mut().insert(DATE, date);
        }
        let status = response.status().as_u16();
        tracing::trace!(%method, path = shortened(&logged_path(&path)), status, "request answered");
        Ok(response)
    }
}

/// The header `Date`. The format has no time before 1970, which hyper treats as impossible.
fn date(now: SystemTime) -> HttpDate {
    HttpDate::from(now.max(SystemTime::UNIX_EPOCH))
}

/// A URL relative to the base path.
enum Below {
    Same,
    Rest(Uri),
    Elsewhere,
}

fn below(base_path: &str, uri: &Uri) -> Below {
    if base_path.is_empty() {
        return Below::Same;
    }
    let line = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let rest = match line.strip_prefix(base_path) {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        Some(rest) if rest.is_empty() || rest.starts_with('?') => format!("/{rest}"),
        _ => return Below::Elsewhere,
    };
    rest.parse().map_or(Below::Elsewhere, Below::Rest)
}

/// Returns the body and, unless the request has none, the progress of reading it.
fn body(incoming: Incoming) -> (Body, Option<Progress>) {
    if incoming.is_end_stream() {
        return (Body::empty(), None);
    }
    let (upload, progress) = Upload::new(incoming);
    (Body::new(upload), Some(progress))
}

/// If a request was answered before all of it was read, the connection ends after the answer,
/// because the following bytes are not the start of a request. The header announces that to the
/// client, which would otherwise send its next request into a closed connection.
async fn closing_unless_read(
    progress: Progress,
    arriving: Arc<Head>,
    answer: impl Future<Output = Result<Response, Infallible>>,
) -> Result<Response, Infallible> {
    let mut response = answer.await?;
    // Either the body was read completely, or the connection ends.
    arriving.complete(false);
    if !progress.is_complete() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
