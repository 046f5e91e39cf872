//! The front of a connection: reads a head into a buffer that the connections of a thread share,
//! and answers with one write. hyper keeps two buffers of 8 KiB for each connection while it is
//! open, and touching those of thousands of clients that are woken at once costs more than their
//! answers.
//!
//! The front accepts only unambiguous input: the whole head of a GET without a body, in one piece.
//! Any other input goes to hyper, with the bytes read so far, and so does the rest of that
//! connection. Requests that need only memory are answered while their head is still in the shared
//! buffer; for all others, the front calls the same service as hyper. Tests compare the answers
//! byte for byte.

mod idle;
mod write;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::idle::Idle;
use self::write::{IsLast, send};
use super::client_answer;
use super::logged_path::logged_path;
use super::memory::{Begun, ClientHead, FromMemory, FrontAnswer, HeadFields};
use super::stream::Stream;
use super::{HEADER_READ_TIMEOUT, Port, PortService, answer, failure, limit};
use crate::log_rate::shortened;

/// Maximum number of headers of a simple request; known clients send fewer than ten.
const HEADERS: usize = 32;

thread_local! {
    /// Contains a head while it is parsed, and nothing between two calls.
    static BUFFER: RefCell<[u8; limit::HEAD]> = const { RefCell::new([0; limit::HEAD]) };
}

/// Why the front has no more work for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The connection is closed.
    Closed,
    /// The client sent input for hyper, which can read it again. The whole head has to arrive by
    /// the deadline.
    Beyond { head_by: Instant },
}

/// Answers simple requests until the client sends any other input.
pub(super) async fn serve<S: PortService>(
    stream: &mut Stream,
    peer: SocketAddr,
    port: &Port<S>,
    memory: &dyn FromMemory,
    shutdown: &CancellationToken,
) -> Ended {
    let (ending, timer) = (pin!(shutdown.cancelled()), pin!(sleep(HEADER_READ_TIMEOUT)));
    let mut idle = Idle::new(ending, timer);
    loop {
        let head_by = Instant::now() + HEADER_READ_TIMEOUT;
        idle.restart(head_by);
        let received = poll_fn(|context| {
            // A request that has arrived is answered even if the time-out or the shutdown is due.
            match poll_receive(stream, context, |head| from_memory(head, port, memory, peer)) {
                Poll::Ready(received) => Poll::Ready(Some(received)),
                Poll::Pending => idle.poll(context).map(|()| None),
            }
        });
        let answering = match received.await {
            Some(Ok(ClientInput::Answered(answer))) => Either::Left(std::future::ready(answer)),
            Some(Ok(ClientInput::Waiting(path, answer))) => {
                let waited = waited(port.strict_status, path, answer, peer.ip());
                Either::Right(Either::Left(waited))
            }
            Some(Ok(ClientInput::Simple(mut request))) => {
                request.extensions_mut().insert(ConnectInfo(peer));
                // Boxed, so that a connection that waits for memory does not keep its size.
                let response = Box::pin(answer(port.clone(), request));
                let answer = |Ok::<_, Infallible>(response)| FrontAnswer::Response(response);
                Either::Right(Either::Right(response.map(answer)))
            }
            Some(Ok(ClientInput::Other(bytes))) => {
                stream.put_back(bytes);
                return Ended::Beyond { head_by };
            }
            None | Some(Ok(ClientInput::End) | Err(_)) => return Ended::Closed,
        };
        stream.complete_head();
        let answer = tokio::select! {
            // An answer from memory is ready at once, without looking at the socket.
            biased;
            answer = answering => answer,
            () = hung_up(stream) => return Ended::Closed,
        };
        match send(stream, answer, shutdown).await {
            Ok(IsLast(false)) => {}
            Ok(IsLast(true)) | Err(_) => return Ended::Closed,
        }
    }
}

/// Input of a client.
enum ClientInput {
    /// A request that has its answer.
    Answered(FrontAnswer),
    /// A request whose answer has to be waited for, with its path.
    Waiting(Box<str>, BoxFuture<'static, FrontAnswer>),
    /// A request for the service.
    Simple(Request<Body>),
    /// Input for hyper.
    Other(Bytes),
    End,
}

fn poll_receive(
    stream: &mut Stream,
    context: &mut Context<'_>,
    from_memory: impl FnOnce(&[u8]) -> Option<ClientInput>,
) -> Poll<io::Result<ClientInput>> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(ClientInput::End));
        }
        if let Some(received) = from_memory(buffer.filled()) {
            return Poll::Ready(Ok(received));
        }
        let bytes = Bytes::copy_from_slice(buffer.filled());
        Poll::Ready(Ok(simple(&bytes).map_or(ClientInput::Other(bytes), ClientInput::Simple)))
    })
}

/// Begins to answer bytes that are exactly one head, if memory is sufficient for that. After a
/// panic the service is called, which panics again and answers 500.
fn from_memory<S>(
    bytes: &[u8],
    port: &Port<S>,
    memory: &dyn FromMemory,
    peer: SocketAddr,
) -> Option<ClientInput> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let is_whole = head.parse(bytes).ok()? == httparse::Status::Complete(bytes.len());
    let is_get = head.method == Some("GET") && head.version == Some(1);
    if !is_whole || !is_get || !is_unambiguous(head.headers) {
        return None;
    }
    let target = head.path.filter(|target| target.bytes().all(is_plain))?;
    let (whole_path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = whole_path.strip_prefix(&*port.base_path).filter(|path| path.starts_with('/'))?;
    let headers = HeadFields::Parsed(head.headers);
    let head = ClientHead { path, query, headers, peer: Some(peer) };
    Some(match catch_unwind(AssertUnwindSafe(|| memory.begin(&head))).ok()?? {
        Begun::Answer(answer) => {
            ClientInput::Answered(finished(port.strict_status, whole_path, answer, peer.ip()))
        }
        Begun::Wait(answer) => ClientInput::Waiting(whole_path.into(), answer),
    })
}

/// Whether all URL parsers accept the byte as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/?&=%-._~+:,*@".contains(&byte)
}

/// Whether a request with these headers has one host and no body, and the connection remains open
/// after it.
fn is_unambiguous(headers: &[httparse::Header<'_>]) -> bool {
    let mut has_host = false;
    headers.iter().all(|header| {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let other = ["content-length", "transfer-encoding", "expect", "upgrade"];
        if is("host") {
            return !std::mem::replace(&mut has_host, true);
        }
        !other.into_iter().any(is)
            && (!is("connection") || header.value.eq_ignore_ascii_case(b"keep-alive"))
    })
}

/// Waits for the answer to a request with this path.
async fn waited(
    strict: bool,
    path: Box<str>,
    answer: BoxFuture<'static, FrontAnswer>,
    address: IpAddr,
) -> FrontAnswer {
    let answer = failure::unless_panicked(answer).await;
    let answer = answer.unwrap_or_else(|error| FrontAnswer::Response(error.into_response()));
    finished(strict, &path, answer, address)
}

/// Completes an answer to an address as the service's are.
fn finished(strict: bool, path: &str, answer: FrontAnswer, address: IpAddr) -> FrontAnswer {
    let answer = match answer {
        FrontAnswer::Plain(plain) => client_answer::counted(plain, address)
            .map_or_else(|error| FrontAnswer::Response(error.into_response()), FrontAnswer::Plain),
        FrontAnswer::Response(response) => FrontAnswer::Response(response),
    };
    let (answer, status) = match answer {
        FrontAnswer::Plain(plain) => {
            let status = plain.status;
            (FrontAnswer::Plain(plain), status)
        }
        FrontAnswer::Response(response) => {
            let response = failure::finish(strict, &Method::GET, path, response);
            let status = response.status();
            (FrontAnswer::Response(response), status)
        }
    };
    tracing::trace!(method = %Method::GET, path = shortened(&logged_path(path)), status = status.as_u16(), "request answered");
    answer
}

/// Parses bytes that are exactly one head; `None` if any part of it is ambiguous.
fn simple(bytes: &Bytes) -> Option<Request<Body>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let is_whole = head.parse(bytes).ok()? == httparse::Status::Complete(bytes.len());
    if !is_whole || head.method != Some("GET") || head.version != Some(1) {
        return None;
    }
    let target = head.path.filter(|target| target.starts_with('/'))?;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes())).ok()?;
    request.headers_mut().reserve(head.headers.len());
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value)).ok()?;
        let is_simple = match name {
            CONTENT_LENGTH | TRANSFER_ENCODING | EXPECT | UPGRADE => false,
            CONNECTION => value.as_bytes().eq_ignore_ascii_case(b"keep-alive"),
            _ => true,
        };
        if !is_simple {
            return None;
        }
        request.headers_mut().append(name, value);
    }
    Some(request)
}

/// Completes when the client closes the connection. It only peeks, so a next request remains
/// unread.
async fn hung_up(stream: &Stream) {
    if poll_fn(|context| stream.poll_peek(context)).await.is_ok_and(|count| count > 0) {
        pending().await
    }
}

#[cfg(test)]
mod tests;
