//! Word of changes: a function that is called for each event, or events that are taken one by one.

use std::mem;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use castalia_core::{ChangeEvent, ChangeStream, Subscription as CoreSubscription};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::client::submit;
use crate::event;
use crate::gate;

/// Calls a listener on a thread of the client.
pub(crate) fn call(callback: &Py<PyAny>, event: &ChangeEvent) {
    let called = gate::enter(|py| callback.call1(py, (event::parts(py, event)?,)).map(|_| ()));
    if let Some(Err(_)) = called {
        // The client counts what unwinds out of a listener; what it was has been logged in Python.
        resume_unwind(Box::new("the listener raised an exception"));
    }
}

/// A registered listener; it ends with the object.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Subscription {
    held: Mutex<Option<CoreSubscription>>,
}

impl Subscription {
    pub(crate) fn new(subscription: CoreSubscription) -> Self {
        Self { held: Mutex::new(Some(subscription)) }
    }
}

#[pymethods]
impl Subscription {
    /// Ends it: afterwards no call is running and none will start. In the listener itself it only marks the end.
    fn cancel(&self, py: Python<'_>) {
        let taken = lock(&self.held).take();
        // The call that is waited for may need the interpreter lock.
        py.detach(|| taken.map(CoreSubscription::cancel));
    }

    /// Ends it and waits for no call that is running.
    fn end(&self) {
        drop(lock(&self.held).take());
    }
}

/// Events from now on; one is taken at a time.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Stream {
    place: Arc<Mutex<Place>>,
}

/// Where the stream of the client is.
enum Place {
    Here(ChangeStream),
    /// Within the task that waits for the next event.
    Waiting(AbortHandle),
    Closed,
}

impl Stream {
    pub(crate) fn new(stream: ChangeStream) -> Self {
        Self { place: Arc::new(Mutex::new(Place::Here(stream))) }
    }
}

#[pymethods]
impl Stream {
    /// The next event; `done(event, error)` is called on another thread, with no event when the client is closed. Never called
    /// when the stream is closed before.
    fn next(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        let mut place = lock(&self.place);
        let mut stream = match mem::replace(&mut *place, Place::Closed) {
            Place::Here(stream) => stream,
            other => {
                *place = other;
                return Err(PyRuntimeError::new_err("the stream is closed, or waits already"));
            }
        };
        let origin = self.place.clone();
        let next = async move {
            let event = stream.next().await;
            let mut place = lock(&origin);
            if matches!(*place, Place::Waiting(_)) {
                *place = Place::Here(stream);
            }
            Ok(event)
        };
        let waiting = submit(py, done, next, |py, event: Option<Arc<ChangeEvent>>| {
            event.map_or_else(|| Ok(py.None()), |event| event::parts(py, &event))
        })?;
        *place = Place::Waiting(waiting);
        Ok(())
    }

    /// Ends it, and a wait for the next event too.
    fn close(&self) {
        if let Place::Waiting(task) = mem::replace(&mut *lock(&self.place), Place::Closed) {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
