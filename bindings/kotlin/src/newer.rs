//! Newer snapshots of a namespace, also those that no change leads to, because only their release
//! key, source or order differs.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use castalia_core::host::call;
use castalia_core::{Config, Follower, Result};

use crate::error::Failure;

/// Waits for newer snapshots, which are then read from the namespace. Dropping this unsubscribes.
#[derive(uniffi::Object)]
pub(crate) struct Newer {
    /// `None` once it has ended, because it keeps the namespace open and the client running.
    follower: Mutex<Option<Follower>>,
}

impl Newer {
    fn end(&self) {
        let follower = lock(&self.follower).take();
        drop(follower);
    }

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut follower = lock(&self.follower);
        match follower.as_mut() {
            Some(follower) => pin!(follower.next()).poll(context).map(|newer| newer.is_some()),
            None => Poll::Ready(false),
        }
    }
}

#[uniffi::export]
impl Newer {
    /// Waits for a snapshot that is newer than the last one; false at the end.
    async fn next(self: Arc<Self>) -> Result<bool, Failure> {
        let next = async move { Ok(poll_fn(|context| self.poll_next(context)).await) };
        Ok(call::run(next).await?)
    }
}

/// All waits for newer snapshots of one namespace. They end with this.
#[derive(Default)]
pub(crate) struct Followers {
    known: Mutex<Vec<Weak<Newer>>>,
}

impl Followers {
    /// Follows a namespace from now on. It is looked up under the lock, so that none is added after
    /// [`Followers::end`] of a namespace that was closed before.
    pub(crate) fn add(&self, config: impl FnOnce() -> Result<Config>) -> Result<Arc<Newer>> {
        let mut known = lock(&self.known);
        let follower = Mutex::new(Some(config()?.follow()));
        let newer = Arc::new(Newer { follower });
        known.retain(|known| known.strong_count() > 0);
        known.push(Arc::downgrade(&newer));
        Ok(newer)
    }

    /// Ends all of them, so that none keeps the namespace open when this returns.
    pub(crate) fn end(&self) {
        let known = std::mem::take(&mut *lock(&self.known));
        known.iter().filter_map(Weak::upgrade).for_each(|newer| newer.end());
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
