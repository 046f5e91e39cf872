//! An open namespace, as keys and values or as one text.

use std::sync::{Arc, Mutex, PoisonError};

use castalia_core::{ChangeStream, Config, ConfigFile, Snapshot};

use crate::call;
use crate::content::Content;
use crate::error::{Failure, Problem};
use crate::event::Changes;

/// What was opened, and which content of it the JVM has.
#[derive(uniffi::Object)]
pub(crate) struct Namespace {
    opened: Opened,
    given: Mutex<Option<Arc<Snapshot>>>,
}

#[derive(Clone)]
pub(crate) enum Opened {
    Values(Config),
    File(ConfigFile),
}

impl Namespace {
    pub(crate) fn new(opened: Opened) -> Arc<Self> {
        Arc::new(Self { opened, given: Mutex::default() })
    }
}

#[uniffi::export]
impl Namespace {
    /// The content, if it is another than the one given last.
    fn renewed(&self) -> Option<Content> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = match &self.opened {
            Opened::Values(config) => config.snapshot(),
            Opened::File(file) => file.snapshot(),
        };
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

    /// How the namespace stands with the servers.
    fn state(&self) -> String {
        let state = match &self.opened {
            Opened::Values(config) => config.state(),
            Opened::File(file) => file.state(),
        };
        state.name().to_owned()
    }

    /// Why the last load failed; nothing of a file.
    fn last_error(&self) -> Option<Problem> {
        match &self.opened {
            Opened::Values(config) => config.last_error().as_ref().map(Problem::from),
            Opened::File(_) => None,
        }
    }

    /// Loads now.
    async fn refresh(&self) -> Result<(), Failure> {
        let opened = self.opened.clone();
        call::run(async move {
            match opened {
                Opened::Values(config) => config.refresh().await,
                Opened::File(file) => file.refresh().await,
            }
        })
        .await
    }

    /// The changes from now on, of these keys and prefixes, or of anything.
    fn changes(&self, keys: Vec<String>, prefixes: Vec<String>) -> Arc<Changes> {
        let stream = match &self.opened {
            Opened::Values(config) => config.changes(),
            Opened::File(file) => file.changes(),
        };
        let stream = keys.into_iter().fold(stream, ChangeStream::key);
        Changes::new(prefixes.into_iter().fold(stream, ChangeStream::prefix))
    }
}
