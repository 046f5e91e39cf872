//! Writes the cache file of one namespace in the background: the latest content only.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tracing::{info, warn};

use super::disk::Disk;
use super::namespace::Namespace;
use crate::error::Result;
use crate::snapshot::Snapshot;

pub(super) struct CacheWriter {
    disk: Option<Disk>,
    namespace: Arc<Namespace>,
    unsaved: Option<Arc<Snapshot>>,
    running: Option<BoxFuture<'static, Result<()>>>,
    /// Whether the last write failed; a failure is told once.
    failing: bool,
}

impl CacheWriter {
    pub(super) fn new(disk: Option<Disk>, namespace: Arc<Namespace>) -> Self {
        Self { disk, namespace, unsaved: None, running: None, failing: false }
    }

    /// Writes this content soon; replaces what was waiting to be written.
    pub(super) fn write(&mut self, snapshot: Arc<Snapshot>) {
        if self.disk.is_some() {
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
        if let (Some(disk), Some(snapshot)) = (self.disk.clone(), self.unsaved.take()) {
            let store =
                disk.run(move |cache| cache.store(snapshot.identity(), snapshot.configurations()));
            self.running = Some(store.boxed());
        }
    }

    fn note(&mut self, outcome: &Result<()>) {
        let namespace = &self.namespace.identity().namespace;
        match outcome {
            Ok(()) if self.failing => info!(namespace, "the cache file can be written again"),
            Ok(()) => {}
            Err(error) => {
                let live = self.namespace.live();
                live.monitor().cache_failures.fetch_add(1, Ordering::Relaxed);
                if !self.failing {
                    warn!(namespace, %error, "the cache file cannot be written; memory is right");
                }
            }
        }
        self.failing = outcome.is_err();
    }
}
