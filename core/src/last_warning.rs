//! When a warning that may repeat was logged last.

use std::time::Duration;

use tokio::time::Instant;

/// Between two warnings about one problem: short enough to see that it persists, long enough that a
/// day of it stays readable.
pub(crate) const INTERVAL: Duration = Duration::from_secs(60);

/// When a warning was logged last; never by default.
#[derive(Debug, Default)]
pub(crate) struct LastWarning(Option<Instant>);

impl LastWarning {
    /// Whether the warning may be logged now.
    pub(crate) fn is_past(&self) -> bool {
        self.0.is_none_or(|at| at.elapsed() >= INTERVAL)
    }

    /// Records that it is logged now.
    pub(crate) fn set(&mut self) {
        self.0 = Some(Instant::now());
    }
}
