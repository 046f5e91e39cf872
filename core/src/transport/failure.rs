//! A failed request: the error for callers, and what retries have to know.

use std::time::Duration;

use tokio::time::Instant;

use super::{OPERATION, ServiceRequest};
use crate::error::{Error, ErrorKind};

/// A failed request, and what the server said about retrying.
///
/// ```
/// use castalia_core::transport::Failure;
/// use castalia_core::{Error, ErrorKind};
///
/// let failure = Failure::new(Error::new(ErrorKind::Transport, "http get", "cannot connect"));
/// assert_eq!(failure.status, None);
/// assert_eq!(Error::from(failure).kind(), ErrorKind::Transport);
/// ```
#[derive(Debug, Clone)]
pub struct Failure {
    /// The error for callers.
    pub error: Error,
    /// Status; `None` if the request failed before one arrived.
    pub status: Option<u16>,
    /// How long the server asks to wait, at most 120 s.
    pub retry_after: Option<Duration>,
    /// Whether a limit on time was exceeded.
    pub is_silence: bool,
    /// How long the request had a connection; 0 if there was none.
    pub connected_for: Duration,
}

impl Failure {
    /// A failure without a response.
    #[must_use]
    pub fn new(error: Error) -> Self {
        Self {
            error,
            status: None,
            retry_after: None,
            is_silence: false,
            connected_for: Duration::ZERO,
        }
    }

    pub(super) fn timed_out(limit: Duration) -> Self {
        let text = format!("no response within {} ms", limit.as_millis());
        let error = Error::new(ErrorKind::Transport, OPERATION, text);
        Self { is_silence: true, ..Self::new(error) }
    }

    pub(super) fn connected_since(self, since: Instant) -> Self {
        Self { connected_for: since.elapsed(), ..self }
    }

    pub(super) fn with_context(self, request: ServiceRequest<'_>) -> Self {
        let path = request.path_and_query.split('?').next().unwrap_or_default();
        let error = self.error.with("service_url", request.service).with("path", path);
        Self { error, ..self }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
