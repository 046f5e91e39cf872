//! A namespace as one whole text: a document as it is, or properties text.

use std::sync::Arc;

use super::Config;
use crate::change::{ChangeEvent, Interest};
use crate::error::{Error, Result};
use crate::listener::{ChangeStream, Subscription};
use crate::monitor::State;
use crate::pipeline::EventKind;
use crate::protocol::namespace::Format;
use crate::protocol::namespace::NamespaceKey;
use crate::snapshot::{Snapshot, Source};

/// An open namespace as a file. It shares its content with the [`Config`] of the same namespace.
///
/// Its events have one key, `content`, whose values are the whole text before and after.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    config: Config,
}

impl ConfigFile {
    pub(crate) fn new(config: Config) -> Self {
        Self { config }
    }

    /// App id, cluster and name.
    #[must_use]
    pub fn identity(&self) -> &NamespaceKey {
        self.config.identity()
    }

    /// Format, by the suffix of the name.
    #[must_use]
    pub fn format(&self) -> Format {
        self.config.snapshot().format()
    }

    /// The text; `None` when nothing is loaded.
    #[must_use]
    pub fn content(&self) -> Option<String> {
        self.config.snapshot().content().map(str::to_owned)
    }

    /// The content now, with its source and release key.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.config.snapshot()
    }

    /// Where the content came from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.config.source()
    }

    /// How the namespace stands with the servers.
    #[must_use]
    pub fn state(&self) -> State {
        self.config.state()
    }

    /// Why the last load failed; `None` once one worked.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.config.last_error()
    }

    /// Counts that a listener failed; as [`Config::note_listener_failure`].
    pub fn note_listener_failure(&self) {
        self.config.note_listener_failure();
    }

    /// Loads now; as [`Config::refresh`].
    ///
    /// # Errors
    /// Those of [`Config::refresh`].
    pub async fn refresh(&self) -> Result<()> {
        self.config.refresh().await
    }

    /// Gives the namespace up; as [`Config::close`].
    pub fn close(self) {
        self.config.close();
    }

    /// The changes of the text from now on, as a stream.
    #[must_use]
    pub fn changes(&self) -> ChangeStream {
        self.config.stream(EventKind::Content)
    }

    /// As [`Config::snapshot_and_changes`], for the changes of the text.
    #[must_use]
    pub fn snapshot_and_changes(&self) -> (Arc<Snapshot>, ChangeStream) {
        self.config.pair_with_snapshot(self.changes())
    }

    /// As [`Config::changes_after`], for the changes of the text.
    #[must_use]
    pub fn changes_after(
        &self,
        other: &ChangeStream,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        self.config.stream_after(EventKind::Content, other, unapplied)
    }

    /// Calls this function for each change of the text; as [`Config::on_change`].
    pub fn on_change(
        &self,
        callback: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> Subscription {
        self.config.subscribe(EventKind::Content, Interest::everything(), callback)
    }
}
