//! Validators: a thread of the client that may block waits until JavaScript has answered.

use std::sync::mpsc::{SyncSender, sync_channel};

use castalia_core::Snapshot;
use napi_derive::napi;

use crate::mailbox::{Payload, Post};
use crate::view::{About, about, chunk};

/// A release that waits for a verdict. Dropping it accepts the release.
#[napi]
pub struct Question {
    about: About,
    entries: Vec<(String, String)>,
    verdict: SyncSender<Option<String>>,
}

#[napi]
impl Question {
    /// Identity of the snapshot.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> About {
        self.about.clone()
    }

    /// Like that of `View`.
    #[napi(catch_unwind)]
    pub fn entries(&self, from: u32, count: u32) -> Vec<&str> {
        chunk(self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str())), from, count)
    }

    /// Accepts the release, or rejects it with a reason.
    #[napi(catch_unwind)]
    pub fn answer(&self, reason: Option<String>) {
        let _ = self.verdict.try_send(reason);
    }
}

/// Calls this handler with a release. An environment that has ended accepts it.
pub(crate) fn ask(post: &Post, id: i64, snapshot: &Snapshot) -> Result<(), String> {
    let (verdict, answer) = sync_channel(1);
    let entries = snapshot.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    let question = Question { about: about(snapshot), entries: entries.collect(), verdict };
    post.send((id, Some(Payload::B(question))));
    match answer.recv() {
        Ok(Some(reason)) => Err(reason),
        Ok(None) | Err(_) => Ok(()),
    }
}
