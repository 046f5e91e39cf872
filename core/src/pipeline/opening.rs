//! The first load of a namespace, for which callers wait: from the servers, or else from the
//! fallback.

use std::future::pending;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::info;

use super::Pipeline;
use super::namespace::FirstLoadGuard;
use crate::repository::{LoadBase, LoadMode, LoadOutcome};
use crate::snapshot::Snapshot;

/// How much longer than the start timeout callers wait for a slow disk before they get an empty
/// namespace.
const DISK_GRACE: Duration = Duration::from_millis(500);

impl Pipeline {
    /// The first load: from the servers, or from the fallback if they fail or take longer than the
    /// start timeout.
    ///
    /// Callers that open the namespace wait at most the start timeout, even if a server, a disk or
    /// a validator hangs; loads and the fallback continue.
    pub(super) async fn open(&mut self) {
        let opening = FirstLoadGuard::new(&self.namespace);
        let deadline = opening.start + self.dependencies.settings.timing.start_timeout;
        let release_openers = async {
            sleep_until(deadline + DISK_GRACE).await;
            opening.settle();
            // Must not return: that would end the select below and cancel the load.
            pending().await
        };
        tokio::select! {
            () = self.load_first(&opening, deadline) => {}
            () = release_openers => {}
        }
    }

    async fn load_first(&mut self, opening: &FirstLoadGuard, deadline: Instant) {
        let mut is_served = false;
        let outcome = {
            let empty = self.namespace.snapshot();
            let base = LoadBase { deadline: Some(deadline), ..LoadBase::only(&empty) };
            let mut load = pin!(self.dependencies.repository.load(&base, LoadMode::Urgent));
            let serve_fallback = async {
                sleep_until(deadline).await;
                let namespace = &self.namespace.identity().namespace;
                // No warning: what is served meanwhile is one.
                info!(namespace, "no server answered in time; loading continues in the background");
                self.fallback_requests.serve().await;
                opening.settle();
            };
            // The load continues meanwhile: its open connections must not wait for a slow disk.
            tokio::select! {
                outcome = &mut load => outcome,
                () = serve_fallback => {
                    is_served = true;
                    load.await
                }
            }
        };
        self.awaits_fallback &= !is_served;
        match outcome {
            Ok(LoadOutcome::Snapshot(loaded)) if loaded.problem().is_some() => {
                self.open_with_problem(&loaded, deadline).await;
            }
            outcome => {
                if self.handle_outcome(outcome).await.is_err() {
                    self.serve_fallback(deadline).await;
                }
            }
        }
    }

    /// The first release cannot be parsed: the fallback has the last values that could be.
    async fn open_with_problem(&mut self, loaded: &Snapshot, deadline: Instant) {
        self.namespace.runtime().monitor().contacted();
        if let Some(problem) = loaded.problem() {
            self.record_failure(problem);
        }
        self.serve_fallback(deadline).await;
        let kept = loaded.with_values_of(&self.namespace.snapshot());
        let _ = self.apply(Arc::new(kept)).await;
    }

    /// Waits until the fallback is served, unless it was, at most a little longer than the start
    /// timeout.
    async fn serve_fallback(&mut self, deadline: Instant) {
        if mem::take(&mut self.awaits_fallback) {
            let _ = timeout_at(deadline + DISK_GRACE, self.fallback_requests.serve()).await;
        }
    }

    /// Local mode: files and seeds are the only source.
    pub(super) async fn open_locally(&mut self) {
        let opening = FirstLoadGuard::new(&self.namespace);
        let deadline = opening.start + self.dependencies.settings.timing.start_timeout;
        let _ = timeout_at(deadline, self.fallback_requests.serve()).await;
        self.namespace.runtime().monitor().ready();
    }
}
