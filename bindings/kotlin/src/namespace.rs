//! An open namespace, as keys and values or as one text.

use std::sync::Arc;

use castalia_core::Interest;
use castalia_core::host::open::Opened;
use castalia_core::host::stream::Streams;
use castalia_core::host::{call, describe};

use crate::content::Content;
use crate::error::Result;
use crate::event::{Changes, Newer};
use crate::json::Json;
use crate::log::LogUser;

/// An open namespace, and what the JVM takes from it. Dropping it does not close the namespace, but
/// nothing follows it any more.
#[derive(uniffi::Object)]
pub(crate) struct Namespace {
    pub(crate) opened: Opened,
    pub(crate) streams: Streams,
    /// For what the namespace logs after its client was dropped.
    pub(crate) _log: Option<Arc<LogUser>>,
}

#[uniffi::export]
impl Namespace {
    /// The current snapshot; see [`Streams::renewed`].
    fn renewed(&self, again: bool) -> Option<Content> {
        let (snapshot, view) = self.streams.renewed(&self.opened, again)?;
        Some(Content::of(&snapshot, view))
    }

    /// State of the namespace and error of the last load.
    fn standing(&self) -> Result<Json> {
        Ok(Json::from(describe::standing(&self.opened.config()?)))
    }

    /// Reports the value of a key as malformed.
    fn note_malformed(&self, key: &str) {
        self.opened.snapshot().note_malformed(key);
    }

    /// Counts a failed listener of the JVM.
    fn note_listener_failure(&self) {
        self.opened.note_listener_failure();
    }

    /// Loads now.
    async fn refresh(&self) -> Result<()> {
        Ok(call::run(self.opened.refresh()).await?)
    }

    /// The changes from now on, of these keys and prefixes, or all without any.
    fn changes(&self, keys: Vec<String>, prefixes: Vec<String>) -> Result<Arc<Changes>> {
        let changes = self.streams.changes(&self.opened, Interest { keys, prefixes })?;
        Ok(Arc::new(Changes(changes)))
    }

    /// The newer snapshots from now on, whether or not a change leads to them.
    fn follow(&self) -> Result<Arc<Newer>> {
        Ok(Arc::new(Newer(self.streams.newer(&self.opened)?)))
    }

    /// Ends its changes and closes it.
    fn give_up(&self) {
        self.opened.close();
        self.streams.end();
    }
}
