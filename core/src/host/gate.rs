//! The gate between the threads of the client and a host that they must not enter after it has
//! ended. It uses no lock that a forked child could find held.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs a callback, which must not call functions that wait.
#[must_use]
pub fn in_callback() -> bool {
    IN_CALLBACK.get()
}

/// Counts the callbacks that run in a host.
///
/// ```
/// use std::time::Duration;
/// use castalia_core::host::gate::Gate;
///
/// static GATE: Gate = Gate::open();
///
/// assert_eq!(GATE.enter(|| "called"), Some("called"));
/// GATE.shut(Duration::from_secs(1));
/// assert_eq!(GATE.enter(|| "called"), None);
/// ```
pub struct Gate {
    shut: AtomicBool,
    inside: AtomicUsize,
}

impl Gate {
    /// Lets callbacks run until it is shut.
    #[must_use]
    pub const fn open() -> Self {
        Self { shut: AtomicBool::new(false), inside: AtomicUsize::new(0) }
    }

    /// Runs a callback; `None` if the host is ending.
    pub fn enter<T>(&self, callback: impl FnOnce() -> T) -> Option<T> {
        let _inside = Inside::of(self);
        (!self.is_shut()).then(callback)
    }

    /// Whether the host is ending, so that no callback begins any more.
    pub fn is_shut(&self) -> bool {
        self.shut.load(Ordering::SeqCst)
    }

    /// Shuts it for good and waits until no callback is running, at most this long.
    pub fn shut(&self, patience: Duration) {
        self.shut.store(true, Ordering::SeqCst);
        let end = Instant::now() + patience;
        while self.inside.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Must be called in a forked child: it has none of the threads that were in callbacks, and its
    /// own thread may wait, even if a callback forked it.
    pub fn forked(&self) {
        self.inside.store(0, Ordering::SeqCst);
        IN_CALLBACK.set(false);
    }
}

struct Inside<'a>(&'a Gate);

impl<'a> Inside<'a> {
    fn of(gate: &'a Gate) -> Self {
        gate.inside.fetch_add(1, Ordering::SeqCst);
        IN_CALLBACK.set(true);
        Self(gate)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        IN_CALLBACK.set(false);
        // In a child that was forked by a callback, the count was reset.
        let less = |inside: usize| inside.checked_sub(1);
        let _ = self.0.inside.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_shut_gate_waits_for_running_callbacks_and_lets_no_other_begin() {
        let gate = &Gate::open();
        let (entered, running) = sync_channel(1);
        let (end, ended) = sync_channel(1);
        thread::scope(|scope| {
            scope.spawn(move || {
                gate.enter(|| {
                    entered.send(in_callback()).unwrap();
                    ended.recv().unwrap();
                })
            });
            assert!(running.recv().unwrap());
            assert!(!in_callback(), "it is another thread");
            gate.shut(Duration::ZERO);
            assert_eq!(gate.enter(|| 1), None);
            end.send(()).unwrap();
            gate.shut(Duration::from_secs(60));
            assert_eq!(gate.inside.load(Ordering::SeqCst), 0);
        });
    }

    #[test]
    fn a_child_that_a_callback_forked_is_outside() {
        let gate = Gate::open();
        let in_child = gate.enter(|| {
            gate.forked();
            in_callback()
        });
        assert_eq!((in_child, gate.inside.load(Ordering::SeqCst)), (Some(false), 0));
    }
}
