//! Changes: a function that is called for each event, or events that are taken one at a time.

use std::mem;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use castalia_core::{
    ChangeEvent, ChangeStream, Client, Follower, Subscription as CoreSubscription,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::client::submit;
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
    pub(crate) fn new(
        client: Client,
        callback: Py<PyAny>,
        subscribe: impl FnOnce(Box<dyn FnMut(&Arc<ChangeEvent>) + Send>) -> CoreSubscription,
    ) -> Self {
        let held = Arc::new(OnceLock::new());
        let owned = (client, held.clone());
        let subscription = subscribe(Box::new(move |event| {
            let _ = &owned;
            call(&callback, Event(event.clone()));
        }));
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

/// Events from now on, taken one at a time.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Stream {
    place: Arc<Mutex<Place>>,
    /// Keeps the client running.
    _client: Client,
}

/// Who owns the stream at the moment.
enum Place {
    Here(ChangeStream),
    /// The task that waits for the next event.
    Waiting(AbortHandle),
    Closed,
}

impl Stream {
    pub(crate) fn new(stream: ChangeStream, client: Client) -> Self {
        Self { place: Arc::new(Mutex::new(Place::Here(stream))), _client: client }
    }
}

#[pymethods]
impl Stream {
    /// The next event; `done(event, error)` is called on another thread, without an event if the
    /// client is closed. Never called if the stream is closed first.
    #[pyo3(signature = (done: "_Done"))]
    fn next(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        let mut place = lock(&self.place);
        let mut stream = match mem::replace(&mut *place, Place::Closed) {
            Place::Here(stream) => stream,
            other => {
                *place = other;
                return Err(PyRuntimeError::new_err(
                    "the stream is closed, or another call is waiting for it",
                ));
            }
        };
        let origin = self.place.clone();
        let next = async move {
            let event = stream.next().await;
            let mut place = lock(&origin);
            if matches!(*place, Place::Waiting(_)) {
                *place = Place::Here(stream);
            }
            Ok(event.map(Event))
        };
        *place = Place::Waiting(submit(py, done, next)?);
        Ok(())
    }

    /// Ends it, and a wait for the next event.
    fn close(&self) {
        if let Place::Waiting(task) = mem::replace(&mut *lock(&self.place), Place::Closed) {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
