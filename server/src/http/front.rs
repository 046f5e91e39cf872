//! The front of a connection: reads a head into a buffer that the connections of a thread share, and answers with one write.
//! hyper keeps two buffers of 8 KiB for each connection as long as it is open, and to touch those of thousands of clients that
//! are woken at once costs more than their answers.
//!
//! It takes only what has one meaning: the whole head of a GET without a body, in one piece. Everything else goes to hyper, with
//! the bytes that were read, and so does the rest of that connection. Both call the same service, and a test compares what they
//! answer byte for byte.

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
use super::{Answers, HEADER_READ_TIMEOUT, Port, answer, limit};

/// Headers of a simple request; the clients in the field send fewer than ten.
const HEADERS: usize = 32;

thread_local! {
    /// Holds a head while it is parsed, and nothing between two calls.
    static BUFFER: RefCell<[u8; limit::HEAD]> = const { RefCell::new([0; limit::HEAD]) };
}

/// Why the front has nothing more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The connection is over.
    Closed,
    /// The client sent what hyper has to read; it can be read again. The whole head has to be there by then.
    Beyond { head_by: Instant },
}

/// Answers simple requests for as long as a client sends nothing else.
pub(super) async fn serve<S: Answers>(
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

/// Ends when a client has been silent for too long. The timer runs on while requests are answered, which is cheaper than to
/// change, twice for each of them, what the timers of all connections are kept in.
async fn silence(mut timer: Pin<&mut Sleep>, end: Instant) {
    while Instant::now() < end {
        timer.as_mut().await;
        timer.as_mut().reset(end);
    }
}

/// What a client sent.
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

/// The request of which these bytes are the whole head, if nothing of it can be read in two ways.
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

/// Ends when the client closes the connection, while nothing is read from it. A next request stays where it is.
async fn hung_up(stream: &Stream) {
    if poll_fn(|context| stream.poll_peek(context)).await.is_ok_and(|count| count > 0) {
        pending().await
    }
}

/// Whether the connection ended with an answer, as the answer says.
struct IsLast(bool);

/// Decides once the body is there: what ends the connection later shows between two answers.
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

/// A head as hyper writes it: the length of a body is where its maker put it, or last.
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
