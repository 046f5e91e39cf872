//! Chooses the service of each poll, and reports to discovery which services can be reached.

use std::time::Duration;

use super::cut_off::is_unanswered;
use crate::discovery::{Candidates, Discovery, ServiceUrl};
use crate::error::{Error, ErrorKind};
use crate::service_pause::ServicePauses;
use crate::transport::Failure;

/// How much longer than the connect timeout a poll may have a connection when it fails, and still
/// count against its service: a gateway connects to it within that time. A poll that fails later had
/// reached a service, which was holding it.
const CONNECT_GRACE: Duration = Duration::from_secs(1);
/// How long a service that did not answer a poll is avoided, if there are others. With each try,
/// changes arrive late for as long as the timeout of a poll.
const SILENCE_PAUSE: Duration = Duration::from_secs(300);

/// The choice for one poll loop.
pub(super) struct ServiceChoice {
    candidates: Candidates,
    connect_timeout: Duration,
    /// Service of the last poll. It is kept until it fails, or with probability 1/2 after an empty
    /// poll, as in the Java client, so that polls spread over services that are added.
    sticky: Option<ServiceUrl>,
    /// Services whose polls failed in the current round. A round ends with an answer, or when each
    /// service to choose from has failed once.
    failed: Vec<ServiceUrl>,
    /// Services that asked to be left alone (`Retry-After`).
    busy: ServicePauses,
    /// Services that did not answer a poll.
    silent: ServicePauses,
}

impl ServiceChoice {
    pub(super) fn new(discovery: Discovery, connect_timeout: Duration) -> Self {
        Self {
            candidates: Candidates::new(discovery),
            connect_timeout,
            sticky: None,
            failed: Vec::new(),
            busy: ServicePauses::default(),
            silent: ServicePauses::default(),
        }
    }

    /// The service for the next poll: the last one, or one that has not failed in this round.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`] if no service is known.
    pub(super) async fn select(&mut self) -> Result<ServiceUrl, Error> {
        // A service that left the list is dropped, even if it may still answer: it is probably
        // being shut down.
        let sticky = self.sticky.take();
        let sticky = sticky.filter(|service| self.candidates.discovery().contains(service));
        let service = match sticky {
            Some(service) => {
                self.candidates.keep();
                service
            }
            None => {
                let services = self.candidates.find().await?;
                // The first of those that may be polled soonest, have not failed, and answer: the
                // order is that of discovery.
                let next = services.into_iter().min_by_key(|service| {
                    let has_failed = self.failed.contains(service);
                    (self.busy.end_of(service), has_failed, self.silent.end_of(service))
                });
                next.ok_or_else(|| {
                    Error::new(ErrorKind::Transport, "long poll", "no config service is known")
                })?
            }
        };
        self.sticky = Some(service.clone());
        Ok(service)
    }

    /// Returns once a service is known that was not known to the last poll.
    pub(super) async fn wait_for_new(&self) {
        self.candidates.wait_for_new().await;
    }

    /// Lets the next poll go to another service.
    pub(super) fn release(&mut self) {
        self.sticky = None;
        self.failed.clear();
    }

    /// Records that the last poll was answered.
    pub(super) fn record_answer(&mut self) {
        if let Some(service) = &self.sticky {
            self.candidates.discovery().report(service, true);
            self.busy.end(service);
            self.silent.end(service);
        }
        self.failed.clear();
    }

    /// Records that the last poll was a trial without an answer. That is usual while nothing
    /// changes; but a service that did not answer before is probably still frozen, and is released.
    pub(super) fn record_silent_trial(&mut self) {
        if self.sticky.as_ref().is_some_and(|service| self.silent.end_of(service).is_some()) {
            self.release();
        }
    }

    /// Records that the last poll failed, and releases its service. Returns whether another service
    /// should be polled soon: there is one that is not busy and has not failed in this round, and
    /// the failure says nothing about it. An error that a service answered may be one of all, which
    /// must not be polled more often because they are many.
    pub(super) fn record_failure(&mut self, failure: &Failure) -> bool {
        // There is none if discovery failed.
        let Some(service) = self.sticky.take() else {
            return false;
        };
        let is_silent = is_unanswered(failure);
        let is_down = is_silent || is_unreachable(failure, self.connect_timeout);
        if is_down {
            self.candidates.discovery().report(&service, false);
        }
        if is_silent {
            self.silent.begin(&service, SILENCE_PAUSE);
        }
        self.busy.record(&service, failure.retry_after);
        self.failed.push(service);
        let services = self.candidates.offered();
        let has_other = services
            .iter()
            .any(|service| !self.failed.contains(service) && self.busy.end_of(service).is_none());
        if !has_other {
            self.failed.clear();
        }
        has_other && is_down
    }

    /// How long every service to choose from asks to be left alone; `None` if one may be polled now.
    pub(super) fn busy_for(&self) -> Option<Duration> {
        self.busy.shortest(&self.candidates.offered())
    }
}

/// Whether a failed poll shows that its service cannot be reached. Stricter than for loads: polls are
/// frequent, and one that a service refuses, or that a proxy ends, does not show that the list of the
/// meta server is outdated.
fn is_unreachable(failure: &Failure, connect_timeout: Duration) -> bool {
    let is_down = match failure.status {
        // What gateways answer for a service that is down. A service that is busy says when to
        // return.
        Some(status) => matches!(status, 502..=504) && failure.retry_after.is_none(),
        None => failure.error.kind() == ErrorKind::Transport,
    };
    is_down && failure.connected_for <= connect_timeout + CONNECT_GRACE
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_secs(60);

    fn choice(urls: &[&str]) -> ServiceChoice {
        let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
        let discovery = Discovery::fixed(&urls, fastrand::Rng::with_seed(1));
        ServiceChoice::new(discovery, CONNECT_TIMEOUT)
    }

    /// A choice whose first service is busy, and that service.
    async fn choice_with_busy(urls: &[&str]) -> (ServiceChoice, ServiceUrl) {
        let mut choice = choice(urls);
        let first = choice.select().await.unwrap();
        choice.record_failure(&busy());
        (choice, first)
    }

    fn busy() -> Failure {
        Failure { status: Some(503), retry_after: Some(PAUSE), ..refused() }
    }

    fn refused() -> Failure {
        Failure::new(Error::new(ErrorKind::Transport, "http get", "cannot connect"))
    }

    fn after(seconds: u64, failure: Failure) -> Failure {
        Failure { connected_for: Duration::from_secs(seconds), ..failure }
    }

    #[tokio::test(start_paused = true)]
    async fn each_service_is_polled_before_one_that_failed_is_polled_again() {
        let urls = ["a", "b", "c"];
        let mut choice = choice(&urls);
        for _ in 0..20 {
            let mut polled = Vec::new();
            for has_other in [true, true, false] {
                polled.push(choice.select().await.unwrap().to_string());
                assert_eq!(choice.record_failure(&refused()), has_other);
            }
            polled.sort();
            assert_eq!(polled, urls);
        }
        choice.select().await.unwrap();
        let answered = Failure { status: Some(500), ..refused() };
        assert!(!choice.record_failure(&answered), "it may be an error of all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_is_kept_until_it_is_released() {
        let mut choice = choice(&["a", "b", "c"]);
        let first = choice.select().await.unwrap();
        for _ in 0..20 {
            choice.record_answer();
            assert_eq!(choice.select().await.unwrap(), first);
        }
        let mut others = 0;
        for _ in 0..20 {
            choice.release();
            others += usize::from(choice.select().await.unwrap() != first);
        }
        assert!((5..20).contains(&others), "{others}");
    }

    /// B51: a service that is frozen is passed over although another one has answered meanwhile.
    #[tokio::test(start_paused = true)]
    async fn a_service_that_did_not_answer_is_avoided_for_a_while() {
        let mut choice = choice(&["a", "b"]);
        let frozen = choice.select().await.unwrap();
        let silence = after(90, Failure { is_silence: true, ..refused() });
        assert!(choice.record_failure(&silence));
        for _ in 0..20 {
            choice.record_answer();
            choice.release();
            assert_ne!(choice.select().await.unwrap(), frozen);
        }
        choice.record_failure(&refused());
        assert_eq!(choice.select().await.unwrap(), frozen, "the other one has failed");
        choice.record_silent_trial();
        assert_ne!(choice.select().await.unwrap(), frozen, "it was silent again");
        choice.record_silent_trial();
        assert_ne!(choice.select().await.unwrap(), frozen, "the other one may have no news");
    }

    /// A busy service is polled later than one that has failed, and is not yet another choice.
    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_down_is_not_polled_soon_while_the_others_are_busy() {
        let (mut choice, first) = choice_with_busy(&["a", "b"]).await;
        for _ in 0..5 {
            assert_ne!(choice.select().await.unwrap(), first);
            assert!(!choice.record_failure(&refused()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_answer_or_failure_ends_the_pause_of_a_busy_service() {
        for is_answer in [true, false] {
            let (mut choice, _) = choice_with_busy(&["a"]).await;
            assert_eq!(choice.busy_for(), Some(PAUSE));
            choice.select().await.unwrap();
            match is_answer {
                true => choice.record_answer(),
                false => assert!(!choice.record_failure(&refused())),
            }
            assert_eq!(choice.busy_for(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_service_is_passed_over_until_it_may_be_polled() {
        let (mut choice, first) = choice_with_busy(&["a", "b"]).await;
        assert_eq!(choice.busy_for(), None);
        assert_ne!(choice.select().await.unwrap(), first);
        choice.record_failure(&busy());
        assert_eq!(choice.busy_for(), Some(PAUSE));
    }

    #[test]
    fn only_what_a_service_that_is_down_causes_counts_against_it() {
        let counts = |failure| is_unreachable(&after(1, failure), CONNECT_TIMEOUT);
        let status = |status| Failure { status: Some(status), ..refused() };
        assert!(counts(refused()) && counts(status(502)));
        for answered in [401, 404, 414, 429, 500] {
            assert!(!counts(status(answered)), "{answered}");
        }
        let busy = Failure { retry_after: Some(Duration::from_secs(5)), ..status(503) };
        assert!(!counts(busy));
        assert!(!is_unreachable(&after(10, refused()), CONNECT_TIMEOUT), "it was held");
        let unreadable = Failure::new(Error::new(ErrorKind::Protocol, "long poll", "not JSON"));
        assert!(!counts(unreadable));
    }
}
