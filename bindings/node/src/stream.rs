//! The changes of a namespace, taken one by one. Whoever found none is told when there is one; no task is involved.

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
    /// The content that it began with, where a copy follows it.
    begun: Option<Arc<Snapshot>>,
    /// The event that was taken last, as long as the copy does not show it.
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

    /// Where the copy is that follows this; `None` once it has ended.
    pub(crate) fn position(&self) -> Option<(&ChangeStream, Option<Arc<ChangeEvent>>)> {
        Some((self.stream.as_ref()?, self.unapplied.clone()))
    }

    /// The next change. If there is none now, the handler is told once, when this is worth calling again.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Event> {
        self.next().map(Event::new)
    }

    /// As `take`, for the copy: streams that are made before `applied` begin with this event.
    #[napi(catch_unwind)]
    pub fn take_to_apply(&mut self) -> Option<Event> {
        self.unapplied = self.next();
        self.unapplied.clone().map(Event::new)
    }

    /// The copy shows the event that was taken last.
    #[napi(catch_unwind)]
    pub fn applied(&mut self) {
        self.unapplied = None;
    }

    /// The content that the copy begins with; once.
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

    /// Whether there will be no more.
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
        self.post.tell((self.id, None));
    }
}
