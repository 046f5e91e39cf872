//! The bytes of a form on their way to its parser, which keeps what precedes the first part and the
//! header of each part in memory until it has found their end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::Stream;

/// Maximum number of bytes before the first part, and of the header of a part. Those of browsers
/// have some hundred.
const MOST: usize = 16 * 1024;
/// Number of bytes that the parser receives of them at once.
const PIECE: usize = 4 * 1024;
/// Number of header bytes while the parser is within the data of a part.
const IN_DATA: usize = usize::MAX;

/// The bytes of a form. The parser receives one piece at a time and then has to look for what it
/// waits for, because it would otherwise first read everything that has arrived.
pub(super) struct FormStream {
    body: BodyDataStream,
    /// Received, and not yet passed on.
    rest: Bytes,
    part: Part,
    is_parsing: bool,
}

/// Where the parser is. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Part(Arc<AtomicUsize>);

impl Part {
    /// The parser has found the end of the header of a part.
    pub(super) fn begin_data(&self) {
        self.0.store(IN_DATA, Ordering::Relaxed);
    }

    /// The parser has found the end of a part.
    pub(super) fn end_data(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl FormStream {
    pub(super) fn new(body: Body) -> (Self, Part) {
        let part = Part::default();
        let body = body.into_data_stream();
        let form = Self { body, rest: Bytes::new(), part: part.clone(), is_parsing: false };
        (form, part)
    }
}

impl Stream for FormStream {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.is_parsing) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut self.body).poll_next(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        self.is_parsing = true;
        let header = self.part.0.load(Ordering::Relaxed);
        if header == IN_DATA {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        // The parser may not have looked at the last piece yet.
        if header >= MOST + PIECE {
            let message = "the header of a part, or what precedes the first part, is longer than 16 KiB; send the file in its own part";
            return Poll::Ready(Some(Err(axum::Error::new(message))));
        }
        let length = self.rest.len().min(PIECE);
        self.part.0.store(header + length, Ordering::Relaxed);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}
