//! Which services failed recently: after three failures in a row a service is tried last for a time
//! that doubles.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ServiceUrl;

// One failure may be a single lost connection. The other two values keep a dead service from
// delaying every load, and let one that restarts return within a minute.
const FAILURES_BEFORE_EJECTION: u32 = 3;
const FIRST_EJECTION: Duration = Duration::from_secs(10);
const LAST_EJECTION: Duration = Duration::from_secs(60);

/// Failures of each service since its last success.
#[derive(Debug, Default)]
pub(super) struct Health {
    failing: Mutex<HashMap<ServiceUrl, FailureRecord>>,
}

#[derive(Debug, Default)]
struct FailureRecord {
    failures: u32,
    ejection: Duration,
    until: Option<Instant>,
}

impl Health {
    /// Records whether a service answered.
    pub(super) fn report(&self, service: &ServiceUrl, answered: bool) {
        let mut failing = self.lock();
        if answered {
            failing.remove(service);
            return;
        }
        let record = failing.entry(service.clone()).or_default();
        record.failures += 1;
        if record.failures >= FAILURES_BEFORE_EJECTION {
            // Counting starts again, so that the time only doubles after three further failures.
            record.failures = 0;
            record.ejection = (record.ejection * 2).clamp(FIRST_EJECTION, LAST_EJECTION);
            record.until = Some(Instant::now() + record.ejection);
        }
    }

    /// Whether each of these services was ejected and has not answered since, even if its time is
    /// over; false if there are none.
    pub(super) fn all_failed(&self, services: &[ServiceUrl]) -> bool {
        let failing = self.lock();
        !services.is_empty()
            && services
                .iter()
                .all(|service| failing.get(service).is_some_and(|record| record.until.is_some()))
    }

    /// Moves ejected services to the end. The sort is stable: the order among the others, and among
    /// themselves, is kept.
    pub(super) fn move_ejected_last(&self, services: &mut [ServiceUrl]) {
        let failing = self.lock();
        let now = Instant::now();
        services.sort_by_key(|service| {
            let until = failing.get(service).and_then(|record| record.until);
            until.is_some_and(|until| until > now)
        });
    }

    /// Removes services that left the list. Their addresses would accumulate in clusters where each
    /// deployment has new ones.
    pub(super) fn retain(&self, services: &[ServiceUrl]) {
        self.lock().retain(|service, _| services.contains(service));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServiceUrl, FailureRecord>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(health: &Health) -> Vec<ServiceUrl> {
        let mut services: Vec<ServiceUrl> = vec!["a".into(), "b".into(), "c".into()];
        health.move_ejected_last(&mut services);
        services
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_put_a_service_last_for_a_while() {
        let health = Health::default();
        let a = ServiceUrl::from("a");
        health.report(&a, false);
        health.report(&a, false);
        assert_eq!(&*order(&health)[0], "a");
        health.report(&a, false);
        assert_eq!(&*order(&health)[2], "a");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(&*order(&health)[0], "a");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_forgets_the_failures() {
        let health = Health::default();
        let a = ServiceUrl::from("a");
        for _ in 0..3 {
            health.report(&a, false);
        }
        health.report(&a, true);
        assert_eq!(&*order(&health)[0], "a");
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_has_failed_from_the_ejection_of_its_last_service_until_an_answer() {
        let health = Health::default();
        let services: [ServiceUrl; 2] = ["a".into(), "b".into()];
        assert!(!health.all_failed(&[]));
        for service in &services {
            for _ in 0..3 {
                assert!(!health.all_failed(&services));
                health.report(service, false);
            }
        }
        assert!(health.all_failed(&services));
        tokio::time::advance(Duration::from_secs(300)).await;
        assert!(health.all_failed(&services), "nothing has answered since");
        health.report(&services[0], true);
        assert!(!health.all_failed(&services));
    }

    #[test]
    fn services_that_are_gone_are_forgotten() {
        let health = Health::default();
        for name in ["a", "gone"] {
            health.report(&ServiceUrl::from(name), false);
        }
        health.retain(&["a".into(), "b".into()]);
        assert_eq!(health.lock().keys().map(|service| &**service).collect::<Vec<_>>(), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_ejected_are_all_tried() {
        let health = Health::default();
        for name in ["a", "b", "c"] {
            for _ in 0..3 {
                health.report(&ServiceUrl::from(name), false);
            }
        }
        assert_eq!(order(&health).len(), 3);
        assert_eq!(&*order(&health)[0], "a");
    }
}
