//! Writes an answer: a head as hyper writes it and the body, in one piece if it is not large.
//!
//! Clients that are woken at once receive the same answer, so each thread keeps the last ones that
//! it composed. Knows neither requests nor services.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_LENGTH, DATE};
use http::{StatusCode, response};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncWrite as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::super::date;
use super::super::failure::COMMON_HEADERS;
use super::super::memory::{FrontAnswer, PlainAnswer};
use super::super::stream::Stream;

/// Maximum body that is copied behind its head. Two slices are cheaper for larger ones, and each
/// thread keeps two copies.
const COPIED: usize = 32 * 1024;
/// Bytes that nearly all heads fit into.
const HEAD: usize = 512;

thread_local! {
    /// The answers that this thread composed last: those that wake polls, and those that follow.
    static COMPOSED: RefCell<[Composed; 2]> = RefCell::default();
}

/// Whether the connection ends after the answer, as its headers announce.
pub(super) struct IsLast(pub(super) bool);

/// Decides whether the connection ends once the body is complete; a later shutdown ends it between
/// two answers.
pub(super) async fn send(
    stream: &mut Stream,
    answer: FrontAnswer,
    shutdown: &CancellationToken,
) -> io::Result<IsLast> {
    let is_last;
    match answer {
        FrontAnswer::Plain(plain) if plain.body.len() <= COPIED => {
            is_last = shutdown.is_cancelled();
            if let Some(rest) = write_composed(stream, plain, is_last).await? {
                stream.write_all(&rest).await?;
            }
        }
        FrontAnswer::Plain(plain) => {
            is_last = shutdown.is_cancelled();
            let mut head = Vec::with_capacity(HEAD);
            write_plain_head(&mut head, &plain, is_last, SystemTime::now())?;
            stream.write_all_buf(&mut Bytes::from(head).chain(plain.body)).await?;
        }
        FrontAnswer::Response(response) => {
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            is_last = shutdown.is_cancelled();
            let body = if can_have_body(head.status) { body } else { Bytes::new() };
            let head = response_head(&head, body.len(), is_last)?;
            stream.write_all_buf(&mut Bytes::from(head).chain(body)).await?;
        }
    }
    stream.flush().await?;
    if is_last {
        stream.shutdown().await?;
    }
    Ok(IsLast(is_last))
}

/// A plain answer as it was sent in one second.
#[derive(Default)]
struct Composed {
    /// Keeps the body, so that no other one has the same address.
    of: Option<(PlainAnswer, bool, u64)>,
    bytes: Vec<u8>,
}

impl Composed {
    fn is(&self, plain: &PlainAnswer, is_last: bool, second: u64) -> bool {
        self.of.as_ref().is_some_and(|(of, was_last, then)| {
            let is_same_body = std::ptr::eq::<[u8]>(&*of.body, &*plain.body);
            let is_same_head = of.status == plain.status && std::ptr::eq(of.headers, plain.headers);
            is_same_body && is_same_head && *was_last == is_last && *then == second
        })
    }
}

/// Writes an answer with one call. Returns the bytes that the socket did not accept, if any.
async fn write_composed(
    stream: &mut Stream,
    plain: PlainAnswer,
    is_last: bool,
) -> io::Result<Option<Box<[u8]>>> {
    poll_fn(|context| {
        COMPOSED.with_borrow_mut(|composed| {
            let bytes = compose(composed, &plain, is_last)?;
            let count = ready!(Pin::new(&mut *stream).poll_write(context, bytes))?;
            Poll::Ready(Ok((count < bytes.len()).then(|| bytes[count..].into())))
        })
    })
    .await
}

/// The bytes of an answer. Replaces the older one of the two kept answers by a new one.
fn compose<'a>(
    composed: &'a mut [Composed; 2],
    plain: &PlainAnswer,
    is_last: bool,
) -> io::Result<&'a [u8]> {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if !composed[0].is(plain, is_last, second) {
        composed.swap(0, 1);
    }
    let [newest, _] = composed;
    if !newest.is(plain, is_last, second) {
        newest.of = None;
        newest.bytes.clear();
        write_plain_head(&mut newest.bytes, plain, is_last, now)?;
        newest.bytes.extend_from_slice(&plain.body);
        newest.of = Some((plain.clone(), is_last, second));
    }
    Ok(&newest.bytes)
}

fn write_plain_head(
    head: &mut Vec<u8>,
    plain: &PlainAnswer,
    is_last: bool,
    now: SystemTime,
) -> io::Result<()> {
    write!(head, "HTTP/1.1 {}\r\n", plain.status)?;
    for (name, value) in plain.headers {
        write_header(head, name, value.as_bytes());
    }
    for (name, value) in &COMMON_HEADERS {
        write_header(head, name.as_str(), value.as_bytes());
    }
    write_end(head, can_have_body(plain.status).then_some(plain.body.len()), is_last, now)
}

/// Writes the length of the body at the position where the handler set it, or last. The date is
/// that of the end of the head, also if the answer came with one.
fn response_head(head: &response::Parts, length: usize, is_last: bool) -> io::Result<Vec<u8>> {
    let length = can_have_body(head.status).then_some(length);
    let is_length_last = length == Some(0) || !head.headers.contains_key(CONTENT_LENGTH);
    let mut bytes = Vec::with_capacity(HEAD);
    write!(bytes, "HTTP/1.1 {}\r\n", head.status)?;
    for (name, value) in &head.headers {
        if name == DATE {
            continue;
        }
        if name == CONTENT_LENGTH && (is_length_last || length.is_none()) {
            continue;
        }
        write_header(&mut bytes, name.as_str(), value.as_bytes());
    }
    write_end(&mut bytes, length.filter(|_| is_length_last), is_last, SystemTime::now())?;
    Ok(bytes)
}

fn can_have_body(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn write_header(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

fn write_end(
    head: &mut Vec<u8>,
    length: Option<usize>,
    is_last: bool,
    now: SystemTime,
) -> io::Result<()> {
    if is_last {
        write_header(head, "connection", b"close");
    }
    if let Some(length) = length {
        write!(head, "content-length: {length}\r\n")?;
    }
    write!(head, "date: {}\r\n\r\n", date(now))
}
