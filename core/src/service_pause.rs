//! Services that must not be requested for a time, while others may be.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::discovery::ServiceUrl;

/// When the pause of each service ends.
#[derive(Debug, Default)]
pub(crate) struct ServicePauses {
    ends: HashMap<ServiceUrl, Instant>,
}

impl ServicePauses {
    /// Begins the pause of a service, in place of an earlier one.
    pub(crate) fn begin(&mut self, service: &ServiceUrl, pause: Duration) {
        let now = Instant::now();
        // Services that left the list would accumulate.
        self.ends.retain(|_, end| *end > now);
        self.ends.insert(service.clone(), now + pause);
    }

    /// Ends the pause of a service.
    pub(crate) fn end(&mut self, service: &ServiceUrl) {
        self.ends.remove(service);
    }

    /// Begins the pause that the last answer of a service asks for, or ends an earlier one, which
    /// that answer refutes.
    pub(crate) fn record(&mut self, service: &ServiceUrl, pause: Option<Duration>) {
        match pause {
            Some(pause) => self.begin(service, pause),
            None => self.end(service),
        }
    }

    /// When the pause of a service ends; `None`, which sorts first, if it has none.
    pub(crate) fn end_of(&self, service: &ServiceUrl) -> Option<Instant> {
        self.ends.get(service).copied().filter(|end| *end > Instant::now())
    }

    /// Removes and returns the service that may be requested first; of several, the first one.
    pub(crate) fn take_first<'a>(
        &self,
        services: &mut Vec<&'a ServiceUrl>,
    ) -> Option<&'a ServiceUrl> {
        let first = (0..services.len()).min_by_key(|index| self.end_of(services[*index]))?;
        Some(services.remove(first))
    }

    /// Time until the first of these services may be requested; `None` if one may be now.
    pub(crate) fn shortest(&self, services: &[ServiceUrl]) -> Option<Duration> {
        let first = services.iter().map(|service| self.end_of(service)).min().flatten();
        first.map(|end| end.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn services_wait_only_if_all_have_a_pause() {
        let services = ["a", "b"].map(ServiceUrl::from);
        let [a, b] = &services;
        let mut pauses = ServicePauses::default();
        assert_eq!(pauses.shortest(&services), None);
        pauses.begin(a, Duration::from_secs(60));
        assert_eq!(pauses.shortest(&services), None);
        pauses.begin(b, Duration::from_secs(30));
        assert_eq!(pauses.shortest(&services), Some(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(pauses.shortest(&services), None);
    }

    #[tokio::test(start_paused = true)]
    async fn services_without_a_pause_come_first_and_in_their_order() {
        let services = ["a", "b", "c"].map(ServiceUrl::from);
        let mut pauses = ServicePauses::default();
        pauses.begin(&services[0], Duration::from_secs(60));
        let mut untried: Vec<_> = services.iter().collect();
        let order: Vec<_> =
            std::iter::from_fn(|| pauses.take_first(&mut untried)).map(|url| &**url).collect();
        assert_eq!(order, ["b", "c", "a"]);
    }
}
