//! Changes: a function that is called for each event, or events that are taken one at a time.

use std::mem;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use castalia_core::host::fork;
use castalia_core::{
    ChangeEvent, ChangeStream, Client, Follower, Subscription as CoreSubscription,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::select;
use tokio::sync::oneshot;

use crate::client::{complete, submit};
use crate::event::{Event, View};
use crate::gate;

/// Function that is called for each event.
type Call = Box<dyn Fn(&Arc<ChangeEvent>) + Send + Sync>;

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
        subscribe: impl FnOnce(Call) -> CoreSubscription,
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

/// Events from now on, taken one at a time. Dropping it ends a wait for the next one.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Stream {
    place: Arc<Mutex<Place>>,
    /// Number of forks before it was created.
    forks: u32,
    /// Keeps the client running.
    _client: Client,
}

/// Who owns the stream at the moment.
enum Place {
    Here(ChangeStream),
    /// A task, which waits for the next event until this is dropped.
    Waiting(#[expect(dead_code, reason = "dropped to end the wait")] oneshot::Sender<()>),
    Closed,
}

impl Stream {
    pub(crate) fn new(stream: ChangeStream, client: Client) -> Self {
        let place = Arc::new(Mutex::new(Place::Here(stream)));
        Self { place, forks: fork::forks(), _client: client }
    }

    /// Whether it belongs to the parent of this process. The task that waits for it, and perhaps
    /// the thread that holds its lock, do not exist here.
    fn is_inherited(&self) -> bool {
        self.forks != fork::forks()
    }
}

#[pymethods]
impl Stream {
    /// The next event; `done(event, error)` is called on another thread. At the end there is none:
    /// if the stream or the client is closed, also meanwhile, if the interpreter is ending, or if
    /// this process was forked since the stream was created.
    #[pyo3(signature = (done: "_Done"))]
    fn next(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        if self.is_inherited() || gate::is_shut() {
            return complete(py, &done);
        }
        let mut place = lock(&self.place);
        let mut stream = match mem::replace(&mut *place, Place::Closed) {
            Place::Here(stream) => stream,
            Place::Closed => {
                // `done` may use the stream.
                drop(place);
                return complete(py, &done);
            }
            waiting @ Place::Waiting(_) => {
                *place = waiting;
                return Err(PyRuntimeError::new_err("another call is waiting for the stream"));
            }
        };
        let origin = self.place.clone();
        let (closing, closed) = oneshot::channel();
        let next = async move {
            let event = select! {
                event = stream.next() => event,
                _ = closed => None,
            };
            let mut place = lock(&origin);
            if matches!(*place, Place::Waiting(_)) {
                *place = Place::Here(stream);
            }
            Ok(event.map(Event))
        };
        submit(py, done, next)?;
        *place = Place::Waiting(closing);
        Ok(())
    }

    /// Ends it, and a wait for the next event. Does nothing in a forked child, where it has ended.
    fn close(&self) {
        if !self.is_inherited() {
            *lock(&self.place) = Place::Closed;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Otherwise the task would wait on, and keep the subscription, until the next event.
        self.close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
