//! The changes of a namespace, taken one at a time. If there is none, a handler is called once
//! there is one; no task is needed.

use castalia_core::host::copy::{Polled, Step};
use castalia_core::{ChangeStream, Config};
use napi::Either;
use napi_derive::napi;

use crate::event::Event;
use crate::mailbox::Post;
use crate::view::View;

/// Changes from now on, or what JavaScript's copy of a namespace follows: all changes, and between
/// them the snapshots that are announced by none.
#[napi]
pub struct Stream {
    polled: Polled,
}

#[napi]
impl Stream {
    pub(crate) fn changes(stream: ChangeStream, post: &Post, id: i64) -> Self {
        Self { polled: Polled::changes(stream, post.alarm(id)) }
    }

    pub(crate) fn copy(config: &Config, post: &Post, id: i64) -> Self {
        Self { polled: Polled::copy(config, post.alarm(id)) }
    }

    pub(crate) fn changes_after(&self, config: &Config) -> ChangeStream {
        self.polled.changes_after(config)
    }

    /// The snapshot that a copy begins with.
    #[napi(getter, catch_unwind)]
    pub fn begun(&self) -> Option<View> {
        self.polled.snapshot().cloned().map(View::new)
    }

    /// The next change, or the newest snapshot of a copy if no change leads to it. If there is
    /// neither, the handler is called once when it is worth calling this again. Streams created
    /// before `applied` begin with the change.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Either<Event, View>> {
        Some(match self.polled.take()? {
            Step::Change(event) => Either::A(Event { event }),
            Step::Unannounced(snapshot) => Either::B(View::new(snapshot)),
        })
    }

    /// The copy contains what was taken last.
    #[napi(catch_unwind)]
    pub fn applied(&mut self) {
        self.polled.applied();
    }

    /// Whether no more changes will follow.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.polled.ended()
    }

    /// Unsubscribes.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.polled.close();
    }
}
