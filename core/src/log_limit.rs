//! Repeated warnings are told once a minute, with the number of those left out.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::ErrorKind;

const EVERY: Duration = Duration::from_secs(60);

/// What was told last, by one place of one namespace.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    last: Option<(ErrorKind, Instant)>,
    suppressed: u64,
}

impl LogLimit {
    /// Whether to tell a warning of this kind now; then the number of those left out before it.
    pub(crate) fn tell(&mut self, kind: ErrorKind) -> Option<u64> {
        let repeated = self.last.is_some_and(|(last, at)| last == kind && at.elapsed() < EVERY);
        if repeated {
            self.suppressed += 1;
            return None;
        }
        self.last = Some((kind, Instant::now()));
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_warning_is_told_once_a_minute() {
        // C126
        let mut limit = LogLimit::default();
        let mut told = Vec::new();
        for _ in 0..3600 {
            told.extend(limit.tell(ErrorKind::Transport));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(told.len(), 60);
        assert_eq!(told[1..], [59; 59]);
        assert!(limit.tell(ErrorKind::Unauthorized).is_some(), "another kind is told at once");
    }
}
