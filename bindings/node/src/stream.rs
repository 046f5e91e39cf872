//! The changes of a namespace, taken one at a time. If there is none, a handler is called once
//! there is one; no task is needed.

use castalia_core::ChangeStream;
use castalia_core::host::copy::Polled;
use napi_derive::napi;

use crate::event::Event;
use crate::mailbox::Post;

/// Changes from now on, of these keys and prefixes.
#[napi]
pub struct Stream {
    changes: Polled,
}

#[napi]
impl Stream {
    pub(crate) fn new(stream: ChangeStream, post: &Post, id: i64) -> Self {
        Self { changes: Polled::new(stream, post.alarm(id)) }
    }

    /// The next change. If there is none, the handler is called once when it is worth calling this
    /// again.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Event> {
        self.changes.take().map(Event::new)
    }

    /// Whether no more changes will follow.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.changes.ended()
    }

    /// Unsubscribes.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.changes.close();
    }
}
