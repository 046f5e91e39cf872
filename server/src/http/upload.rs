//! The body of a request, which has to arrive at a steady rate: a client that sends a byte now and
//! then, or all but the last one at once, would occupy a handler and its memory for as long as it
//! likes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Additional time for slow starts.
const GRACE: Duration = Duration::from_secs(10);
/// Minimum bytes per second.
const RATE: u64 = 1024;
/// Maximum time that what has arrived already leaves for the next bytes.
const PAUSE: Duration = Duration::from_secs(30);

/// A body that is being received.
#[derive(Debug)]
pub(super) struct Upload {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    progress: Progress,
}

/// Whether a body was read completely.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicBool>);

impl Progress {
    pub(super) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Upload {
    pub(super) fn new(body: Incoming) -> (Self, Progress) {
        let deadline = Box::pin(sleep_until(Instant::now() + GRACE));
        let progress = Progress::default();
        (Self { body, deadline, progress: progress.clone() }, progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let bytes =
                frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len));
            let deadline =
                later(self.deadline.deadline(), bytes.unwrap_or_default(), Instant::now());
            self.deadline.as_mut().reset(deadline);
            if frame.is_none() || self.body.is_end_stream() {
                self.progress.0.store(true, Ordering::Release);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the body arrives too slowly".into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The deadline after so many more bytes.
fn later(deadline: Instant, bytes: usize, now: Instant) -> Instant {
    let bought = Duration::from_micros(1_000_000 * bytes as u64 / RATE);
    (deadline + bought).min(now + PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_must_keep_arriving() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let deadline = later(after(10), 2 * 1024, after(1));
        assert_eq!(deadline, after(12));
        assert_eq!(later(deadline, 512, after(2)), after(12) + Duration::from_millis(500));
        // What arrived at once does not pay for hours.
        assert_eq!(later(deadline, 7 << 20, after(3)), after(33));
    }
}
