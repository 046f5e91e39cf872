//! The only way from a thread of the client into Python. It is closed before the interpreter ends,
//! so that no thread acquires the interpreter lock afterwards, and no thread arrives during a fork:
//! CPython creates the state of a thread under a lock that a child waits for without end, such as
//! in version 3.11.

use std::time::Duration;

use castalia_core::host::fork;
use castalia_core::host::gate::{self, Gate};
use pyo3::prelude::*;

static GATE: Gate = Gate::open();

/// Runs a function in Python, on a thread of the client that may block; `None` if the interpreter
/// is ending.
pub(crate) fn enter<T>(body: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    // A thread in a callback has arrived, and may hold what the thread that forks waits for.
    let arrival = (!gate::in_callback()).then(|| GATE.arrive());
    let body = |py: Python<'_>| {
        drop(arrival);
        body(py)
    };
    GATE.enter(|| Python::try_attach(body)).flatten()
}

/// Whether the interpreter is ending, so that no thread of the client enters Python any more.
pub(crate) fn is_shut() -> bool {
    GATE.is_shut()
}

/// Whether this thread runs a callback, which must not call functions that wait.
#[pyfunction]
pub(crate) fn in_callback() -> bool {
    gate::in_callback()
}

/// Closes the gate for good and waits until no callback is running, at most this many seconds.
#[pyfunction]
pub(crate) fn shut(py: Python<'_>, timeout: f64) {
    let patience = Duration::from_secs_f64(timeout.clamp(0.0, 60.0));
    py.detach(|| GATE.shut(patience));
}

/// Waits until no thread of the client is about to enter Python, and lets none enter until
/// `after_fork`.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(|| GATE.before_fork());
}

/// Ends what `before_fork` began, in the process that forked.
#[pyfunction]
pub(crate) fn after_fork() {
    GATE.after_fork();
}

/// A forked child has none of the threads that were in callbacks, and its own thread may wait, even
/// if a callback forked it. Clients with listeners restart now, all others at the next read.
#[pyfunction]
pub(crate) fn forked() {
    GATE.forked();
    fork::forked();
    fork::resume_listeners();
}
