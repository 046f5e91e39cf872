//! The gate between the threads of the client and a host that they must not enter after it has
//! ended, or while it forks. It uses no lock that a forked child could find held.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks at a count.
const PAUSE: Duration = Duration::from_millis(1);

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
    /// Threads that are about to enter.
    arriving: AtomicUsize,
    /// Threads that wait to fork, or fork.
    forking: AtomicUsize,
}

impl Gate {
    /// Lets callbacks run until it is shut.
    #[must_use]
    pub const fn open() -> Self {
        let (arriving, forking) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { shut: AtomicBool::new(false), inside: AtomicUsize::new(0), arriving, forking }
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
            thread::park_timeout(PAUSE);
        }
    }

    /// Waits while the process forks. It does not fork until the result is dropped, which is to
    /// happen when the host has accepted the thread.
    #[must_use]
    pub fn arrive(&self) -> Arrival<'_> {
        loop {
            self.arriving.fetch_add(1, Ordering::SeqCst);
            let arrival = Arrival(self);
            if self.forking.load(Ordering::SeqCst) == 0 {
                return arrival;
            }
            drop(arrival);
            thread::park_timeout(PAUSE);
        }
    }

    /// Waits until no thread is arriving, and lets none arrive until the same thread calls
    /// [`after_fork`](Self::after_fork). Must not be called with a lock that a host holds while it
    /// accepts a thread.
    pub fn before_fork(&self) {
        self.forking.fetch_add(1, Ordering::SeqCst);
        while self.arriving.load(Ordering::SeqCst) > 0 {
            thread::park_timeout(PAUSE);
        }
    }

    /// Ends what [`before_fork`](Self::before_fork) began, in the process that forked.
    pub fn after_fork(&self) {
        decrease(&self.forking);
    }

    /// Must be called in a forked child: it has none of the threads that were in callbacks or
    /// arriving, and its own thread may wait, even if a callback forked it.
    pub fn forked(&self) {
        for count in [&self.inside, &self.arriving, &self.forking] {
            count.store(0, Ordering::SeqCst);
        }
        IN_CALLBACK.set(false);
    }
}

/// A thread that is about to enter a host.
pub struct Arrival<'a>(&'a Gate);

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        decrease(&self.0.arriving);
    }
}

/// Does not pass zero: in a child that was forked meanwhile, the counts were reset.
fn decrease(count: &AtomicUsize) {
    let less = |count: usize| count.checked_sub(1);
    let _ = count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
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
        decrease(&self.0.inside);
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

    #[test]
    fn no_thread_arrives_during_a_fork() {
        let gate = &Gate::open();
        let arrival = gate.arrive();
        let (arrived, has_arrived) = sync_channel(1);
        thread::scope(|scope| {
            let fork = scope.spawn(|| gate.before_fork());
            while gate.forking.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            assert!(!fork.is_finished(), "a thread is arriving");
            scope.spawn(move || {
                drop(gate.arrive());
                arrived.send(()).unwrap();
            });
            drop(arrival);
            fork.join().unwrap();
            assert!(has_arrived.recv_timeout(Duration::from_millis(20)).is_err());
            gate.after_fork();
            has_arrived.recv_timeout(Duration::from_secs(60)).unwrap();
        });
    }
}
