//! Whether an environment can be used, according to its last probes. As long as it does not answer,
//! its calls fail at once instead of waiting for it. One that reports a fault, such as a release
//! that cannot be decoded, is used as long as its admin service can answer calls: the user interface
//! is where the fault is corrected.

use std::time::Duration;

use castalia_core::redact::without_credentials;
use http::Method;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::call::Call;
use super::remote::{Relayed, Remote};
use crate::error::{Code, Error, Result};
use crate::http::health::VERSION_PATH;

/// Consecutive failed probes after which an environment is treated as unreachable, as in Apollo;
/// one successful probe resets it.
const TOLERATED: u32 = 2;
/// Pause between the probes of an environment that is reachable, as in Apollo's portal.
const PAUSE: Duration = Duration::from_secs(10);
/// The same of one that is not, so that it is used soon after its return.
const PAUSE_AWAY: Duration = Duration::from_secs(2);
/// Interval at which the list of services is read; shorter than Apollo's, since one request is
/// cheap.
pub(super) const REFRESH: Duration = Duration::from_secs(60);
/// Maximum answer to a probe, in bytes.
const ANSWER: usize = 64 * 1024;
/// Maximum length of a fault in the log, in characters.
const FAULT: usize = 512;

const HEALTH_PATH: &str = "/health";
/// Whether a node of Castalia can answer callers; its health is also bad if one object is damaged.
/// Apollo's services do not have this path.
const READY_PATH: &str = "/health/ready";
/// A call that needs the database, as almost all do, and that every admin service has. A node with a
/// SQLite file is not ready if one namespace cannot be read, and the health of Apollo's admin
/// service is bad for reasons that calls do not notice, such as little space on its disk.
const CALL_PATH: &str = "/apps/castalia-probe/unique";

/// What a probe found.
#[derive(Debug, PartialEq, Eq)]
enum ProbeOutcome {
    /// No fault.
    Well,
    /// These faults; calls are answered nevertheless.
    Faulty(String),
    /// Answers, but none to a call, as without a database.
    Useless,
    /// No answer, for this reason.
    Silent(String),
}

/// The results of the probes of an environment.
pub(super) struct Probes(Mutex<ProbeState>);

/// What was known before a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Before {
    is_up: bool,
    is_faulty: bool,
}

struct ProbeState {
    /// Consecutive failures.
    failed: u32,
    /// Why the last probe got no answer; none if it got one, good or bad.
    silence: Option<String>,
    /// Whether the last probe that could be used found faults.
    is_faulty: bool,
    /// When the next probe is due.
    due: Instant,
    /// When a probe last read the list of services again.
    refreshed: Instant,
}

impl Default for Probes {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(ProbeState {
            failed: 0,
            silence: None,
            is_faulty: false,
            due: now,
            refreshed: now,
        }))
    }
}

impl Probes {
    /// Whether the environment is reachable.
    pub(super) fn is_up(&self) -> bool {
        self.0.lock().is_up()
    }

    /// Fails with the reason if the environment is unreachable. One that answers its probes with an
    /// error delays no caller, and answers calls with its own.
    pub(super) fn require_answers(&self) -> Result<()> {
        let state = self.0.lock();
        match &state.silence {
            Some(reason) if !state.is_up() => {
                Err(Error::service(reason.clone()).with_code(Code::EnvUnreachable))
            }
            _ => Ok(()),
        }
    }

    /// Whether a probe is due. The caller has to start it, and it lasts no longer than `limit`.
    pub(super) fn take_due(&self, limit: Duration) -> bool {
        let mut state = self.0.lock();
        let now = Instant::now();
        let is_due = state.due <= now;
        if is_due {
            state.due = now + limit + PAUSE;
        }
        is_due
    }

    /// Whether the list of services is to be read again: at intervals, and as long as none answers,
    /// because they may have moved.
    fn is_refresh_due(&self) -> bool {
        let mut state = self.0.lock();
        let is_due = state.failed > 0 || state.refreshed.elapsed() >= REFRESH;
        if is_due {
            state.refreshed = Instant::now();
        }
        is_due
    }

    /// Records the result of a probe, and returns what was known before.
    fn record(&self, found: &ProbeOutcome) -> Before {
        let mut state = self.0.lock();
        let before = Before { is_up: state.is_up(), is_faulty: state.is_faulty };
        match found {
            ProbeOutcome::Well | ProbeOutcome::Faulty(_) => {
                state.failed = 0;
                state.is_faulty = matches!(found, ProbeOutcome::Faulty(_));
            }
            ProbeOutcome::Useless | ProbeOutcome::Silent(_) => {
                state.failed = state.failed.saturating_add(1)
            }
        }
        state.silence = match found {
            ProbeOutcome::Silent(reason) => Some(reason.clone()),
            _ => None,
        };
        state.due = Instant::now() + if state.is_up() { PAUSE } else { PAUSE_AWAY };
        before
    }
}

impl ProbeState {
    fn is_up(&self) -> bool {
        self.failed < TOLERATED
    }
}

impl Remote {
    /// Maximum duration of a probe: four requests, each with time for discovery and one service. A
    /// service that answers slowly must not block the next probe.
    pub(super) fn longest_probe(&self) -> Duration {
        self.longest_request() * 4
    }

    fn longest_request(&self) -> Duration {
        (self.timeouts.connect + self.timeouts.read) * 2
    }

    /// Finds out whether the environment can be used, with the token of its calls.
    pub(super) async fn probe(&self, env: &str, token: Option<&str>) {
        self.refresh(env).await;
        let found = self.examine(env, token).await;
        let before = self.probes.record(&found);
        match (before.is_up, self.probes.is_up()) {
            (true, false) => tracing::warn!(
                env,
                meta = &*without_credentials(&self.meta),
                "an environment is unreachable and left out of lists until it answers"
            ),
            (false, true) => tracing::info!(env, "an environment is reachable again"),
            _ => {}
        }
        match &found {
            ProbeOutcome::Faulty(faults) if !before.is_faulty => tracing::warn!(
                env,
                faults,
                "an environment reports faults; it is used, because it answers calls"
            ),
            ProbeOutcome::Well if before.is_faulty => {
                tracing::info!(env, "an environment does not report faults any more");
            }
            _ => {}
        }
    }

    /// Requests the health of an admin service; if it is not good, also whether calls are answered.
    /// If health has no answer, its version is requested first: the health of a service may wait for
    /// something that calls do not need.
    async fn examine(&self, env: &str, token: Option<&str>) -> ProbeOutcome {
        let Err(error) = self.request(HEALTH_PATH, None).await else { return ProbeOutcome::Well };
        tracing::debug!(env, %error, "an environment reports faults or does not answer");
        if is_silent(&error)
            && let Err(version) = self.request(VERSION_PATH, None).await
            && is_silent(&version)
        {
            return ProbeOutcome::Silent(error.message().to_owned());
        }
        for (path, token) in [(READY_PATH, None), (CALL_PATH, token)] {
            match self.request(path, token).await {
                Ok(()) => return ProbeOutcome::Faulty(faults(&error)),
                Err(error) => tracing::debug!(env, path, %error, "an environment cannot be used"),
            }
        }
        ProbeOutcome::Useless
    }

    async fn request(&self, path: &str, token: Option<&str>) -> Result<()> {
        let call = Call {
            method: Method::GET,
            path: path.to_owned(),
            body: None,
            revision: None,
            span: None,
        };
        let answer = timeout(self.longest_request(), self.call_within(&call, token, ANSWER)).await;
        answer.map_or_else(|_| Err(self.away("The probe timed out.")), |answer| answer.map(drop))
    }

    async fn refresh(&self, env: &str) {
        if self.probes.is_refresh_due()
            && let Err(error) = self.discovery.refresh().await
        {
            tracing::debug!(env, %error, "the list of admin services cannot be read; the last one is used");
        }
    }
}

fn is_silent(error: &Error) -> bool {
    error.code() == Code::EnvUnreachable
}

/// The faults that an admin service reports, or else the error that its report caused.
fn faults(error: &Error) -> String {
    let reported = Relayed::of(error).and_then(|relayed| relayed.faults());
    let text = reported.unwrap_or_else(|| error.message().to_owned());
    text.chars().take(FAULT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(found: &[ProbeOutcome]) -> (bool, bool) {
        let probes = Probes::default();
        for found in found {
            probes.record(found);
        }
        (probes.is_up(), probes.require_answers().is_ok())
    }

    fn silent() -> ProbeOutcome {
        ProbeOutcome::Silent("no answer".to_owned())
    }

    #[test]
    fn an_environment_that_answers_calls_is_up_whatever_it_reports() {
        let faulty = || ProbeOutcome::Faulty("a release cannot be decoded".to_owned());
        assert_eq!(after(&[faulty(), faulty(), faulty()]), (true, true));
        assert_eq!(after(&[silent(), silent(), faulty()]), (true, true));
        assert_eq!(after(&[ProbeOutcome::Useless, faulty(), ProbeOutcome::Useless]), (true, true));
    }

    #[test]
    fn an_environment_that_answers_no_call_is_left_out_and_a_silent_one_is_not_called() {
        assert_eq!(after(&[ProbeOutcome::Well, ProbeOutcome::Useless]), (true, true));
        assert_eq!(after(&[ProbeOutcome::Useless, ProbeOutcome::Useless]), (false, true));
        assert_eq!(after(&[silent(), silent()]), (false, false));
        assert_eq!(after(&[silent(), silent(), ProbeOutcome::Useless]), (false, true));
    }

    #[test]
    fn faults_are_news_once_until_a_probe_finds_none() {
        let probes = Probes::default();
        let faulty = ProbeOutcome::Faulty(String::new());
        let was_faulty = |found: &ProbeOutcome| probes.record(found).is_faulty;
        assert!(!was_faulty(&faulty));
        assert!(was_faulty(&faulty));
        assert!(was_faulty(&ProbeOutcome::Useless));
        assert!(was_faulty(&ProbeOutcome::Well));
        assert!(!was_faulty(&ProbeOutcome::Well));
    }
}
