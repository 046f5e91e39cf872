//! Discovery for one caller whose attempts may fail, such as the loads of a namespace: it remembers
//! which services were known to the last attempt, and waits for another one.

use std::time::Duration;

use super::{Discovery, ServiceUrl, Services};
use crate::error::Result;

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
