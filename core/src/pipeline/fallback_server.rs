//! Serves the fallback values beside the loads of a namespace, so that a disk that hangs delays no
//! load, and values that come late are not lost.

use std::sync::Arc;

use tokio::sync::watch;

use super::fallback::Fallback;
use super::namespace::Namespace;
use super::validator::Validators;

/// Requests that the fallback is served; cheap to clone.
#[derive(Clone)]
pub(super) struct FallbackRequests {
    /// Number of requests.
    requested: Arc<watch::Sender<u64>>,
    /// Number of those that were served.
    served: Arc<watch::Sender<u64>>,
}

impl FallbackRequests {
    pub(super) fn new() -> Self {
        let none = || Arc::new(watch::Sender::new(0));
        Self { requested: none(), served: none() }
    }

    /// Returns once the fallback has been served. Dropping the future does not interrupt that.
    pub(super) async fn serve(&self) {
        let mut request = 0;
        self.requested.send_modify(|requested| {
            *requested += 1;
            request = *requested;
        });
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.served.subscribe().wait_for(|served| *served >= request).await;
    }
}

/// Answers the requests.
pub(super) struct FallbackServer {
    pub(super) requests: FallbackRequests,
    pub(super) fallback: Arc<Fallback>,
    pub(super) namespace: Arc<Namespace>,
    pub(super) validators: Arc<Validators>,
}

impl FallbackServer {
    /// Serves the fallback when it is requested; does not return.
    pub(super) async fn run(&mut self) {
        let FallbackRequests { requested, served } = &self.requests;
        let mut requests = requested.subscribe();
        let mut taken = *served.borrow();
        loop {
            let request = requests.wait_for(|requested| *requested > taken).await.map(|at| *at);
            let Ok(request) = request else { return };
            taken = request;
            self.fallback.serve(&self.namespace, &self.validators).await;
            served.send_replace(taken);
        }
    }
}
