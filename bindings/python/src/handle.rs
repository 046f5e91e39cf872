//! What was opened, until it is given up, with the client that it belongs to. It is swapped instead of locked, since a child may
//! be forked at any moment.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use castalia_core::{Client, Error, ErrorKind, Snapshot, State};
use pyo3::prelude::*;

use crate::error::raised;

/// A part of the client that can be closed apart from it.
pub(crate) struct Handle<T> {
    client: Client,
    standing: ArcSwap<Standing<T>>,
}

/// How it stands.
pub(crate) enum Standing<T> {
    Open(T),
    /// With the last content, which reads go on answering from.
    Closed(Arc<Snapshot>),
}

impl<T: Clone> Handle<T> {
    pub(crate) fn new(open: T, client: Client) -> Self {
        Self { client, standing: ArcSwap::from_pointee(Standing::Open(open)) }
    }

    /// The client, which works on as long as something holds it.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) fn load(&self) -> Guard<Arc<Standing<T>>> {
        self.standing.load()
    }

    /// To do what only an open one of an open client can do.
    pub(crate) fn open(&self, py: Python<'_>) -> PyResult<T> {
        match &**self.load() {
            Standing::Open(open) => {
                self.client.check_open().map_err(|error| raised(py, &error))?;
                Ok(open.clone())
            }
            Standing::Closed(_) => Err(raised(py, &closed())),
        }
    }

    /// Gives it out for the last time; nothing the second time.
    pub(crate) fn close(&self, last: Arc<Snapshot>) -> Option<T> {
        match &*self.standing.swap(Arc::new(Standing::Closed(last))) {
            Standing::Open(open) => Some(open.clone()),
            Standing::Closed(_) => None,
        }
    }

    /// Hands it on to another handle.
    pub(crate) fn hand_on(
        &self,
        py: Python<'_>,
        snapshot: impl FnOnce(&T) -> Arc<Snapshot>,
    ) -> PyResult<Self> {
        match &**self.load() {
            Standing::Open(open) => {
                self.close(snapshot(open));
                Ok(Self::new(open.clone(), self.client()))
            }
            Standing::Closed(_) => Err(raised(py, &closed())),
        }
    }

    /// Name of how the namespace stands with the servers.
    pub(crate) fn state(&self, ask: impl FnOnce(&T) -> State) -> &'static str {
        match &**self.load() {
            Standing::Open(open) => ask(open).name(),
            Standing::Closed(_) => ErrorKind::Closed.name(),
        }
    }

    /// Why the last load failed, or that there is none any more.
    pub(crate) fn last_error(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&T) -> Option<Error>,
    ) -> Option<PyErr> {
        let error = match &**self.load() {
            Standing::Open(open) => ask(open),
            Standing::Closed(_) => Some(closed()),
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
