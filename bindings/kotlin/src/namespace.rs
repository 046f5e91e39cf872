//! An open namespace, as keys and values or as one text.

use std::sync::{Arc, Mutex, PoisonError};

use castalia_core::host::call;
use castalia_core::{ChangeStream, Config, ConfigFile, Snapshot};
use tokio_util::sync::CancellationToken;

use crate::content::Content;
use crate::error::{Failure, Problem};
use crate::event::Changes;

/// An open namespace, and the snapshot that the JVM has. Dropping it does not close the namespace.
#[derive(uniffi::Object)]
pub(crate) struct Namespace {
    opened: Opened,
    given: Mutex<Option<Arc<Snapshot>>>,
    given_up: CancellationToken,
}

#[derive(Clone)]
pub(crate) enum Opened {
    Values(Config),
    File(ConfigFile),
}

/// What both have in common.
macro_rules! of {
    ($opened:expr, $it:ident => $call:expr) => {
        match $opened {
            Opened::Values($it) => $call,
            Opened::File($it) => $call,
        }
    };
}

impl Namespace {
    pub(crate) fn new(opened: Opened) -> Arc<Self> {
        Arc::new(Self { opened, given: Mutex::default(), given_up: CancellationToken::new() })
    }
}

#[uniffi::export]
impl Namespace {
    /// The current snapshot, unless it was returned last.
    fn renewed(&self) -> Option<Content> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = of!(&self.opened, it => it.snapshot());
        if given.as_ref().is_some_and(|given| Arc::ptr_eq(given, &newest)) {
            return None;
        }
        let content = match &self.opened {
            Opened::Values(_) => Content::of_values(&newest),
            Opened::File(_) => Content::of_file(&newest),
        };
        *given = Some(newest);
        Some(content)
    }

    /// Result of the last load.
    fn state(&self) -> String {
        of!(&self.opened, it => it.state().name().to_owned())
    }

    /// Error of the last load.
    fn last_error(&self) -> Option<Problem> {
        of!(&self.opened, it => it.last_error()).as_ref().map(Problem::from)
    }

    /// Reports the value of a key as malformed.
    fn note_malformed(&self, key: &str) {
        of!(&self.opened, it => it.snapshot().note_malformed(key));
    }

    /// Counts a failed listener of the JVM.
    fn note_listener_failure(&self) {
        of!(&self.opened, it => it.note_listener_failure());
    }

    /// Loads now.
    async fn refresh(&self) -> Result<(), Failure> {
        let opened = self.opened.clone();
        Ok(call::run(async move { of!(opened, it => it.refresh().await) }).await?)
    }

    /// The changes from now on, of these keys and prefixes, or all without any.
    fn changes(&self, keys: Vec<String>, prefixes: Vec<String>) -> Arc<Changes> {
        let stream = of!(&self.opened, it => it.changes());
        let stream = keys.into_iter().fold(stream, ChangeStream::key);
        let stream = prefixes.into_iter().fold(stream, ChangeStream::prefix);
        Changes::new(stream, self.given_up.clone())
    }

    /// Ends its changes and requests a close: the namespace is closed once its last handle is
    /// dropped.
    fn give_up(&self) {
        self.given_up.cancel();
        of!(self.opened.clone(), it => it.close());
    }
}
