//! Validators: a thread of the client that may block waits until JavaScript has answered.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use castalia_core::Snapshot;
use napi_derive::napi;

use crate::mailbox::{Payload, Post};
use crate::view::View;

/// A release that waits for a verdict. Dropping it accepts the release.
#[napi]
pub struct Question {
    snapshot: Arc<Snapshot>,
    verdict: SyncSender<Option<String>>,
}

#[napi]
impl Question {
    /// The snapshot.
    #[napi(getter, catch_unwind)]
    pub fn view(&self) -> View {
        View::new(self.snapshot.clone())
    }

    /// Accepts the release, or rejects it with a reason.
    #[napi(catch_unwind)]
    pub fn answer(&self, reason: Option<String>) {
        let _ = self.verdict.try_send(reason);
    }
}

/// Calls this handler with a release. An environment that has ended accepts it.
pub(crate) fn ask(post: &Post, id: i64, snapshot: &Arc<Snapshot>) -> Result<(), String> {
    let (verdict, answer) = sync_channel(1);
    post.send((id, Some(Payload::B(Question { snapshot: snapshot.clone(), verdict }))));
    match answer.recv() {
        Ok(Some(reason)) => Err(reason),
        Ok(None) | Err(_) => Ok(()),
    }
}
