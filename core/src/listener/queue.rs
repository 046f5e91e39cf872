//! The bounded queue of one subscription. When it is full, it merges its oldest events instead of
//! growing or losing one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::change::{ChangeEvent, Interest};

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    limit: QueueLimit,
    /// Events taken, shared by all subscriptions of a namespace.
    delivered: Arc<AtomicU64>,
}

/// How many events may wait.
#[derive(Debug, Clone, Copy)]
pub(super) enum QueueLimit {
    /// At most this many, or 2 if that is greater; then the oldest are merged.
    Events(usize),
    /// Only the newest event.
    Newest,
}

#[derive(Debug)]
struct QueueState {
    interest: Interest,
    pending: VecDeque<Arc<ChangeEvent>>,
    waker: Option<Waker>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(interest: Interest, limit: QueueLimit, delivered: Arc<AtomicU64>) -> Self {
        let state = QueueState { interest, pending: VecDeque::new(), waker: None, closed: false };
        Self { state: Mutex::new(state), limit, delivered }
    }

    /// Adds events that are already waiting.
    pub(super) fn with_pending(self, events: impl Iterator<Item = Arc<ChangeEvent>>) -> Self {
        self.lock().pending.extend(events);
        self
    }

    /// Events that are waiting.
    pub(super) fn pending(&self) -> VecDeque<Arc<ChangeEvent>> {
        self.lock().pending.clone()
    }

    pub(super) fn push(&self, event: &Arc<ChangeEvent>) {
        let mut state = self.lock();
        // The subscription may end while an event is being published.
        if state.closed {
            return;
        }
        match self.limit {
            QueueLimit::Newest => state.pending.clear(),
            QueueLimit::Events(_)
                if !event.changes().keys().any(|key| state.interest.covers(key)) =>
            {
                return;
            }
            // Two events are needed to merge. The new one is never merged, so that a reader is
            // always woken for it.
            QueueLimit::Events(limit) if state.pending.len() >= limit.max(2) => {
                merge_oldest(&mut state.pending);
            }
            QueueLimit::Events(_) => {}
        }
        state.pending.push_back(event.clone());
        wake(state);
    }

    /// The next event, reduced to what the listener is interested in.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Arc<ChangeEvent>>> {
        let mut state = self.lock();
        while let Some(event) = state.pending.pop_front() {
            // Merging may have cancelled out every interesting key.
            if let Some(event) = event.for_interest(&state.interest) {
                self.delivered.fetch_add(1, Ordering::Relaxed);
                return Poll::Ready(Some(event));
            }
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    pub(super) fn update_interest(&self, with: impl FnOnce(Interest) -> Interest) {
        let mut state = self.lock();
        state.interest = with(std::mem::take(&mut state.interest));
    }

    pub(super) fn interest(&self) -> Interest {
        self.lock().interest.clone()
    }

    /// Accepts no further event; waiting events are still delivered.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        wake(state);
    }

    /// Discards waiting events.
    pub(super) fn clear(&self) {
        self.lock().pending.clear();
    }

    /// Closes the queue and discards waiting events.
    pub(super) fn discard(&self) {
        self.clear();
        self.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.lock().pending.len()
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the reader after releasing the lock, which the reader takes first.
fn wake(mut state: MutexGuard<'_, QueueState>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn merge_oldest(pending: &mut VecDeque<Arc<ChangeEvent>>) {
    if let (Some(first), Some(second)) = (pending.pop_front(), pending.pop_front())
        && let Some(merged) = first.merged(&second)
    {
        pending.push_front(Arc::new(merged));
    }
}
