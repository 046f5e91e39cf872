//! The changes of a namespace, taken one at a time. If there is none, a handler is called once
//! there is one; no task is needed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use castalia_core::{ChangeEvent, ChangeStream};
use futures_util::stream::Stream as _;
use napi_derive::napi;

use crate::event::Event;
use crate::mailbox::Post;

/// Changes from now on, of these keys and prefixes.
#[napi]
pub struct Stream {
    /// `None` once it has ended.
    pub(crate) stream: Option<ChangeStream>,
    /// Calls the handler.
    pub(crate) waker: Waker,
}

#[napi]
impl Stream {
    pub(crate) fn new(stream: ChangeStream, post: &Arc<Post>, id: i64) -> Self {
        let alarm = Arc::new(Alarm { post: post.clone(), id });
        Self { stream: Some(stream), waker: alarm.into() }
    }

    /// The next change. If there is none, the handler is called once when it is worth calling this
    /// again.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Event> {
        self.next().map(Event::new)
    }

    pub(crate) fn next(&mut self) -> Option<Arc<ChangeEvent>> {
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
