//! Changes: a function that is called for each event, or events that are taken one at a time.

use std::panic::resume_unwind;

use castalia_core::host::stream::Changes;
use castalia_core::{Client, Subscription as CoreSubscription};
use pyo3::prelude::*;

use crate::client::{Done, submit};
use crate::event::parts;
use crate::gate;

/// Calls a function on a thread of the client.
pub(crate) fn call(callback: &Py<PyAny>, argument: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) {
    let called = gate::enter(|py| callback.call1(py, (argument(py)?,)));
    if let Some(Err(_)) = called {
        // The client counts a listener that unwinds. Python has logged the exception.
        resume_unwind(Box::new("the listener raised an exception"));
    }
}

/// A registered function.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Subscription(pub(crate) CoreSubscription);

#[pymethods]
impl Subscription {
    /// Ends it: afterwards no call is running and none will start. In the listener itself it only
    /// marks the end.
    fn cancel(&self, py: Python<'_>) {
        // The running call may need the interpreter lock to finish.
        py.detach(|| self.0.cancel());
    }

    /// Ends it without waiting for a running call.
    fn end(&self) {
        self.0.end();
    }
}

/// Events from now on, taken one at a time. Dropping it ends a wait for the next one.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Stream {
    pub(crate) changes: Changes,
    /// Keeps the client running.
    pub(crate) _client: Client,
}

#[pymethods]
impl Stream {
    /// The next event; `done(event, error)` is called on another thread. At the end there is none:
    /// if the stream or the client is closed, also meanwhile, or if this process was forked since
    /// the stream was created.
    #[pyo3(signature = (done: "_Done"))]
    fn next(&self, done: Done) -> PyResult<()> {
        submit(done, self.changes.next(), |py, event| {
            event.map_or_else(|| Ok(py.None()), |event| parts(py, &event))
        })
    }

    /// Ends it, and a wait for the next event. Does nothing in a forked child, where it has ended.
    fn close(&self) {
        self.changes.close();
    }
}
