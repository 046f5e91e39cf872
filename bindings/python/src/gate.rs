//! The only way from a thread of the client into Python. It is closed before the interpreter ends,
//! so that no thread acquires the interpreter lock afterwards. It uses no lock that a forked child
//! could find held.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use castalia_core::host::fork;
use pyo3::prelude::*;

static SHUT: AtomicBool = AtomicBool::new(false);
static INSIDE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
}

/// Runs a function in Python, on a thread of the client that may block; `None` if the interpreter
/// is ending.
pub(crate) fn enter<T>(body: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::new();
    if is_shut() {
        return None;
    }
    Python::try_attach(body)
}

/// Whether the interpreter is ending, so that no thread of the client enters Python any more.
pub(crate) fn is_shut() -> bool {
    SHUT.load(Ordering::SeqCst)
}

struct Inside;

impl Inside {
    fn new() -> Self {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        IN_CALLBACK.set(true);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        IN_CALLBACK.set(false);
        // In a child that was forked by a callback, the count was reset.
        let less = |inside: usize| inside.checked_sub(1);
        let _ = INSIDE.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }
}

/// Whether this thread runs a callback, which must not call functions that wait.
#[pyfunction]
pub(crate) fn in_callback() -> bool {
    IN_CALLBACK.get()
}

/// Closes the gate for good and waits until no callback is running, at most this many seconds.
#[pyfunction]
pub(crate) fn shut(py: Python<'_>, timeout: f64) {
    SHUT.store(true, Ordering::SeqCst);
    let end = Instant::now() + Duration::from_secs_f64(timeout.clamp(0.0, 60.0));
    py.detach(|| {
        while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::park_timeout(Duration::from_millis(1));
        }
    });
}

/// A forked child has none of the threads that were in callbacks, and its own thread may wait, even
/// if a callback forked it. Clients with listeners restart now, all others at the next read.
#[pyfunction]
pub(crate) fn forked() {
    INSIDE.store(0, Ordering::SeqCst);
    IN_CALLBACK.set(false);
    fork::forked();
    fork::resume_listeners();
}
