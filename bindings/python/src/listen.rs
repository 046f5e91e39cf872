//! Changes: a function that is called for each event, or events that are taken one at a time.

use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};

use castalia_core::host::stream::Changes;
use castalia_core::{
    ChangeStream, Client, Config, Follower, Interest, Subscription as CoreSubscription,
};
use pyo3::prelude::*;

use crate::client::{complete, submit};
use crate::event::{Event, View};
use crate::gate;

/// Calls a function on a thread of the client.
fn call(callback: &Py<PyAny>, argument: impl for<'py> IntoPyObject<'py>) {
    let called = gate::enter(|py| callback.call1(py, (argument,)).map(drop));
    if let Some(Err(_)) = called {
        // The client counts a listener that unwinds. Python has logged the exception.
        resume_unwind(Box::new("the listener raised an exception"));
    }
}

/// A registered listener. Its function owns the client and the subscription, so that both live
/// until it is cancelled or the client is closed, even if the program keeps no reference.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Subscription {
    held: Arc<OnceLock<CoreSubscription>>,
}

impl Subscription {
    pub(crate) fn new(client: Client, callback: Py<PyAny>, config: &Config, to: Interest) -> Self {
        let held = Arc::new(OnceLock::new());
        let owned = (client, held.clone());
        let subscription = config.on_change_shared(to, move |event| {
            let _ = &owned;
            call(&callback, Event(event.clone()));
        });
        let _ = held.set(subscription);
        Self { held }
    }

    /// Calls a function for each newer snapshot. Nothing keeps it but this object.
    pub(crate) fn following(client: Client, callback: Py<PyAny>, follower: Follower) -> Self {
        let subscription = follower.on_newer(move |snapshot| {
            let _ = &client;
            call(&callback, View::new(snapshot.clone()));
        });
        Self { held: Arc::new(OnceLock::from(subscription)) }
    }
}

#[pymethods]
impl Subscription {
    /// Ends it: afterwards no call is running and none will start. In the listener itself it only
    /// marks the end.
    fn cancel(&self, py: Python<'_>) {
        // The running call may need the interpreter lock to finish.
        py.detach(|| self.held.get().map(CoreSubscription::cancel));
    }

    /// Ends it without waiting for a running call.
    fn end(&self) {
        self.held.get().map(CoreSubscription::end);
    }
}

/// Events from now on, taken one at a time. Dropping it ends a wait for the next one.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Stream {
    changes: Changes,
    /// Keeps the client running.
    _client: Client,
}

impl Stream {
    pub(crate) fn new(stream: ChangeStream, client: Client) -> Self {
        Self { changes: Changes::new(stream), _client: client }
    }
}

#[pymethods]
impl Stream {
    /// The next event; `done(event, error)` is called on another thread. At the end there is none:
    /// if the stream or the client is closed, also meanwhile, if the interpreter is ending, or if
    /// this process was forked since the stream was created.
    #[pyo3(signature = (done: "_Done"))]
    fn next(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        if self.changes.is_inherited() || gate::is_shut() {
            return complete(py, &done);
        }
        let next = self.changes.next();
        Ok(submit(done, async { Ok(next.await?.map(Event)) })?)
    }

    /// Ends it, and a wait for the next event. Does nothing in a forked child, where it has ended.
    fn close(&self) {
        self.changes.close();
    }
}
