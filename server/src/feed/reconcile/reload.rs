//! Reads everything in memory again after the ids of release messages went back. A reload that
//! does not succeed remains requested, whatever ends it.

use std::collections::HashSet;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};

use crate::error::{Error, Result};
use crate::feed::ReleaseFeed;
use crate::feed::cache::{NamespaceKey, NamespaceRef};

/// Namespaces that are read concurrently.
const AT_ONCE: usize = 2;

/// A reload that has to be done.
#[derive(Debug, Default)]
pub(in crate::feed) struct ReloadRequest {
    /// Watch keys whose clients are woken in any case.
    pub(super) moved: HashSet<String>,
    /// Whether a panic ended it.
    has_panicked: bool,
}

/// A reload that was requested. Unless it succeeds, it is requested again when this is dropped: it
/// may fail, and the task that runs it may panic.
pub(super) struct RequestedReload {
    feed: ReleaseFeed,
    request: ReloadRequest,
    is_done: bool,
}

impl RequestedReload {
    pub(super) async fn run(&mut self) -> Result<()> {
        // Until it returns.
        self.request.has_panicked = true;
        let done = self.feed.reload_all(&mut self.request.moved).await;
        self.request.has_panicked = false;
        self.is_done = done.is_ok();
        done
    }

    /// Whether a panic ended it before; reported once, so that what runs before it may panic, too.
    pub(super) fn take_panicked(&mut self) -> bool {
        mem::take(&mut self.request.has_panicked)
    }
}

impl Drop for RequestedReload {
    fn drop(&mut self) {
        if !self.is_done {
            let ReloadRequest { moved, has_panicked } = mem::take(&mut self.request);
            self.feed.add_reload(moved, has_panicked);
        }
    }
}

impl ReleaseFeed {
    /// Requests that everything in memory is read again. The clients of these watch keys are woken
    /// in any case.
    pub(in crate::feed) fn request_reload(&self, moved: impl IntoIterator<Item = String>) {
        self.add_reload(moved, false);
    }

    fn add_reload(&self, moved: impl IntoIterator<Item = String>, has_panicked: bool) {
        let mut reload = self.0.reload.lock();
        let request = reload.get_or_insert_default();
        request.moved.extend(moved);
        request.has_panicked |= has_panicked;
        drop(reload);
        self.0.rewound.notify_one();
    }

    /// Requests the reload that lost keys wait for again, if the last one could not read all
    /// namespaces and they can be read now.
    pub(in crate::feed) fn reload_for_lost_keys(&self) {
        if self.keys().awaits_reload() && self.are_all_readable() {
            self.request_reload(Vec::new());
        }
    }

    /// Whether no namespace in memory is deferred.
    fn are_all_readable(&self) -> bool {
        let cached = self.cache().cached();
        !cached.iter().any(|(key, _)| self.0.deferred.holds(&key.watch_key()))
    }

    /// Takes the reload that is requested. What is requested from now on is another one.
    pub(super) fn requested_reload(&self) -> Option<RequestedReload> {
        let request = self.0.reload.lock().take()?;
        Some(RequestedReload { feed: self.clone(), request, is_done: false })
    }

    /// Reads everything in memory, then wakes the clients of what has changed: those of several
    /// namespaces would otherwise receive a mixture of two states.
    async fn reload_all(&self, moved: &mut HashSet<String>) -> Result<()> {
        self.check_tables().await?;
        let losses_of_keys = self.keys().losses();
        let cached: Vec<_> = self.cache().cached().into_iter().map(|(key, _)| key).collect();
        let namespaces = cached.len();
        let has_failed = AtomicBool::new(false);
        let refreshed = stream::iter(cached).map(|key| async {
            // What is being read is read to its end, or the clients of a change would not be woken.
            if has_failed.load(Ordering::Acquire) || self.0.deferred.holds(&key.watch_key()) {
                return Ok(None);
            }
            let refreshed = self.readable(&key, self.cache().refresh(NamespaceRef::of(&key)));
            let is_other = refreshed.await?.unwrap_or_default();
            Ok::<_, Error>(is_other.then_some(key))
        });
        let mut refreshed = refreshed.buffer_unordered(AT_ONCE);
        let (mut changed, mut failure) = (Vec::new(), None);
        while let Some(done) = refreshed.next().await {
            match done {
                Ok(key) => {
                    // Unless this succeeds, the next reload wakes their clients.
                    moved.extend(key.as_ref().map(NamespaceKey::watch_key));
                    changed.extend(key);
                }
                Err(error) => {
                    has_failed.store(true, Ordering::Release);
                    failure.get_or_insert(error);
                }
            }
        }
        drop(refreshed);
        for key in &changed {
            self.wake_by_position(key).await;
        }
        if let Some(error) = failure {
            return Err(error);
        }
        let woken: HashSet<_> = changed.iter().map(NamespaceKey::watch_key).collect();
        for key in moved.difference(&woken).filter_map(|key| self.stored_key(key)) {
            self.wake_by_position(&key).await;
        }
        // Keys that were lost still protect the old releases of a namespace that cannot be read.
        if self.are_all_readable() {
            self.keys().reloaded(losses_of_keys);
        }
        self.0.condition.healed();
        tracing::info!(namespaces, "reloaded all releases in memory");
        Ok(())
    }
}
