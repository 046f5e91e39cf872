//! Calling a function for each event: one call at a time, never on a network thread, and a way to end it that leaves no call
//! running behind.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::timeout;
use tracing::{error, warn};

use super::queue::Queue;
use super::{ChangeStream, Listeners};
use crate::blocking_pool::{DROP_POOL, LISTENER_POOL};
use crate::change::{ChangeEvent, Interest};
use crate::process_local::ProcessLocal;

/// A listener that runs longer is told of: it misses nothing, but sees it late.
const SLOW: Duration = Duration::from_secs(30);

/// What is called for each event.
pub(crate) type Callback = Box<dyn FnMut(&Arc<ChangeEvent>) + Send>;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The subscriber whose function this thread runs now; 0 for none.
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}

/// A registered function. Dropping it ends the subscription without waiting.
#[derive(Debug)]
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    subscriber: Arc<Subscriber>,
}

impl Subscription {
    pub(crate) fn new(subscriber: Arc<Subscriber>) -> Self {
        Self { subscriber }
    }

    /// Ends the subscription: when this returns, no call is running and none will start, and the function has been dropped.
    /// From inside the function itself it only marks the end, and the function is dropped when it returns.
    ///
    /// Blocks while a call is running.
    pub fn cancel(self) {
        self.subscriber.end();
        drop(self.subscriber.take_function());
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscriber.end();
    }
}

/// A function and what it is called for.
pub(crate) struct Subscriber {
    id: u64,
    interest: Interest,
    /// Held while the function runs.
    function: Mutex<Option<Callback>>,
    ended: AtomicBool,
    queue: ArcSwap<ProcessLocal<Queue>>,
}

impl Subscriber {
    /// Ties a function to a stream.
    pub(crate) fn new(stream: ChangeStream, function: Callback) -> (Arc<Self>, Delivery) {
        let subscriber = Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            interest: stream.queue.interest(),
            function: Mutex::new(Some(function)),
            ended: AtomicBool::new(false),
            queue: ArcSwap::new(stream.queue.clone()),
        });
        (subscriber.clone(), Delivery { stream, subscriber })
    }

    /// Ties it to new listeners, in a forked child; `None` if it has ended, or was being called when the child was forked.
    pub(crate) fn resume(self: &Arc<Self>, listeners: &Listeners) -> Option<Delivery> {
        if self.has_ended() || self.function.try_lock().is_err() {
            return None;
        }
        let stream = listeners.stream(self.interest.clone());
        self.queue.store(stream.queue.clone());
        Some(Delivery { stream, subscriber: self.clone() })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Calls the function unless the subscription has ended; false when it panicked.
    fn call(&self, event: &Arc<ChangeEvent>) -> bool {
        let mut held = self.function.lock().unwrap_or_else(PoisonError::into_inner);
        RUNNING.set(self.id);
        let mut completed = true;
        if let Some(function) = held.as_mut().filter(|_| !self.has_ended()) {
            completed = catch_unwind(AssertUnwindSafe(|| function(event))).is_ok();
        }
        if self.has_ended() {
            // Dropped before the lock is released, so that a cancel that waits finds it dropped.
            drop(held.take());
        }
        RUNNING.set(0);
        completed
    }

    /// No call starts from now on.
    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        let queue = self.queue.load();
        if queue.belongs_to_this_process() {
            queue.discard();
        }
    }

    /// The function, once no call of it is running; `None` from inside it, and in a forked child if it ran at the fork.
    fn take_function(&self) -> Option<Callback> {
        if RUNNING.get() == self.id {
            return None;
        }
        if !self.queue.load().belongs_to_this_process() {
            return self.function.try_lock().ok()?.take();
        }
        self.function.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber")
            .field("id", &self.id)
            .field("interest", &self.interest)
            .field("ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}

/// A call once it runs; reports when it has long waited for that.
async fn wait_for_thread<T>(call: impl Future<Output = T>, namespace: &str) -> T {
    let mut call = pin!(call);
    if let Ok(handle) = timeout(SLOW, &mut call).await {
        return handle;
    }
    warn!(
        namespace,
        "a change event waits for a listener thread: too many listeners of this process are blocked"
    );
    call.await
}

/// The task of a subscriber.
pub(crate) struct Delivery {
    stream: ChangeStream,
    subscriber: Arc<Subscriber>,
}

impl Delivery {
    /// Delivers until the subscription or the client ends. A call runs on a thread that may block; the name of the namespace goes
    /// to `failed` when it panicked.
    pub(crate) async fn run(mut self, failed: impl Fn(&str)) {
        let _end = DeliveryGuard(self.subscriber.clone());
        while let Some(event) = self.stream.next().await {
            let subscriber = self.subscriber.clone();
            let namespace = event.identity().namespace.clone();
            let call = LISTENER_POOL.start(move || subscriber.call(&event));
            let mut call = wait_for_thread(call, &namespace).await;
            let completed = match timeout(SLOW, &mut call).await {
                Ok(completed) => completed,
                Err(_) => {
                    warn!(
                        namespace,
                        "a change listener has been running for 30 s; its later events are waiting"
                    );
                    call.await
                }
            };
            if !completed.unwrap_or(true) {
                failed(&namespace);
                error!(namespace, "a change listener failed; it stays registered");
            }
        }
        let subscriber = self.subscriber;
        subscriber.ended.store(true, Ordering::SeqCst);
        // The function may free what only a thread that may block can free.
        let _ = DROP_POOL.run(move || drop(subscriber.take_function())).await;
    }
}

/// Drops the function also where the delivery is cut off, since it may own what owns the subscription.
struct DeliveryGuard(Arc<Subscriber>);

impl Drop for DeliveryGuard {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
        // A call that still runs drops it at its end.
        if let Ok(mut function) = self.0.function.try_lock() {
            drop(function.take());
        }
    }
}
