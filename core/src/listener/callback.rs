//! Calls a function for each event: one call at a time, on a blocking thread, and with an end that
//! leaves no call running.

mod delivery;

use std::cell::RefCell;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use arc_swap::{ArcSwap, ArcSwapOption};
use tracing::warn;

use super::queue::Queue;
use super::{ChangeStream, Listeners};
use crate::change::{ChangeEvent, Interest};
use crate::process_local::{ProcessLocal, ProcessLocalCell};

pub(crate) use delivery::Delivery;

/// Functions that can wait for each other: as many as can run.
const MAX_WAITING: usize = 64;

/// Function that is called for each event. A forked child can call it although a call was running at
/// the fork; functions with state of their own are wrapped with [`exclusive`].
pub(crate) type Callback = Box<dyn Fn(&Arc<ChangeEvent>) + Send + Sync>;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The subscriber whose function this thread is running.
    static RUNNING: RefCell<Option<Arc<Subscriber>>> = const { RefCell::new(None) };
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
    ends_when_dropped: bool,
}

impl Subscription {
    /// A subscriber for the events of `stream`, and the task that calls it.
    pub(crate) fn new(subscriber: Arc<Subscriber>) -> Self {
        Self { subscriber, ends_when_dropped: true }
    }

    /// A subscription that dropping does not end: only [`Subscription::cancel`],
    /// [`Subscription::end`], or the end of the namespace.
    ///
    /// ```
    /// use castalia_core::{InMemory, Interest};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> castalia_core::Result<()> {
    /// let memory = InMemory::new()?;
    /// let config = memory.client().config("application").await?;
    /// let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    /// let listener = move |_: &_| drop(sender.send(()));
    /// drop(config.on_change(Interest::everything(), listener).kept());
    /// memory.set("application", "timeout", "200").await?;
    /// assert!(heard.recv().await.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn kept(mut self) -> Self {
        self.ends_when_dropped = false;
        self
    }

    /// Ends the subscription. After it returns, no call is running, none will start, and the
    /// function has been dropped. Called from within the function itself, or from one that this
    /// function is waiting for in the same way, it only marks the end; the function is then dropped
    /// when it returns. The second time it does nothing.
    ///
    /// Blocks while a call is running.
    pub fn cancel(&self) {
        self.subscriber.end();
        self.subscriber.drop_function();
    }

    /// Ends the subscription without waiting, as dropping it does.
    pub fn end(&self) {
        self.subscriber.end();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.ends_when_dropped {
            self.end();
        }
    }
}

/// A function and the events it is called for.
pub(crate) struct Subscriber {
    id: u64,
    interest: Interest,
    /// `None` once it is dropped.
    function: ArcSwapOption<Callback>,
    ended: AtomicBool,
    queue: ArcSwap<ProcessLocal<Queue>>,
    /// The subscriber that the function is cancelling, and whose call it waits for.
    waits_for: ArcSwapOption<Subscriber>,
    locks: ProcessLocalCell<Locks>,
}

/// What is locked. Each process has its own: a lock that was held at a fork is never released in
/// the child.
#[derive(Default)]
struct Locks {
    /// Held during a call, and when the function is taken to be dropped.
    call: Mutex<()>,
    /// What a task left when its runtime ended.
    left: Mutex<Option<Left>>,
}

/// Events that were not delivered.
struct Left {
    /// Taken from the stream.
    taken: Option<Arc<ChangeEvent>>,
    _stream: ChangeStream,
}

impl Subscriber {
    /// Ties a function to a stream.
    pub(crate) fn new(stream: ChangeStream, function: Callback) -> (Arc<Self>, Delivery) {
        let subscriber = Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            interest: stream.queue.interest(),
            function: ArcSwapOption::from_pointee(function),
            ended: AtomicBool::new(false),
            queue: ArcSwap::new(stream.queue.clone()),
            waits_for: ArcSwapOption::empty(),
            locks: ProcessLocalCell::new(),
        });
        (subscriber.clone(), Delivery::new(stream, subscriber))
    }

    /// Subscribes the function again after its task is gone; `None` if it has ended. A call that
    /// was running at a fork does not hinder those in the child.
    pub(crate) fn resume(self: &Arc<Self>, listeners: &Listeners) -> Option<Delivery> {
        if self.has_ended() {
            return None;
        }
        let stream = if self.queue.load().belongs_to_this_process() {
            // Its stream is dropped, and with it the queue discarded, when its events are copied.
            let left = self.take_left();
            let taken = left.as_ref().and_then(|left| left.taken.clone());
            listeners.stream_after_queue(&self.queue.load(), taken)
        } else {
            // The thread that waited does not exist here.
            self.waits_for.store(None);
            listeners.stream(Interest::everything())
        };
        let stream = stream.with_interest(self.interest.clone());
        self.queue.store(stream.queue.clone());
        Some(Delivery::new(stream, self.clone()))
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Calls the function unless the subscription has ended; false if it panicked.
    fn call(self: &Arc<Self>, event: &Arc<ChangeEvent>) -> bool {
        let locks = self.locks();
        let _held = lock(&locks.call);
        RUNNING.set(Some(self.clone()));
        let mut completed = true;
        if let Some(function) = self.function.load_full().filter(|_| !self.has_ended()) {
            completed = catch_unwind(AssertUnwindSafe(|| function(event))).is_ok();
        }
        if self.has_ended() {
            // Dropped before the lock is released, so that a waiting `cancel` finds it dropped.
            drop(self.function.swap(None));
        }
        RUNNING.set(None);
        completed
    }

    /// Prevents further calls.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        let queue = self.queue.load();
        if queue.belongs_to_this_process() {
            queue.discard();
            // There is no task that would drop the function.
            if self.take_left().is_some() {
                self.drop_idle_function();
            }
        }
    }

    /// Drops the function, unless a call is running, which does so when it returns. It may own the
    /// subscription, and the two would keep each other alive.
    fn drop_idle_function(&self) {
        let locks = self.locks();
        let function = locks.call.try_lock().ok().and_then(|_held| self.function.swap(None));
        drop(function);
    }

    fn take_left(&self) -> Option<Left> {
        let locks = self.locks();
        lock(&locks.left).take()
    }

    fn leave(&self, left: Left) {
        let locks = self.locks();
        *lock(&locks.left) = Some(left);
    }

    /// Drops the function once no call is running, and returns when it has been dropped. Does nothing
    /// inside the function itself, and inside one that it waits for. In a forked child, a call that
    /// was running at the fork keeps the function.
    fn drop_function(self: &Arc<Self>) {
        // Destroyed before the statics of a program, which may own a subscription.
        let running = RUNNING.try_with(|running| running.borrow().clone()).ok().flatten();
        // Locking here would deadlock: this thread holds the lock.
        if running.as_ref().is_some_and(|running| running.id == self.id) {
            return;
        }
        let Some(running) = running else { return self.drop_locked_function() };
        drop(self.take_function_for(&running));
    }

    /// Drops the function under its lock, so that others that do the same wait for the end of it.
    fn drop_locked_function(self: &Arc<Self>) {
        let locks = self.locks();
        let held = lock(&locks.call);
        // What the function owns may cancel this subscription when it is dropped.
        let mark = |subscriber| RUNNING.try_with(|running| running.replace(subscriber)).ok();
        mark(Some(self.clone()));
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(self.function.swap(None))));
        mark(None);
        drop(held);
        if let Err(panic) = dropped {
            resume_unwind(panic);
        }
    }

    /// The function, for one that is running; `None` if that one is what it waits for.
    fn take_function_for(self: &Arc<Self>, running: &Arc<Self>) -> Option<Arc<Callback>> {
        // Set before the others are examined, so that at least one of two functions that cancel
        // each other finds out.
        running.waits_for.store(Some(self.clone()));
        let function = match self.is_waiting_for(running) {
            true => None,
            false => self.take_function(),
        };
        running.waits_for.store(None);
        function
    }

    /// The function, once no call is running.
    fn take_function(&self) -> Option<Arc<Callback>> {
        let locks = self.locks();
        let _held = lock(&locks.call);
        self.function.swap(None)
    }

    /// Whether the function waits for another one, directly or through others.
    fn is_waiting_for(self: &Arc<Self>, other: &Self) -> bool {
        let next = |subscriber: &Arc<Self>| subscriber.waits_for.load_full();
        let waiting = std::iter::successors(next(self), next);
        // Others may wait in a circle for a moment, until they find out.
        waiting.take(MAX_WAITING).any(|subscriber| subscriber.id == other.id)
    }

    fn locks(&self) -> Arc<ProcessLocal<Locks>> {
        let Ok(locks) = self.locks.get(|| Ok::<_, Infallible>(Locks::default()));
        locks
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A function with state of its own as a [`Callback`]. A child that was forked during a call does
/// not call it: the state may be half changed there, and that call never ends.
pub(crate) fn exclusive(
    function: impl FnMut(&Arc<ChangeEvent>) + Send + 'static,
) -> impl Fn(&Arc<ChangeEvent>) + Send + Sync + 'static {
    let (function, is_logged) = (Mutex::new(function), AtomicBool::new(false));
    move |event: &Arc<ChangeEvent>| {
        let mut held = match function.try_lock() {
            Ok(held) => held,
            // It panicked before, and remains registered.
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => {
                if !is_logged.swap(true, Ordering::Relaxed) {
                    let namespace = &*event.identity().namespace;
                    warn!(
                        namespace,
                        "a change listener that was running when this process was forked is not called here; register another one"
                    );
                }
                return;
            }
        };
        (*held)(event);
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
