//! The changes of a namespace, taken one at a time. If there is none, a handler is called once
//! there is one; no task is needed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use castalia_core::{ChangeEvent, ChangeStream, Snapshot};
use futures_util::stream::Stream as _;
use napi_derive::napi;

use crate::event::Event;
use crate::mailbox::Post;
use crate::view::View;

/// Changes from now on, of these keys and prefixes.
#[napi]
pub struct Stream {
    /// `None` once it has ended.
    stream: Option<ChangeStream>,
    waker: Waker,
    /// The snapshot at the start, if a copy follows this stream.
    begun: Option<Arc<Snapshot>>,
    /// The event that was taken last, until the copy contains it.
    unapplied: Option<Arc<ChangeEvent>>,
}

#[napi]
impl Stream {
    pub(crate) fn new(stream: ChangeStream, post: &Arc<Post>, id: i64) -> Self {
        let alarm = Arc::new(Alarm { post: post.clone(), id });
        Self { stream: Some(stream), waker: alarm.into(), begun: None, unapplied: None }
    }

    pub(crate) fn following(
        stream: ChangeStream,
        snapshot: Arc<Snapshot>,
        post: &Arc<Post>,
        id: i64,
    ) -> Self {
        Self { begun: Some(snapshot), ..Self::new(stream, post, id) }
    }

    /// The position of the copy that follows this stream; `None` once the stream has ended.
    pub(crate) fn position(&self) -> Option<(&ChangeStream, Option<Arc<ChangeEvent>>)> {
        Some((self.stream.as_ref()?, self.unapplied.clone()))
    }

    /// The next change. If there is none, the handler is called once when it is worth calling this
    /// again.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Event> {
        self.next().map(Event::new)
    }

    /// Like `take`, for the copy: streams created before `applied` begin with this event.
    #[napi(catch_unwind)]
    pub fn take_to_apply(&mut self) -> Option<Event> {
        self.unapplied = self.next();
        self.unapplied.clone().map(Event::new)
    }

    /// The copy contains the event that was taken last.
    #[napi(catch_unwind)]
    pub fn applied(&mut self) {
        self.unapplied = None;
    }

    /// The snapshot that the copy begins with; once.
    #[napi(catch_unwind)]
    pub fn begun(&mut self) -> Option<View> {
        self.begun.take().map(View::new)
    }

    fn next(&mut self) -> Option<Arc<ChangeEvent>> {
        let stream = Pin::new(self.stream.as_mut()?);
        match stream.poll_next(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Some(event)) => Some(event),
            Poll::Ready(None) => {
                self.stream = None;
                None
            }
            Poll::Pending => None,
        }
    }

    /// Whether no more changes will follow.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.stream.is_none()
    }

    /// Unsubscribes.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.stream = None;
    }
}

struct Alarm {
    post: Arc<Post>,
    id: i64,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.post.send((self.id, None));
    }
}
