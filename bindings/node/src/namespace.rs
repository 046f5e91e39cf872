//! An open namespace, as keys and values or as one text.

use castalia_core::Interest;
use castalia_core::host::copy::Polled;
use castalia_core::host::describe;
use castalia_core::host::open::Opened;
use napi_derive::napi;

use crate::failure::Result;
use crate::mailbox::Post;
use crate::stream::Stream;
use crate::view::View;

/// An open namespace until it is released.
#[napi]
pub struct Namespace {
    pub(crate) opened: Opened,
    pub(crate) post: Post,
}

#[napi]
impl Namespace {
    /// The current values; `None` after it was released.
    #[napi(getter, catch_unwind)]
    pub fn view(&self) -> Option<View> {
        Some(View { snapshot: self.opened.config().ok()?.snapshot() })
    }

    /// Counts a failed listener of JavaScript.
    #[napi(catch_unwind)]
    pub fn note_listener_failure(&self) {
        self.opened.note_listener_failure();
    }

    /// State of the namespace and error of the last load, as JSON.
    #[napi(catch_unwind)]
    pub fn standing(&self) -> Result<String> {
        Ok(describe::standing(&self.opened.config()?).to_string())
    }

    /// Loads now; the handler receives the result.
    #[napi(catch_unwind)]
    pub fn refresh(&self, id: i64) {
        self.post.run(id, self.opened.refresh());
    }

    /// What JavaScript's copy follows. All other streams begin where it is.
    #[napi(catch_unwind)]
    pub fn follow(&self, id: i64) -> Result<Stream> {
        Ok(Stream { polled: Polled::copy(&self.opened.config()?, self.post.alarm(id)) })
    }

    /// The changes of these keys and prefixes, or all changes without any, from where JavaScript's
    /// copy is.
    #[napi(catch_unwind)]
    pub fn changes_after(
        &self,
        id: i64,
        keys: Vec<String>,
        prefixes: Vec<String>,
        copy: &Stream,
    ) -> Result<Stream> {
        let changes = copy.polled.changes_after(&self.opened.config()?);
        let changes = changes.with_interest(Interest { keys, prefixes });
        Ok(Stream { polled: Polled::changes(changes, self.post.alarm(id)) })
    }

    /// Releases it; the namespace stays open.
    #[napi(catch_unwind)]
    pub fn release(&self) {
        self.opened.release();
    }

    /// Releases it and closes the namespace.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.opened.close();
    }
}
