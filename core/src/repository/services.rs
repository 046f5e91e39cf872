//! Which services a load tries, and what a load that failed may wait for.

use std::future::pending;
use std::time::Duration;

use tokio::time::Instant;

use super::{LoadBase, Repository};
use crate::discovery::ServiceUrl;
use crate::transport::Failure;

/// Longest wait for the second answer of discovery while callers wait for the first load.
const SECOND_ANSWER: Duration = Duration::from_secs(2);

impl Repository {
    /// Returns once another access key is in use than the one that signed the last request.
    pub(crate) async fn wait_for_new_key(&self) {
        let app_id = &self.context.identity.app_id;
        self.settings.access_keys.wait_for_other(app_id, &self.last_key).await;
    }

    /// Returns once a service is known that was not known to the last load.
    pub(crate) async fn wait_for_new_service(&self) {
        match self.own_source {
            Some(_) => pending().await,
            None => self.candidates.wait_for_new().await,
        }
    }

    /// The services in the order in which to try them. While callers wait, one lost request of
    /// discovery must not end the start without values: its second one is waited for, unless it can
    /// only be too late.
    pub(super) async fn services(
        &mut self,
        base: &LoadBase<'_>,
    ) -> Result<Vec<ServiceUrl>, Failure> {
        let mut found = self.candidates.find().await;
        // Once it has failed too, each further namespace of the start would wait in vain.
        if let Some(deadline) = base.deadline.filter(|_| found.is_err()) {
            let until = deadline.min(Instant::now() + SECOND_ANSWER);
            if self.candidates.wait_for_second_query(until).await {
                found = self.candidates.find().await;
            }
        }
        found.map_err(|error| Failure::new(self.with_namespace(error)))
    }
}
