//! Decides when to load next: periodic refreshes, retries, and rechecks after an announcement that
//! no server has confirmed yet. Pure, so tests can run it in paused time.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{Backoff, BackoffPolicy, apply_jitter};
use crate::error::ErrorKind;
use crate::transport::Failure;

// Clients that start together, for instance after a deployment, would otherwise refresh together
// for as long as they live.
const REFRESH_JITTER: f64 = 0.1;
/// Retries while values are missing or known to be outdated.
const RETRY_BACKOFF: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(5), Duration::from_secs(120)).jittered(0.2);
/// A rejected signature usually stays rejected until an operator changes the secret here, which ends
/// the wait, or at the server, which nothing announces.
const UNAUTHORIZED_BACKOFF: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(30), Duration::from_secs(60)).jittered(0.2);
/// A server that is behind the one that sent the announcement catches up within seconds, whether it
/// returns an earlier release or none: rechecks happen about 1, 3 and 9 s after the announcement.
const RECHECKS: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(6)];
/// All clients receive an announcement together.
const RECHECK_JITTER: f64 = 0.2;
/// Retries after the rechecks, if an announced release is still not found. They take about five
/// minutes: a server that is cut off from its database may be that far behind.
const LATE_RECHECKS: u32 = 6;

/// Computes the time of the next load.
pub(super) struct Schedule {
    interval: Duration,
    refresh_at: Instant,
    /// A retry or recheck before the refresh.
    sooner_at: Option<Instant>,
    retry: Backoff,
    unauthorized: Backoff,
    /// Remaining rechecks of the last announcement; `None` if a load has confirmed it.
    pending: Option<&'static [Duration]>,
    /// Remaining retries after the rechecks.
    late_rechecks: u32,
    /// When the recheck that was taken last is due.
    recheck_at: Option<Instant>,
    /// Whether loads try all servers twice: at the start and after an announcement, until one
    /// succeeds.
    urgent: bool,
    random: fastrand::Rng,
}

impl Schedule {
    pub(super) fn new(interval: Duration, mut random: fastrand::Rng) -> Self {
        Self {
            refresh_at: Instant::now() + apply_jitter(interval, REFRESH_JITTER, &mut random),
            interval,
            sooner_at: None,
            retry: Backoff::new(RETRY_BACKOFF),
            unauthorized: Backoff::new(UNAUTHORIZED_BACKOFF),
            pending: None,
            late_rechecks: 0,
            recheck_at: None,
            urgent: true,
            random,
        }
    }

    /// When to load next.
    pub(super) fn next(&self) -> Instant {
        let sooner = self.sooner_at.unwrap_or(self.refresh_at);
        sooner.min(self.refresh_at)
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// A release was announced. It is rechecked if it is news: the first poll usually announces what
    /// the first load has just returned.
    pub(super) fn announced(&mut self, is_news: bool) {
        self.pending = Some(if is_news { &RECHECKS } else { &[] });
        self.late_rechecks = if is_news { LATE_RECHECKS } else { 0 };
        self.recheck_at = None;
        self.urgent = true;
        // What failed before says nothing about this release.
        self.retry.reset();
    }

    /// A load succeeded; `is_news` if its release can be the one that was announced.
    pub(super) fn loaded(&mut self, is_news: bool) {
        self.urgent = false;
        self.retry.reset();
        self.unauthorized.reset();
        self.plan_refresh();
        if is_news {
            self.end_rechecks();
        }
        // Any other release is older than the announcement: the server reads its database once a
        // second and may be behind. After a rollback, that costs three requests.
        self.sooner_at = self.next_recheck(false).map(|delay| Instant::now() + delay);
    }

    /// A service that may answer has become known.
    pub(super) fn service_found(&mut self) {
        self.retry.reset();
    }

    /// An access key that may be accepted replaces the rejected one.
    pub(super) fn key_replaced(&mut self) {
        self.unauthorized.reset();
    }

    /// A load failed; `missing` if no server has ever sent values.
    pub(super) fn failed(&mut self, failure: &Failure, missing: bool) {
        self.plan_refresh();
        let retry_after = failure.retry_after.unwrap_or_default();
        let kind = failure.error.kind();
        let delay = match kind {
            // The namespace was deleted or never published, unless the server is behind. Retrying
            // more often cannot help, and the next publish is announced.
            ErrorKind::NotFound => self.next_recheck(true),
            ErrorKind::Unauthorized => Some(self.unauthorized.next_delay(&mut self.random)),
            _ if missing || self.pending.is_some() => Some(self.retry.next_delay(&mut self.random)),
            _ => None,
        };
        let delay = delay.map(|delay| delay.max(retry_after));
        // A refresh must not come sooner than the server asked for, or than a rejected secret
        // deserves.
        let pause = match kind {
            ErrorKind::Unauthorized => delay.unwrap_or(retry_after),
            _ => retry_after,
        };
        let now = Instant::now();
        self.refresh_at = self.refresh_at.max(now + pause);
        self.sooner_at = delay.map(|delay| now + delay);
    }

    /// Time until the next recheck. One that is not due yet is kept: loads that the application
    /// requests must not use up the rechecks.
    fn next_recheck(&mut self, is_not_found: bool) -> Option<Duration> {
        let now = Instant::now();
        if let Some(at) = self.recheck_at.filter(|at| *at > now) {
            return Some(at.duration_since(now));
        }
        let delay = self.take_recheck(is_not_found);
        self.recheck_at = delay.map(|delay| now + delay);
        delay
    }

    /// Delay of the next recheck. After the last one, the answer is the state of the announcement.
    fn take_recheck(&mut self, is_not_found: bool) -> Option<Duration> {
        if let Some([delay, later @ ..]) = self.pending {
            self.pending = Some(later);
            return Some(apply_jitter(*delay, RECHECK_JITTER, &mut self.random));
        }
        if is_not_found && self.late_rechecks > 0 {
            self.late_rechecks -= 1;
            return Some(self.retry.next_delay(&mut self.random));
        }
        self.end_rechecks();
        None
    }

    fn end_rechecks(&mut self) {
        self.pending = None;
        self.late_rechecks = 0;
        self.recheck_at = None;
    }

    fn plan_refresh(&mut self) {
        let delay = apply_jitter(self.interval, REFRESH_JITTER, &mut self.random);
        self.refresh_at = Instant::now() + delay;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep_until;

    use super::*;
    use crate::error::Error;

    fn schedule() -> Schedule {
        Schedule::new(Duration::from_secs(300), fastrand::Rng::with_seed(1))
    }

    fn failure(kind: ErrorKind) -> Failure {
        Failure::new(Error::new(kind, "load", "failed"))
    }

    fn wait(schedule: &Schedule) -> f64 {
        schedule.next().duration_since(Instant::now()).as_secs_f64()
    }

    /// Whether the next load is after this delay, plus or minus a fifth.
    fn waits_about(schedule: &Schedule, delay: f64) -> bool {
        (delay * 0.79..delay * 1.21).contains(&wait(schedule))
    }

    #[tokio::test(start_paused = true)]
    async fn refreshes_spread_by_a_tenth() {
        let mut schedule = schedule();
        for _ in 0..100 {
            schedule.loaded(true);
            assert!((270.0..=330.0).contains(&wait(&schedule)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn news_without_a_release_is_rechecked_three_times() {
        let mut schedule = schedule();
        schedule.announced(true);
        for delay in [1.0, 2.0, 6.0] {
            schedule.loaded(false);
            assert!(waits_about(&schedule, delay));
            sleep_until(schedule.next()).await;
        }
        schedule.loaded(false);
        assert!(wait(&schedule) > 200.0);
    }

    /// B62
    #[tokio::test(start_paused = true)]
    async fn loads_that_the_application_requests_use_up_no_recheck() {
        let mut schedule = schedule();
        schedule.announced(true);
        schedule.loaded(false);
        let recheck = schedule.next();
        assert!(waits_about(&schedule, 1.0));
        for _ in 0..5 {
            schedule.loaded(false);
            schedule.failed(&failure(ErrorKind::NotFound), false);
            assert_eq!(schedule.next(), recheck);
        }
        sleep_until(recheck).await;
        schedule.loaded(false);
        assert!(waits_about(&schedule, 2.0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_announcement_is_not_rechecked() {
        let mut schedule = schedule();
        schedule.announced(false);
        schedule.loaded(false);
        assert!(wait(&schedule) > 200.0);
    }

    #[tokio::test(start_paused = true)]
    async fn missing_or_old_content_is_retried_soon() {
        let mut schedule = schedule();
        let ladder = [5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 120.0];
        for delay in ladder {
            schedule.failed(&failure(ErrorKind::Transport), true);
            assert!(waits_about(&schedule, delay));
        }
        schedule.loaded(true);
        schedule.failed(&failure(ErrorKind::Transport), false);
        assert!(wait(&schedule) > 200.0, "content is there and nothing newer is known");
        schedule.announced(true);
        schedule.failed(&failure(ErrorKind::Transport), false);
        assert!(wait(&schedule) < 6.1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_release_waits_for_the_refresh() {
        let mut schedule = schedule();
        schedule.failed(&failure(ErrorKind::NotFound), true);
        assert!(wait(&schedule) > 200.0);
    }

    /// B48, B62: three times soon, and then for some minutes.
    #[tokio::test(start_paused = true)]
    async fn an_update_that_is_not_found_is_rechecked_three_times() {
        let mut schedule = schedule();
        for is_update in [true, false] {
            schedule.loaded(true);
            schedule.announced(is_update);
            for delay in [1.0, 2.0, 6.0].into_iter().filter(|_| is_update) {
                schedule.failed(&failure(ErrorKind::NotFound), false);
                assert!(waits_about(&schedule, delay));
                sleep_until(schedule.next()).await;
            }
            let late = [5.0, 10.0, 20.0, 40.0, 80.0, 120.0];
            for delay in late.into_iter().filter(|_| is_update) {
                schedule.failed(&failure(ErrorKind::NotFound), false);
                assert!(waits_about(&schedule, delay));
                sleep_until(schedule.next()).await;
            }
            schedule.failed(&failure(ErrorKind::NotFound), false);
            assert!(wait(&schedule) > 200.0);
        }
    }

    /// B72
    #[tokio::test(start_paused = true)]
    async fn a_new_announcement_is_retried_from_the_first_delay() {
        let mut schedule = schedule();
        schedule.announced(true);
        // The rechecks and late rechecks of a deleted namespace.
        for _ in 0..RECHECKS.len() + LATE_RECHECKS as usize {
            schedule.failed(&failure(ErrorKind::NotFound), false);
            sleep_until(schedule.next()).await;
        }
        schedule.announced(true);
        schedule.failed(&failure(ErrorKind::Transport), false);
        assert!(waits_about(&schedule, 5.0));
    }

    /// All clients receive an announcement together.
    #[tokio::test(start_paused = true)]
    async fn rechecks_of_many_clients_are_spread() {
        let recheck = |seed| {
            let random = fastrand::Rng::with_seed(seed);
            let mut schedule = Schedule::new(Duration::from_secs(300), random);
            schedule.announced(true);
            schedule.loaded(false);
            wait(&schedule)
        };
        let (first, last) = (0..100)
            .map(recheck)
            .fold((f64::MAX, 0.0), |(first, last), at| (at.min(first), at.max(last)));
        assert!(first < 0.85 && last > 1.15, "{first} to {last}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_signature_waits_long() {
        let mut schedule = schedule();
        for delay in [30.0, 60.0, 60.0] {
            schedule.failed(&failure(ErrorKind::Unauthorized), true);
            assert!(waits_about(&schedule, delay));
        }
        schedule.key_replaced();
        schedule.failed(&failure(ErrorKind::Unauthorized), true);
        assert!((23.9..36.1).contains(&wait(&schedule)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_may_ask_for_patience() {
        let mut schedule = schedule();
        let mut failure = failure(ErrorKind::Transport);
        failure.retry_after = Some(Duration::from_secs(100));
        schedule.failed(&failure, true);
        assert!((wait(&schedule) - 100.0).abs() < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn frequent_refreshes_shorten_no_patience() {
        let mut schedule = Schedule::new(Duration::from_secs(2), fastrand::Rng::with_seed(1));
        schedule.loaded(true);
        let mut busy = failure(ErrorKind::Transport);
        busy.retry_after = Some(Duration::from_secs(7));
        schedule.failed(&busy, false);
        assert!((wait(&schedule) - 7.0).abs() < 0.01);
        schedule.failed(&failure(ErrorKind::Unauthorized), false);
        assert!((23.9..36.1).contains(&wait(&schedule)));
    }
}
