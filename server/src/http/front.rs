//! The front of a connection: reads a head into a buffer that the connections of a thread share,
//! and answers with one write. hyper keeps two buffers of 8 KiB for each connection while it is
//! open, and touching those of thousands of clients that are woken at once costs more than their
//! answers.
//!
//! The front accepts only unambiguous input: the whole head of a GET without a body, in one piece.
//! Any other input goes to hyper, with the bytes read so far, and so does the rest of that
//! connection. Both call the same service, and a test compares their answers byte for byte.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use bytes::{Buf as _, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, response};
use http_body_util::BodyExt as _;
use httpdate::HttpDate;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::stream::Stream;
use super::{HEADER_READ_TIMEOUT, Port, PortService, answer, limit};

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
    shutdown: &CancellationToken,
) -> Ended {
    let mut ending = pin!(shutdown.cancelled());
    let mut timer = pin!(sleep(HEADER_READ_TIMEOUT));
    loop {
        let head_by = Instant::now() + HEADER_READ_TIMEOUT;
        let received = tokio::select! {
            // A request that has arrived is answered even if the time-out or the shutdown is due.
            biased;
            received = receive(stream) => received,
            () = &mut ending => return Ended::Closed,
            () = silence(timer.as_mut(), head_by) => return Ended::Closed,
        };
        let mut request = match received {
            Ok(Received::Simple(request)) => request,
            Ok(Received::Other(bytes)) => {
                stream.put_back(bytes);
                return Ended::Beyond { head_by };
            }
            Ok(Received::End) | Err(_) => return Ended::Closed,
        };
        stream.head().complete(false);
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = tokio::select! {
            // An answer from memory is ready at once, without looking at the socket.
            biased;
            response = answer(port.clone(), request) => response,
            () = hung_up(stream) => return Ended::Closed,
        };
        let response = response.unwrap_or_else(|never: Infallible| match never {});
        match send(stream, response, shutdown).await {
            Ok(IsLast(false)) => {}
            Ok(IsLast(true)) | Err(_) => return Ended::Closed,
        }
    }
}

/// Completes when a client has been silent for too long. The timer keeps running while requests are
/// answered: that is cheaper than two changes of the runtime's timer wheel for each of them.
async fn silence(mut timer: Pin<&mut Sleep>, end: Instant) {
    while Instant::now() < end {
        timer.as_mut().await;
        timer.as_mut().reset(end);
    }
}

/// Input of a client.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once, and nearly always simple"
)]
enum Received {
    Simple(Request<Body>),
    Other(Bytes),
    End,
}

async fn receive(stream: &mut Stream) -> io::Result<Received> {
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(Received::End));
            }
            let bytes = Bytes::copy_from_slice(buffer.filled());
            Poll::Ready(Ok(simple(&bytes).map_or(Received::Other(bytes), Received::Simple)))
        })
    })
    .await
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

/// Whether the connection ends after the answer, as its headers announce.
struct IsLast(bool);

/// Decides whether the connection ends once the body is complete; a later shutdown ends it between
/// two answers.
async fn send(
    stream: &mut Stream,
    response: Response,
    shutdown: &CancellationToken,
) -> io::Result<IsLast> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let is_last = shutdown.is_cancelled();
    let can_have_body = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if can_have_body { body } else { Bytes::new() };
    let head = write_head(&head, can_have_body.then_some(body.len()), is_last)?;
    stream.write_all_buf(&mut Bytes::from(head).chain(body)).await?;
    stream.flush().await?;
    if is_last {
        stream.shutdown().await?;
    }
    Ok(IsLast(is_last))
}

/// Writes a head as hyper does: the length of the body at the position where the handler set it, or
/// last.
fn write_head(head: &response::Parts, length: Option<usize>, is_last: bool) -> io::Result<Vec<u8>> {
    let is_length_last = length == Some(0) || !head.headers.contains_key(CONTENT_LENGTH);
    let mut bytes = Vec::with_capacity(512);
    write!(bytes, "HTTP/1.1 {}\r\n", head.status)?;
    for (name, value) in &head.headers {
        if name == CONTENT_LENGTH && (is_length_last || length.is_none()) {
            continue;
        }
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if is_last {
        bytes.extend_from_slice(b"connection: close\r\n");
    }
    if let Some(length) = length.filter(|_| is_length_last) {
        write!(bytes, "content-length: {length}\r\n")?;
    }
    write!(bytes, "date: {}\r\n\r\n", HttpDate::from(SystemTime::now()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
