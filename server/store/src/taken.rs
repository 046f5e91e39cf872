//! The connection of a pool that some work takes, as the pool notes it in the task of the work.
//! Knows no table.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

tokio::task_local! {
    static TAKEN: Taken;
}

/// Notes the connection that some work takes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<Mutex<Option<TakenConnection>>>);

#[derive(Clone, Copy, Debug)]
struct TakenConnection {
    age: Duration,
    opened: Instant,
}

impl Taken {
    /// Forgets the connection of earlier work.
    pub(super) async fn note<T>(&self, work: impl Future<Output = T>) -> T {
        self.forget();
        self.note_more(work).await
    }

    /// Notes another connection if the work takes one.
    pub(super) async fn note_more<T>(&self, work: impl Future<Output = T>) -> T {
        TAKEN.scope(self.clone(), work).await
    }

    /// Age of the connection when it was taken last, zero if it was opened for the work; `None`
    /// while the work waits for its first one.
    pub(super) fn age(&self) -> Option<Duration> {
        self.0.lock().map(|taken| taken.age)
    }

    /// When the connection that was taken last was opened.
    pub(super) fn opened(&self) -> Option<Instant> {
        self.0.lock().map(|taken| taken.opened)
    }

    fn forget(&self) {
        *self.0.lock() = None;
    }
}

/// Forgets the connection that the work of this task took. Without an effect outside of
/// `Taken::note`.
pub(super) fn forget_taken() {
    let _ = TAKEN.try_with(Taken::forget);
}

/// Whether the work of this task has taken a connection.
pub(super) fn has_taken() -> bool {
    TAKEN.try_with(|taken| taken.age().is_some()).unwrap_or(true)
}

/// Notes that the work of this task has a connection of this age. Without an effect outside of
/// `Taken::note`.
pub(super) fn note_taken(age: Duration) {
    let now = Instant::now();
    let opened = now.checked_sub(age).unwrap_or(now);
    let _ = TAKEN.try_with(|taken| *taken.0.lock() = Some(TakenConnection { age, opened }));
}
