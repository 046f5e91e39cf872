//! The changes of a namespace, taken one by one. Whoever found none is told when there is one; no task is involved.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use castalia_core::ChangeStream;
use futures_util::stream::Stream as _;
use napi_derive::napi;

use crate::event::Event;
use crate::mailbox::Post;

/// Changes from now on, of these keys and prefixes.
#[napi]
pub struct Stream {
    /// `None` once it has ended.
    stream: Option<ChangeStream>,
    waker: Waker,
}

#[napi]
impl Stream {
    pub(crate) fn new(stream: ChangeStream, post: &Arc<Post>, id: i64) -> Self {
        let alarm = Arc::new(Alarm { post: post.clone(), id });
        Self { stream: Some(stream), waker: alarm.into() }
    }

    /// The next change. If there is none now, the handler is told once, when this is worth calling again.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Event> {
        let stream = Pin::new(self.stream.as_mut()?);
        match stream.poll_next(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Some(event)) => Some(Event::new(event)),
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
