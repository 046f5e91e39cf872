//! Validators: a thread of the client that may block waits until JavaScript has answered.

use std::sync::Arc;

use castalia_core::Snapshot;
use castalia_core::host::validate::{self, Verdict};
use napi_derive::napi;

use crate::mailbox::{Payload, Post};
use crate::view::View;

/// A release that waits for a verdict. Dropping it without one rejects the release.
#[napi]
pub struct PendingRelease {
    pending: validate::PendingRelease,
}

#[napi]
impl PendingRelease {
    /// The release.
    #[napi(getter, catch_unwind)]
    pub fn view(&self) -> View {
        View { snapshot: self.pending.snapshot.clone() }
    }

    /// Accepts the release, or rejects it with a reason.
    #[napi(catch_unwind)]
    pub fn answer(&self, reason: Option<String>) {
        self.pending.answer(reason);
    }
}

/// Calls this handler with a release. An environment that has ended rejects it.
pub(crate) fn ask(post: &Post, id: i64, release: &Arc<Snapshot>) -> Verdict {
    let send = |pending| post.send(id, Ok(Some(Payload::B(PendingRelease { pending }))));
    validate::ask(release, send)
}
