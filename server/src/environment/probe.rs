//! Whether an environment answers, according to its last probes. As long as it does not, its calls
//! fail at once instead of waiting for it.

use std::time::Duration;

use http::Method;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::call::Call;
use super::remote::Remote;
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
const HEALTH: usize = 64 * 1024;

/// The results of the probes of an environment.
pub(super) struct Probes(Mutex<ProbeState>);

struct ProbeState {
    /// Consecutive failures.
    failed: u32,
    /// Why the last probe got no answer; none if it got one, good or bad.
    silence: Option<String>,
    /// When the next probe is due.
    due: Instant,
    /// When a probe last read the list of services again.
    refreshed: Instant,
}

impl Default for Probes {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(ProbeState { failed: 0, silence: None, due: now, refreshed: now }))
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

    /// Records the result of a probe. Returns whether the environment was reachable before and is
    /// now.
    fn record(&self, result: &Result<()>, answers: bool) -> (bool, bool) {
        let mut state = self.0.lock();
        let was_up = state.is_up();
        state.failed = if result.is_ok() { 0 } else { state.failed.saturating_add(1) };
        let silence = result.as_ref().err().filter(|_| !answers);
        state.silence = silence.map(|error| error.message().to_owned());
        let is_up = state.is_up();
        state.due = Instant::now() + if is_up { PAUSE } else { PAUSE_AWAY };
        (was_up, is_up)
    }
}

impl ProbeState {
    fn is_up(&self) -> bool {
        self.failed < TOLERATED
    }
}

impl Remote {
    /// Maximum duration of a probe: two requests, each with time for discovery and one service. A
    /// service that answers slowly must not block the next probe.
    pub(super) fn longest_probe(&self) -> Duration {
        self.longest_request() * 2
    }

    fn longest_request(&self) -> Duration {
        (self.timeouts.connect + self.timeouts.read) * 2
    }

    /// Requests the health of an admin service, and its version if that has no answer: the health
    /// of a service may wait for something that calls do not need.
    pub(super) async fn probe(&self, env: &str) {
        self.refresh(env).await;
        let answer = self.request("/health").await;
        let is_silent = |answer: &Result<()>| {
            answer.as_ref().is_err_and(|error| error.code() == Code::EnvUnreachable)
        };
        let answers = !is_silent(&answer) || !is_silent(&self.request(VERSION_PATH).await);
        if let Err(error) = &answer {
            tracing::debug!(env, %error, "an environment does not answer");
        }
        match self.probes.record(&answer, answers) {
            (true, false) => tracing::warn!(
                env,
                meta = self.meta,
                "an environment is unreachable and left out of lists until it answers"
            ),
            (false, true) => tracing::info!(env, "an environment is reachable again"),
            _ => {}
        }
    }

    async fn request(&self, path: &str) -> Result<()> {
        let call = Call {
            method: Method::GET,
            path: path.to_owned(),
            body: None,
            revision: None,
            span: None,
        };
        let answer = timeout(self.longest_request(), self.call_within(&call, None, HEALTH)).await;
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
