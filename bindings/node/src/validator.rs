//! The application's say on a release: a thread of the client that may block asks, and waits until JavaScript has answered.

use std::sync::mpsc::{SyncSender, sync_channel};

use castalia_core::Snapshot;
use napi_derive::napi;

use crate::mailbox::{Post, Told};
use crate::view::{About, about, chunk};

/// A release that waits for a verdict. Dropping it accepts.
#[napi]
pub struct Question {
    about: About,
    entries: Vec<(String, String)>,
    verdict: SyncSender<Option<String>>,
}

#[napi]
impl Question {
    /// Which content it is.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> About {
        self.about.clone()
    }

    /// As the one of `View`.
    #[napi(catch_unwind)]
    pub fn entries(&self, from: u32, count: u32) -> Vec<&str> {
        chunk(self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str())), from, count)
    }

    /// Accepts it, or says why not.
    #[napi(catch_unwind)]
    pub fn answer(&self, reason: Option<String>) {
        let _ = self.verdict.try_send(reason);
    }
}

/// Asks the handler of this number about a release. An environment that has ended has no objection.
pub(crate) fn ask(post: &Post, id: i64, snapshot: &Snapshot) -> Result<(), String> {
    let (verdict, answer) = sync_channel(1);
    let entries = snapshot.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    let question = Question { about: about(snapshot), entries: entries.collect(), verdict };
    post.tell((id, Some(Told::B(question))));
    match answer.recv() {
        Ok(Some(reason)) => Err(reason),
        Ok(None) | Err(_) => Ok(()),
    }
}
