//! A namespace as one text: a document as released, or properties text.

use std::sync::Arc;

use super::Config;
use crate::change::{ChangeEvent, Interest};
use crate::error::{Error, Result};
use crate::listener::{ChangeStream, Subscription};
use crate::monitor::State;
use crate::protocol::namespace::Format;
use crate::protocol::namespace::NamespaceKey;
use crate::snapshot::{Snapshot, Source};

/// An open namespace as one text. It shares its values with the [`Config`] of the same namespace.
///
/// Its events have a single key, `content`, whose values are the whole text before and after.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("rules.json", "content", r#"{"limit": 3}"#).await?;
/// let file = memory.client().config_file("rules.json").await?;
///
/// assert_eq!(file.content().as_deref(), Some(r#"{"limit": 3}"#));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ConfigFile {
    config: Config,
}

impl ConfigFile {
    pub(crate) fn new(config: Config) -> Self {
        Self { config: config.into_text() }
    }

    /// The same, for hosts that have one type for both views of a namespace.
    #[cfg(feature = "host")]
    #[must_use]
    pub fn as_config(&self) -> &Config {
        &self.config
    }

    /// App id, cluster and namespace.
    #[must_use]
    pub fn identity(&self) -> &NamespaceKey {
        self.config.identity()
    }

    /// Format, from the suffix of the name.
    #[must_use]
    pub fn format(&self) -> Format {
        self.config.snapshot().format()
    }

    /// The text; `None` if nothing has been loaded.
    #[must_use]
    pub fn content(&self) -> Option<String> {
        self.config.snapshot().content().map(str::to_owned)
    }

    /// The current values, with their source and release key.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.config.snapshot()
    }

    /// Origin of the current values.
    #[must_use]
    pub fn source(&self) -> Source {
        self.config.source()
    }

    /// Result of the last load.
    #[must_use]
    pub fn state(&self) -> State {
        self.config.state()
    }

    /// Error of the last load; `None` if it succeeded.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.config.last_error()
    }

    /// Counts a failed listener; see [`Config::note_listener_failure`].
    pub fn note_listener_failure(&self) {
        self.config.note_listener_failure();
    }

    /// Loads now; see [`Config::refresh`].
    ///
    /// # Errors
    /// As [`Config::refresh`].
    pub async fn refresh(&self) -> Result<()> {
        self.config.refresh().await
    }

    /// Closes the namespace; see [`Config::close`].
    pub fn close(self) {
        self.config.close();
    }

    /// The changes of the text from now on, as a stream.
    #[must_use]
    pub fn changes(&self) -> ChangeStream {
        self.config.changes()
    }

    /// Like [`Config::snapshot_and_changes`], for changes of the text.
    #[must_use]
    pub fn snapshot_and_changes(&self) -> (Arc<Snapshot>, ChangeStream) {
        self.config.snapshot_and_changes()
    }

    /// Like [`Config::changes_after`], for changes of the text.
    #[must_use]
    pub fn changes_after(
        &self,
        other: &ChangeStream,
        unapplied: Option<Arc<ChangeEvent>>,
    ) -> ChangeStream {
        self.config.changes_after(other, unapplied)
    }

    /// Calls a function for each change of the text; see [`Config::on_change`].
    pub fn on_change(
        &self,
        callback: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
    ) -> Subscription {
        self.config.on_change(Interest::everything(), callback)
    }
}
