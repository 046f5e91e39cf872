//! Writes the cache file of one namespace in the background, newest values only.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::{info, warn};

use super::disk::Disk;
use super::namespace::Namespace;
use crate::cache::{FileCache, LoadNumber};
use crate::error::Result;
use crate::snapshot::{Snapshot, is_readable};
use crate::supervise::supervise;

pub(super) struct CacheWriter {
    /// `None` without cache files.
    disk: Option<Disk>,
    namespace: Arc<Namespace>,
    /// The last load. Changes when the file may differ from the snapshot.
    unsaved: watch::Receiver<LoadNumber>,
    /// Whether the last write failed. Only the first failure in a row is logged.
    failing: bool,
}

impl CacheWriter {
    pub(super) fn new(
        disk: Option<Disk>,
        namespace: Arc<Namespace>,
        unsaved: watch::Receiver<LoadNumber>,
    ) -> Self {
        Self { disk, namespace, unsaved, failing: false }
    }

    /// Writes until the sender of `unsaved` is dropped, including the last change.
    pub(super) async fn run(mut self) {
        supervise("cache file", &mut self, |writer| Box::pin(writer.write_until_closed())).await;
    }

    async fn write_until_closed(&mut self) {
        let Some(disk) = self.disk.clone() else {
            return;
        };
        while self.unsaved.changed().await.is_ok() {
            // Read here rather than sent: releases that arrive during a slow write are skipped, all
            // but the newest. It is that of the load, or of a later one.
            let load = *self.unsaved.borrow_and_update();
            let snapshot = self.namespace.snapshot();
            let store = move |cache: &FileCache| store(cache, load, &snapshot);
            let outcome = disk.clone().run(store).await;
            self.record(&outcome);
        }
    }

    fn record(&mut self, outcome: &Result<()>) {
        let namespace = &self.namespace.identity().namespace;
        match outcome {
            Ok(()) if self.failing => info!(namespace, "writing the cache file works again"),
            Ok(()) => {}
            Err(error) => {
                let runtime = self.namespace.runtime();
                runtime.monitor().cache_failed(error);
                if !self.failing {
                    warn!(namespace, %error, "cannot write the cache file; in-memory values are unaffected");
                }
            }
        }
        self.failing = outcome.is_err();
    }
}

/// Writes the file, unless a document that cannot be parsed would replace the last one that could
/// be, which the next start without a server needs.
fn store(cache: &FileCache, load: LoadNumber, snapshot: &Snapshot) -> Result<()> {
    let identity = snapshot.identity();
    if snapshot.problem().is_some()
        && let Ok(Some(known)) = cache.load(identity)
        && is_readable(&identity.namespace, &known.content)
    {
        return Ok(());
    }
    cache.store(load, identity, snapshot.configurations())
}
