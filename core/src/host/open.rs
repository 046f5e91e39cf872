//! One handle for a namespace, whether a host reads it as keys and values or as one text, until it
//! is closed. What it offers is the same; only the events differ.

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::client::Client;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::host::fork::Seen;
use crate::snapshot::Snapshot;

/// How a host reads a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As keys and values.
    Values,
    /// As one text. The events have the key `content` alone.
    Text,
}

impl View {
    /// How an open namespace is read.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        if config.is_text() { Self::Text } else { Self::Values }
    }
}

/// Opens a namespace to be read in this way; see [`Client::config_of`].
///
/// # Errors
/// As [`Client::config_of`].
pub async fn open(client: Client, app_id: String, namespace: String, view: View) -> Result<Opened> {
    let config = match view {
        View::Values => client.config_of(&app_id, &namespace).await?,
        View::Text => client.config_file_of(&app_id, &namespace).await?.as_config().clone(),
    };
    let state = ArcSwap::from_pointee(OpenState::Open(config));
    Ok(Opened { client, state, seen: Seen::now() })
}

/// A namespace as an object of a host has it: after it is closed, reads return the last values and
/// other calls fail. Swapped instead of locked, because a child may be forked at any moment.
pub struct Opened {
    client: Client,
    state: ArcSwap<OpenState>,
    /// The process of the last use.
    seen: Seen,
}

enum OpenState {
    Open(Config),
    /// Closed, with the last values.
    Closed(Arc<Snapshot>),
}

impl Opened {
    /// The client, which keeps running as long as it is referenced.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Continues in a forked child, with a snapshot whose parsed values are complete. For hosts
    /// that can be forked; called before each use.
    #[inline]
    pub fn resumed(&self) -> &Self {
        if self.seen.is_first_in_child() {
            self.resume();
        }
        self
    }

    #[cold]
    fn resume(&self) {
        if let Ok(config) = self.config() {
            config.resume_after_fork();
        }
    }

    /// The namespace.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] if it is closed.
    pub fn config(&self) -> Result<Config> {
        match &**self.state.load() {
            OpenState::Open(config) => Ok(config.clone()),
            OpenState::Closed(_) => {
                let text = "the namespace is closed; open it again through the client";
                Err(Error::new(ErrorKind::Closed, "use namespace", text))
            }
        }
    }

    /// Loads now; see [`Config::refresh`].
    ///
    /// # Errors
    /// As [`Config::refresh`], or [`ErrorKind::Closed`] if it is closed.
    pub fn refresh(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        let config = self.config();
        async move { config?.refresh().await }
    }

    /// The current values, or the last ones.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        match &**self.state.load() {
            OpenState::Open(config) => config.snapshot(),
            OpenState::Closed(last) => last.clone(),
        }
    }

    /// Name of the state; see [`Config::state`].
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.config().map_or(ErrorKind::Closed.name(), |config| config.state().name())
    }

    /// Error of the last load, or that it is closed.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.config().map_or_else(Some, |config| config.last_error())
    }

    /// Counts a failed listener, unless it is closed; see [`Config::note_listener_failure`].
    pub fn note_listener_failure(&self) {
        if let Ok(config) = self.config() {
            config.note_listener_failure();
        }
    }

    /// Closes the namespace; see [`Config::close`].
    pub fn close(&self) {
        if let OpenState::Open(config) = &*self.give_up() {
            config.clone().close();
        }
    }

    /// Like [`Opened::close`] for this object alone: the namespace stays open.
    pub fn release(&self) {
        self.give_up();
    }

    fn give_up(&self) -> Arc<OpenState> {
        self.state.swap(Arc::new(OpenState::Closed(self.snapshot())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_memory::InMemory;

    #[tokio::test]
    async fn one_handle_has_the_events_of_its_view() {
        let memory = InMemory::new().unwrap();
        memory.set("application", "a", "1").await.unwrap();
        let client = memory.client().clone();
        let open = |view| open(client.clone(), "test".to_owned(), "application".to_owned(), view);
        let (values, text) = (open(View::Values).await.unwrap(), open(View::Text).await.unwrap());
        let (values, text) = (values.config().unwrap(), text.config().unwrap());
        assert_eq!((View::of(&values), View::of(&text)), (View::Values, View::Text));

        let (mut of_values, mut of_text) = (values.changes(), text.snapshot_and_changes().1);
        memory.set("application", "a", "2").await.unwrap();
        assert!(of_values.next().await.unwrap().change("a").is_some());
        let change = of_text.next().await.unwrap().change("content").cloned().unwrap();
        assert_eq!(change.new_value.as_deref(), Some("a=2\n"));
    }

    #[tokio::test]
    async fn a_closed_one_returns_the_last_values_and_refuses_other_calls() {
        let memory = InMemory::new().unwrap();
        memory.set("application", "a", "1").await.unwrap();
        let client = memory.client().clone();
        let open = || {
            let (app_id, name) = ("test".to_owned(), "application".to_owned());
            open(client.clone(), app_id, name, View::Values)
        };
        let (closed, released) = (open().await.unwrap(), open().await.unwrap());
        let mut changes = released.config().unwrap().changes();
        released.release();
        assert_eq!((released.state(), closed.state()), ("Closed", "Ready"));
        memory.set("application", "a", "2").await.unwrap();
        assert!(changes.next().await.is_some(), "a released namespace stays open");

        closed.close();
        assert!(changes.next().await.is_none());
        let last = [&released, &closed].map(|one| one.snapshot().get("a").map(str::to_owned));
        assert_eq!(last, [Some("1".to_owned()), Some("2".to_owned())]);
        assert_eq!(closed.refresh().await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(closed.last_error().unwrap().kind(), ErrorKind::Closed);
    }
}
