//! Calls a function for each event: one call at a time, on a blocking thread, and with an end that
//! leaves no call running.

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

/// A listener that runs longer is logged. It loses no event, but receives them late.
const SLOW: Duration = Duration::from_secs(30);

/// Function that is called for each event.
pub(crate) type Callback = Box<dyn FnMut(&Arc<ChangeEvent>) + Send>;

/// Starts at 1, because 0 means that no function is running.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// Id of the subscriber whose function this thread is running; 0 if none.
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}

/// A registered function. Dropping it ends the subscription without waiting.
///
/// ```
/// use castalia_core::{InMemory, Interest};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// let config = memory.client().config("application").await?;
///
/// let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
/// let subscription = config.on_change(Interest::everything().key("timeout"), move |event| {
///     let _ = sender.send(event.change("timeout").cloned());
/// });
/// memory.set("application", "timeout", "200").await?;
///
/// let change = receiver.recv().await.expect("the listener was called").expect("the key changed");
/// assert_eq!(change.new_value.as_deref(), Some("200"));
/// subscription.cancel();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    subscriber: Arc<Subscriber>,
}

impl Subscription {
    /// A subscriber for the events of `stream`, and the task that calls it.
    pub(crate) fn new(subscriber: Arc<Subscriber>) -> Self {
        Self { subscriber }
    }

    /// Ends the subscription. After it returns, no call is running, none will start, and the
    /// function has been dropped. Called from within the function itself, it only marks the end;
    /// the function is then dropped when it returns. The second time it does nothing.
    ///
    /// Blocks while a call is running.
    pub fn cancel(&self) {
        self.subscriber.end();
        drop(self.subscriber.take_function());
    }

    /// Ends the subscription without waiting, as dropping it does.
    pub fn end(&self) {
        self.subscriber.end();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.end();
    }
}

/// A function and the events it is called for.
pub(crate) struct Subscriber {
    id: u64,
    interest: Interest,
    /// Locked during a call.
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

    /// Subscribes the function again in a forked child; `None` if it has ended or was being called
    /// at the time of the fork.
    pub(crate) fn resume(self: &Arc<Self>, listeners: &Listeners) -> Option<Delivery> {
        // A lock that was held at the fork is never released in the child, and the function may be
        // half executed.
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

    /// Calls the function unless the subscription has ended; false if it panicked.
    fn call(&self, event: &Arc<ChangeEvent>) -> bool {
        let mut held = self.function.lock().unwrap_or_else(PoisonError::into_inner);
        RUNNING.set(self.id);
        let mut completed = true;
        if let Some(function) = held.as_mut().filter(|_| !self.has_ended()) {
            completed = catch_unwind(AssertUnwindSafe(|| function(event))).is_ok();
        }
        if self.has_ended() {
            // Dropped before the lock is released, so that a waiting `cancel` finds it dropped.
            drop(held.take());
        }
        RUNNING.set(0);
        completed
    }

    /// Prevents further calls.
    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        let queue = self.queue.load();
        if queue.belongs_to_this_process() {
            queue.discard();
        }
    }

    /// The function, once no call is running. `None` inside the function itself, and in a forked
    /// child if it was running at the fork.
    fn take_function(&self) -> Option<Callback> {
        // Locking here would deadlock: this thread holds the lock.
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

/// Waits until a call has a thread, and logs once if that takes long.
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

/// The task that calls a subscriber.
pub(crate) struct Delivery {
    stream: ChangeStream,
    subscriber: Arc<Subscriber>,
}

impl Delivery {
    /// Delivers events until the subscription or the client ends. `failed` is called with the name
    /// of the namespace if the function panics.
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
            // A join error means that the runtime is shutting down, not that the listener failed.
            if !completed.unwrap_or(true) {
                failed(&namespace);
                error!(namespace, "a change listener failed; it remains registered");
            }
        }
        let subscriber = self.subscriber;
        subscriber.ended.store(true, Ordering::SeqCst);
        // Dropped on a blocking thread: the function may own something whose destructor blocks.
        let _ = DROP_POOL.run(move || drop(subscriber.take_function())).await;
    }
}

/// Drops the function if the task is cancelled: it may own the subscription, and the two would keep
/// each other alive.
struct DeliveryGuard(Arc<Subscriber>);

impl Drop for DeliveryGuard {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
        // A call in progress holds the lock and drops the function when it returns.
        if let Ok(mut function) = self.0.function.try_lock() {
            drop(function.take());
        }
    }
}
