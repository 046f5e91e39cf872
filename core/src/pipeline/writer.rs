//! Writes the cache file of one namespace in the background, newest values only.

use std::mem;
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
    /// Whether the last write failed.
    is_failing: bool,
    logged: Option<LoggedFailure>,
}

/// A failure that is logged, until a write succeeds or the namespace is closed.
struct LoggedFailure {
    disk: Disk,
    app_id: String,
}

impl Drop for LoggedFailure {
    fn drop(&mut self) {
        self.disk.end_failure(&self.app_id);
    }
}

impl CacheWriter {
    pub(super) fn new(
        disk: Option<Disk>,
        namespace: Arc<Namespace>,
        unsaved: watch::Receiver<LoadNumber>,
    ) -> Self {
        Self { disk, namespace, unsaved, is_failing: false, logged: None }
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
            self.record(&disk, &outcome);
        }
    }

    fn record(&mut self, disk: &Disk, outcome: &Result<()>) {
        let identity = self.namespace.identity();
        let namespace = &identity.namespace;
        let was_failing = mem::replace(&mut self.is_failing, outcome.is_err());
        let Err(error) = outcome else {
            if self.logged.take().is_some() {
                info!(namespace, "writing the cache file works again");
            }
            return;
        };
        self.namespace.runtime().monitor().cache_failed(error);
        // Only the first of several failures in a row, or one after that of another namespace ended.
        if self.logged.is_none() && disk.log_failure(&identity.app_id, !was_failing) {
            warn!(namespace, %error, "cannot write the cache file; in-memory values are unaffected");
            let (disk, app_id) = (disk.clone(), identity.app_id.to_string());
            self.logged = Some(LoggedFailure { disk, app_id });
        }
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
