//! An open namespace, as keys and values or as one text.

use castalia_core::Interest;
use castalia_core::host::describe;
use castalia_core::host::open::Opened;
use napi::Either;
use napi_derive::napi;

use crate::failure::{Failure, result_or_failure};
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
        Some(View::new(self.opened.config().ok()?.snapshot()))
    }

    /// Counts a failed listener of JavaScript.
    #[napi(catch_unwind)]
    pub fn note_listener_failure(&self) {
        self.opened.note_listener_failure();
    }

    /// State of the namespace and error of the last load, as JSON.
    #[napi(catch_unwind)]
    pub fn standing(&self) -> Either<String, Failure> {
        let config = self.opened.config();
        result_or_failure(config.map(|config| describe::standing(&config).to_string()))
    }

    /// Loads now; the handler receives the result.
    #[napi(catch_unwind)]
    pub fn refresh(&self, id: i64) {
        self.post.run(id, self.opened.refresh());
    }

    /// What JavaScript's copy follows. All other streams begin where it is.
    #[napi(catch_unwind)]
    pub fn follow(&self, id: i64) -> Either<Stream, Failure> {
        let config = self.opened.config();
        result_or_failure(config.map(|config| Stream::copy(&config, &self.post, id)))
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
    ) -> Either<Stream, Failure> {
        let interest = Interest { keys, prefixes };
        result_or_failure(self.opened.config().map(|config| {
            let changes = copy.changes_after(&config).with_interest(interest);
            Stream::changes(changes, &self.post, id)
        }))
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
