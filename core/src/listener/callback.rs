//! Calling a function for each event: one call at a time, never on a network thread, and a way to end it that leaves no call
//! running behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use tokio::task::spawn_blocking;
use tracing::error;

use super::{ChangeStream, Queue};
use crate::change::ChangeEvent;

/// What is called for each event.
pub(super) type Callback = Box<dyn FnMut(&Arc<ChangeEvent>) + Send>;

/// A registered function. Dropping it ends the subscription without waiting.
#[derive(Debug)]
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    queue: Arc<Queue>,
    call: Arc<Call>,
}

impl Subscription {
    /// Ends the subscription: when this returns, no call is running and none will start, and the function has been dropped.
    /// From inside the function itself it only marks the end, and the function is dropped when it returns.
    ///
    /// Blocks while a call is running.
    pub fn cancel(self) {
        self.queue.discard();
        self.call.end_and_wait();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.queue.discard();
        self.call.ended.store(true, Ordering::SeqCst);
    }
}

/// The task side of a subscription.
pub(crate) struct Delivery {
    stream: ChangeStream,
    call: Arc<Call>,
    failures: Arc<AtomicU64>,
}

impl Delivery {
    /// Ties a function to a stream; calls that panic are counted in `failures`.
    pub(crate) fn new(
        stream: ChangeStream,
        callback: Callback,
        failures: Arc<AtomicU64>,
    ) -> (Self, Subscription) {
        let call = Arc::new(Call {
            callback: Mutex::new(Some(callback)),
            runner: Mutex::new(None),
            ended: AtomicBool::new(false),
        });
        let subscription = Subscription { queue: stream.queue.clone(), call: call.clone() };
        let delivery = Self { stream, call, failures };
        (delivery, subscription)
    }

    /// Delivers until the subscription or the client ends. A call runs on a thread that may block.
    pub(crate) async fn run(mut self) {
        while let Some(event) = self.stream.next().await {
            let call = self.call.clone();
            let namespace = event.identity().namespace.clone();
            let calm = spawn_blocking(move || call.run(&event)).await;
            if !calm.unwrap_or(true) {
                self.failures.fetch_add(1, Ordering::Relaxed);
                error!(namespace, "a change listener panicked; it stays registered");
            }
        }
        let call = self.call;
        // The function may free what only a thread that may block can free.
        let _ = spawn_blocking(move || drop(call.take())).await;
    }
}

struct Call {
    /// Held while the function runs.
    callback: Mutex<Option<Callback>>,
    /// Thread that runs the function now.
    runner: Mutex<Option<ThreadId>>,
    ended: AtomicBool,
}

impl Call {
    /// Calls the function unless the subscription has ended; false when it panicked.
    fn run(&self, event: &Arc<ChangeEvent>) -> bool {
        let mut callback = lock(&self.callback);
        *lock(&self.runner) = Some(thread::current().id());
        let mut calm = true;
        if let Some(function) = callback.as_mut().filter(|_| !self.has_ended()) {
            calm = catch_unwind(AssertUnwindSafe(|| function(event))).is_ok();
        }
        if self.has_ended() {
            // Dropped before the lock is released, so that a cancel that waits finds it dropped.
            drop(callback.take());
        }
        *lock(&self.runner) = None;
        calm
    }

    fn end_and_wait(&self) {
        self.ended.store(true, Ordering::SeqCst);
        let runs_here = *lock(&self.runner) == Some(thread::current().id());
        if !runs_here {
            drop(self.take());
        }
    }

    fn take(&self) -> Option<Callback> {
        lock(&self.callback).take()
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ended = self.has_ended();
        f.debug_struct("Call").field("ended", &ended).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
