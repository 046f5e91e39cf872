//! The cache file of one namespace: read when no server answers, written in the background, the latest content only.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::namespace::Namespace;
use crate::cache::FileCache;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Provenance, Snapshot, Source};

/// Threads that disks may hold up, in the whole process.
static DISK: Semaphore = Semaphore::const_new(2);

pub(super) struct CacheWriter {
    cache: Option<FileCache>,
    namespace: Arc<Namespace>,
    unsaved: Option<Arc<Snapshot>>,
    running: Option<BoxFuture<'static, Result<()>>>,
    /// Whether the last write failed; a failure is told once.
    failing: bool,
}

impl CacheWriter {
    pub(super) fn new(cache: Option<FileCache>, namespace: Arc<Namespace>) -> Self {
        Self { cache, namespace, unsaved: None, running: None, failing: false }
    }

    /// Makes the cached content the current one, if there is any.
    pub(super) async fn fall_back(&mut self) {
        let Some(cache) = self.cache.clone() else {
            return;
        };
        let identity = self.namespace.identity().clone();
        let namespace = identity.namespace.clone();
        match on_disk(move || cache.load(&identity)).await {
            Ok(Some(content)) => {
                warn!(namespace, "no server answered; serving the cache file");
                let provenance = Provenance { source: Source::Local, ..Provenance::unknown() };
                let identity = self.namespace.identity().clone();
                let snapshot = Snapshot::new(identity, provenance, content);
                self.namespace.publish(&Arc::new(snapshot));
            }
            Ok(None) => warn!(namespace, "no server answered and there is no cache file"),
            Err(error) => {
                warn!(namespace, %error, "no server answered and the cache file is unusable")
            }
        }
    }

    /// Writes this content soon; replaces what was waiting to be written.
    pub(super) fn write(&mut self, snapshot: Arc<Snapshot>) {
        if self.cache.is_some() {
            self.unsaved = Some(snapshot);
            self.start();
        }
    }

    /// Drives the writing; returns when one write has ended.
    pub(super) async fn step(&mut self) {
        let Some(running) = &mut self.running else {
            return pending().await;
        };
        let outcome = running.await;
        self.running = None;
        self.note(&outcome);
        self.start();
    }

    /// Writes what is still unsaved.
    pub(super) async fn finish(&mut self) {
        while self.running.is_some() {
            self.step().await;
        }
    }

    fn start(&mut self) {
        if self.running.is_some() {
            return;
        }
        if let (Some(cache), Some(snapshot)) = (self.cache.clone(), self.unsaved.take()) {
            let store = move || cache.store(snapshot.identity(), snapshot.configurations());
            self.running = Some(on_disk(store).boxed());
        }
    }

    fn note(&mut self, outcome: &Result<()>) {
        let namespace = &self.namespace.identity().namespace;
        match outcome {
            Ok(()) if self.failing => info!(namespace, "the cache file can be written again"),
            Ok(()) => {}
            Err(error) => {
                let monitor = self.namespace.monitor();
                monitor.cache_failures.fetch_add(1, Ordering::Relaxed);
                if !self.failing {
                    warn!(namespace, %error, "the cache file cannot be written; memory is right");
                }
            }
        }
        self.failing = outcome.is_err();
    }
}

/// Runs on a thread that may block, when the disk has room for another.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    // The semaphore is never closed; a permit that is not there would only mean one thread more.
    let _permit = DISK.acquire().await.ok();
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        let text = "reading or writing panicked";
        Err(Error::new(ErrorKind::Internal, "local cache", text))
    })
}
