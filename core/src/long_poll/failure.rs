//! What a poll loop does after a failed poll: how long it waits, and what it logs.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, warn};

use super::{JITTER, PollDependencies, PollLoop, cut_off};
use crate::backoff::{BackoffPolicy, apply_jitter};
use crate::error::{Error, ErrorKind};
use crate::transport::Failure;

/// Pause before another service of the list is polled after one that cannot be reached, plus or
/// minus a fifth. The backoff grows only once each service has failed: a change must not arrive late
/// because one of them is down, and discovery must notice soon that all of them are.
const NEXT_SERVICE: Duration = Duration::from_secs(1);
// The doubling up to 120 s is that of the Java client.
pub(super) const FAILURE_BACKOFF: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(120)).jittered(JITTER);
/// A rejected signature usually stays rejected until the secret is replaced here, which ends the
/// wait, or at the server, which nothing announces.
pub(super) const UNAUTHORIZED_BACKOFF: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(30), Duration::from_secs(60)).jittered(JITTER);

impl PollLoop {
    /// Waits after a failure for a time that depends on its kind.
    pub(super) async fn wait_after_failure(&mut self, failure: &Failure) {
        self.dependencies.watch_list.failed(self.shard, failure.is_silence);
        let lacks_key = failure.status == Some(401);
        let pause = sleep(self.delay_after(failure));
        let PollDependencies { app_id, settings, .. } = &self.dependencies;
        tokio::select! {
            () = pause => {}
            // The pause may be long after an outage, and the service may have another address now.
            () = self.services.wait_for_new() => self.failure.reset(),
            () = settings.access_keys.wait_for_other(app_id, &self.last_key), if lacks_key => {
                self.unauthorized.reset();
            }
        }
    }

    /// How long to wait after a failure.
    fn delay_after(&mut self, failure: &Failure) -> Duration {
        let error = &failure.error;
        if cut_off::is_cut_off(failure) {
            self.cut_off_hint.log(failure);
            self.services.release();
            // Not recorded as an error, and the backoff is unchanged: nothing failed.
            return cut_off::PAUSE;
        }
        let has_other = self.services.record_failure(failure);
        self.dependencies.errors.record(error);
        if cut_off::is_unanswered(failure) {
            self.log_unanswered(error);
            // Neither a backoff nor a trial: the silence itself was long enough.
            return cut_off::PAUSE;
        }
        self.is_on_trial = true;
        self.log_failure(error);
        if error.kind() == ErrorKind::Unauthorized {
            return self.unauthorized.next_delay(&mut self.random);
        }
        let pause = match has_other {
            true => apply_jitter(NEXT_SERVICE, JITTER, &mut self.random),
            false => self.failure.next_delay(&mut self.random),
        };
        pause.max(self.services.busy_for().unwrap_or_default())
    }

    fn log_unanswered(&mut self, error: &Error) {
        if let Some(suppressed) = self.log_limit.allow(error.kind()) {
            warn!(
                %error,
                suppressed,
                hint = "castalia.long-poll.timeout must exceed the time for which servers hold polls by 10 s",
                "a config service did not answer a long poll; changes arrived late"
            );
        }
    }

    fn log_failure(&mut self, error: &Error) {
        let hint = match error.kind() {
            ErrorKind::NotFound => "the address is probably not that of a config service",
            ErrorKind::Unauthorized => "changes arrive late until the access key is corrected",
            // The first failure in a row is usually a restart of the server.
            _ if self.failure.is_at_start() => {
                debug!(%error, "long poll failed");
                return;
            }
            _ => "changes arrive late",
        };
        if let Some(suppressed) = self.log_limit.allow(error.kind()) {
            warn!(%error, suppressed, hint, "long poll failed");
        }
    }
}
