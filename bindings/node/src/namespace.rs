//! An open namespace, as keys and values or as one text.

use std::sync::Arc;

use castalia_core::{ChangeStream, Config, ConfigFile, Error, ErrorKind, Result};
use napi::bindgen_prelude::Object;
use napi::{Either, Env};
use napi_derive::napi;

use crate::failure::{Failure, told};
use crate::mailbox::Post;
use crate::object::object;
use crate::stream::Stream;
use crate::view::View;

/// An open namespace or file.
#[derive(Clone)]
pub(crate) enum Opened {
    Config(Config),
    File(ConfigFile),
}

/// What both have in common.
macro_rules! of {
    ($opened:expr, $it:ident => $call:expr) => {
        match $opened {
            Opened::Config($it) => $call,
            Opened::File($it) => $call,
        }
    };
}

/// An open namespace until it is released.
#[napi]
pub struct Namespace {
    opened: Option<Opened>,
    post: Arc<Post>,
}

#[napi]
impl Namespace {
    pub(crate) fn new(opened: Opened, post: Arc<Post>) -> Self {
        Self { opened: Some(opened), post }
    }

    fn opened(&self) -> Result<&Opened> {
        let closed = || Error::new(ErrorKind::Closed, "call", "the namespace is closed");
        self.opened.as_ref().ok_or_else(closed)
    }

    /// The current values; `None` after it was released.
    #[napi(getter, catch_unwind)]
    pub fn view(&self) -> Option<View> {
        let opened = self.opened.as_ref()?;
        Some(View::new(of!(opened, it => it.snapshot())))
    }

    /// Counts a failed listener of JavaScript.
    #[napi(catch_unwind)]
    pub fn note_listener_failure(&self) {
        if let Some(opened) = &self.opened {
            of!(opened, it => it.note_listener_failure());
        }
    }

    /// State of the namespace and error of the last load.
    #[napi(catch_unwind)]
    pub fn standing<'env>(&self, env: &'env Env) -> napi::Result<Either<Object<'env>, Failure>> {
        let opened = match self.opened() {
            Ok(opened) => opened,
            Err(error) => return Ok(Either::B(error.into())),
        };
        let (state, error) = of!(opened, it => (it.state(), it.last_error()));
        let standing: napi::Result<_> = object!(env, {
            "state": state.name(),
            "lastError": error.map(Failure::from),
        });
        standing.map(Either::A)
    }

    /// Loads now; the handler receives the result.
    #[napi(catch_unwind)]
    pub fn refresh(&self, id: i64) {
        let opened = self.opened().cloned();
        let refresh = async move { of!(opened?, it => it.refresh().await).map(|()| None) };
        self.post.spawn(id, refresh);
    }

    /// The current values and the changes after them. JavaScript's copy follows this stream, and
    /// all other streams begin where it is.
    #[napi(catch_unwind)]
    pub fn follow(&self, id: i64) -> Either<Stream, Failure> {
        let opened = self.opened();
        let begun = opened.map(|opened| of!(opened, it => it.snapshot_and_changes()));
        told(begun.map(|(snapshot, stream)| Stream::following(stream, snapshot, &self.post, id)))
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
        let stream = self.opened().map(|opened| match copy.position() {
            Some((stream, unapplied)) => of!(opened, it => it.changes_after(stream, unapplied)),
            None => of!(opened, it => it.changes()),
        });
        told(stream.map(|stream| Stream::new(narrowed(stream, keys, prefixes), &self.post, id)))
    }

    /// Releases it; the namespace stays open.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.opened = None;
    }

    /// Releases it and closes the namespace.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        if let Some(opened) = self.opened.take() {
            of!(opened, it => it.close());
        }
    }
}

fn narrowed(stream: ChangeStream, keys: Vec<String>, prefixes: Vec<String>) -> ChangeStream {
    let stream = keys.into_iter().fold(stream, ChangeStream::key);
    prefixes.into_iter().fold(stream, ChangeStream::prefix)
}
