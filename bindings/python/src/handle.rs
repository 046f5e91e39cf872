//! An open namespace until it is closed, and the client it belongs to. Swapped instead of locked,
//! because a child may be forked at any moment.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use castalia_core::host::fork::Seen;
use castalia_core::{Client, Config, Error, ErrorKind, Snapshot};
use pyo3::prelude::*;

use crate::error::raised;

/// A part of the client that can be closed separately.
pub(crate) struct Handle {
    client: Client,
    state: ArcSwap<NamespaceState>,
    /// The process of the last use.
    seen: Seen,
}

/// Result of the last load.
pub(crate) enum NamespaceState {
    Open(Config),
    /// Closed, with the last values, which reads still return.
    Closed(Arc<Snapshot>),
}

impl Handle {
    pub(crate) fn new(open: Config, client: Client) -> Self {
        Self { client, state: ArcSwap::from_pointee(NamespaceState::Open(open)), seen: Seen::now() }
    }

    /// Continues in a forked child, with a snapshot whose parsed values are complete.
    #[inline]
    pub(crate) fn resumed(&self) -> &Self {
        if self.seen.is_first_in_child() {
            self.resume();
        }
        self
    }

    #[cold]
    fn resume(&self) {
        if let NamespaceState::Open(open) = &**self.load() {
            open.resume_after_fork();
        }
    }

    /// The client, which keeps running as long as it is referenced.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) fn load(&self) -> Guard<Arc<NamespaceState>> {
        self.state.load()
    }

    /// The open namespace, for calls that need an open client.
    pub(crate) fn open(&self, py: Python<'_>) -> PyResult<Config> {
        match &**self.load() {
            NamespaceState::Open(open) => {
                self.client.check_open().map_err(|error| raised(py, &error))?;
                Ok(open.clone())
            }
            NamespaceState::Closed(_) => Err(raised(py, &closed())),
        }
    }

    /// Closes the namespace; reads return these values from now on.
    pub(crate) fn close(&self, last: Arc<Snapshot>) {
        if let NamespaceState::Open(open) =
            &*self.state.swap(Arc::new(NamespaceState::Closed(last)))
        {
            open.clone().close();
        }
    }

    /// The current values, or the last ones.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        match &**self.load() {
            NamespaceState::Open(open) => open.snapshot(),
            NamespaceState::Closed(last) => last.clone(),
        }
    }

    /// Counts a failed listener, unless it is closed.
    pub(crate) fn note_listener_failure(&self) {
        if let NamespaceState::Open(open) = &**self.load() {
            open.note_listener_failure();
        }
    }

    /// Name of the state.
    pub(crate) fn state(&self) -> &'static str {
        match &**self.load() {
            NamespaceState::Open(open) => open.state().name(),
            NamespaceState::Closed(_) => ErrorKind::Closed.name(),
        }
    }

    /// Error of the last load, or that the namespace is closed.
    pub(crate) fn last_error(&self, py: Python<'_>) -> Option<PyErr> {
        let error = match &**self.load() {
            NamespaceState::Open(open) => open.last_error(),
            NamespaceState::Closed(_) => Some(closed()),
        };
        error.map(|error| raised(py, &error))
    }
}

fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "use namespace",
        "the namespace is closed; open it again through the client",
    )
}
