//! An open namespace, as keys and values or as one text.

use std::sync::Arc;

use castalia_core::{ChangeStream, Config, ConfigFile};
use napi_derive::napi;

use crate::failure::Failure;
use crate::mailbox::Post;
use crate::stream::Stream;
use crate::view::View;

/// What was opened.
#[derive(Clone)]
pub(crate) enum Opened {
    Config(Config),
    File(ConfigFile),
}

/// What both can do.
macro_rules! of {
    ($opened:expr, $it:ident => $call:expr) => {
        match $opened {
            Opened::Config($it) => $call,
            Opened::File($it) => $call,
        }
    };
}

/// An open namespace.
#[napi]
pub struct Namespace {
    opened: Opened,
    post: Arc<Post>,
}

#[napi]
impl Namespace {
    pub(crate) fn new(opened: Opened, post: Arc<Post>) -> Self {
        Self { opened, post }
    }

    /// The content now.
    #[napi(getter, catch_unwind)]
    pub fn view(&self) -> View {
        View::new(of!(&self.opened, it => it.snapshot()))
    }

    /// How the namespace stands with the servers.
    #[napi(getter, catch_unwind)]
    pub fn state(&self) -> &'static str {
        of!(&self.opened, it => it.state().name())
    }

    /// Why the last load failed.
    #[napi(getter, catch_unwind)]
    pub fn last_error(&self) -> Option<Failure> {
        match &self.opened {
            Opened::Config(config) => config.last_error().map(Failure::from),
            Opened::File(_) => None,
        }
    }

    /// Loads now; the handler is told when it is done.
    #[napi(catch_unwind)]
    pub fn refresh(&self, id: i64) {
        let opened = self.opened.clone();
        let refresh = async move { of!(opened, it => it.refresh().await).map(|()| None) };
        self.post.spawn(id, refresh);
    }

    /// The changes from now on of these keys and prefixes; none of either means of all.
    #[napi(catch_unwind)]
    pub fn changes(&self, id: i64, keys: Vec<String>, prefixes: Vec<String>) -> Stream {
        let stream = of!(&self.opened, it => it.changes());
        let stream = keys.into_iter().fold(stream, ChangeStream::key);
        let stream = prefixes.into_iter().fold(stream, ChangeStream::prefix);
        Stream::new(stream, &self.post, id)
    }
}
