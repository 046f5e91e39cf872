//! What JavaScript's copy of a namespace follows.

use castalia_core::host::copy::{Copied, Step};
use castalia_core::{ChangeStream, Config};
use napi::Either;
use napi_derive::napi;

use crate::event::Event;
use crate::mailbox::Post;
use crate::view::View;

/// All changes of a namespace, and between them the snapshots that are announced by none.
#[napi]
pub struct CopyStream {
    copied: Copied,
}

#[napi]
impl CopyStream {
    pub(crate) fn new(config: &Config, post: &Post, id: i64) -> Self {
        Self { copied: Copied::new(config, post.alarm(id)) }
    }

    pub(crate) fn changes_after(&self, config: &Config) -> ChangeStream {
        self.copied.changes_after(config)
    }

    /// The snapshot that the copy begins with.
    #[napi(getter, catch_unwind)]
    pub fn begun(&self) -> View {
        View::new(self.copied.snapshot().clone())
    }

    /// The next change, or the newest snapshot if no change leads to it. If there is neither, the
    /// handler is called when it is worth calling this again. Streams created before `applied`
    /// begin with the change.
    #[napi(catch_unwind)]
    pub fn take(&mut self) -> Option<Either<Event, View>> {
        Some(match self.copied.take()? {
            Step::Change(event) => Either::A(Event::new(event)),
            Step::Unannounced(snapshot) => Either::B(View::new(snapshot)),
        })
    }

    /// The copy contains what was taken last.
    #[napi(catch_unwind)]
    pub fn applied(&mut self) {
        self.copied.applied();
    }

    /// Whether no more changes will follow.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.copied.ended()
    }

    /// Unsubscribes.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.copied.close();
    }
}
