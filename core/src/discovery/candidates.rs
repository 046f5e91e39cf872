//! Discovery for one caller whose attempts may fail, such as the loads of a namespace: it remembers
//! which services were known to the last attempt, and waits for another one.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Discovery, ServiceUrl, Services};
use crate::error::Result;

/// Number of queries that a start waits for, if none of them finds a service.
const START_QUERIES: u64 = 2;
/// Shortest time of a query: one that may only be sent later than this before the end of a wait is
/// not waited for.
const SHORTEST_QUERY: Duration = Duration::from_millis(10);
/// Longest delay before a new service is used: clients that found it together must not all send
/// their requests together.
const MAX_SPREAD_MS: u64 = 1000;

/// The services that the attempts of one caller choose from.
pub(crate) struct Candidates {
    discovery: Discovery,
    /// The list at the last attempt; empty if there was none.
    known: Services,
    /// What the last attempt chose from. A selector may replace services, and not offer all.
    offered: Services,
}

impl Candidates {
    pub(crate) fn new(discovery: Discovery) -> Self {
        let none = Services::from([]);
        Self { discovery, known: none.clone(), offered: none }
    }

    pub(crate) fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Begins an attempt: the services in the order in which to try them.
    ///
    /// # Errors
    /// As [`Discovery::services`].
    pub(crate) async fn find(&mut self) -> Result<Vec<ServiceUrl>> {
        // Remains so if discovery fails.
        (self.known, self.offered) = (Services::from([]), Services::from([]));
        self.known = self.discovery.known_services().await?;
        let order = self.discovery.in_order(&self.known);
        self.offered = Services::from(order.as_slice());
        Ok(order)
    }

    /// Begins an attempt with a service that an earlier one has chosen.
    pub(crate) fn keep(&mut self) {
        let current = self.discovery.current_services();
        if current != self.known {
            (self.known, self.offered) = (current.clone(), current);
        }
    }

    /// What the next attempt is expected to choose from: the same as the last one, unless the list
    /// has changed since.
    pub(crate) fn offered(&self) -> Services {
        let current = self.discovery.current_services();
        if current == self.known { self.offered.clone() } else { current }
    }

    /// Waits for the second query of a start, which [`Discovery::refresh_forever`] sends if the
    /// first one fails. Returns whether it ended before `until`; false at once if it had ended
    /// already, or may only be sent too late.
    pub(crate) async fn wait_for_second_query(&self, until: Instant) -> bool {
        let Some(meta) = &self.discovery.inner.meta else {
            return false;
        };
        if *meta.completed.borrow() >= START_QUERIES {
            return false;
        }
        let second = async {
            // Locked while a query runs, which may be the second one.
            let next_at = meta.query.lock().await.pace.next_at(self.discovery.is_lost());
            let is_late = next_at.is_some_and(|next_at| next_at + SHORTEST_QUERY >= until);
            if is_late && *meta.completed.borrow() < START_QUERIES {
                return false;
            }
            let mut completed = meta.completed.subscribe();
            // The sender lives in `self`, so the wait cannot fail.
            completed.wait_for(|completed| *completed >= START_QUERIES).await.is_ok()
        };
        timeout_at(until, second).await.unwrap_or(false)
    }

    /// Returns within a second after a service is known that was not in the list at the last
    /// attempt. A service that left the list, or another order, is no reason to try again.
    pub(crate) async fn wait_for_new(&self) {
        let mut services = self.discovery.inner.services.subscribe();
        let has_new = |services: &Services| services.iter().any(|one| !self.known.contains(one));
        // The sender lives in `self`, so the wait cannot fail.
        let _ = services.wait_for(has_new).await;
        let spread = self.discovery.random(|random| random.u64(0..=MAX_SPREAD_MS));
        tokio::time::sleep(Duration::from_millis(spread)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::timeout;

    use super::*;

    /// B73
    #[tokio::test(start_paused = true)]
    async fn a_service_that_the_selector_replaces_is_not_new() {
        let urls = ["a", "b"].map(str::to_owned);
        let discovery = Discovery::fixed(&urls, fastrand::Rng::with_seed(1));
        let pin = |services: &mut [ServiceUrl]| services.fill("a".into());
        let mut candidates = Candidates::new(discovery.with_selector(Some(Arc::new(pin))));
        assert_eq!(candidates.find().await.unwrap(), ["a", "a"].map(ServiceUrl::from));
        let day = Duration::from_secs(86_400);
        assert!(timeout(day, candidates.wait_for_new()).await.is_err());
        candidates.keep();
        assert_eq!(*candidates.offered(), ["a", "a"].map(ServiceUrl::from));
    }
}
