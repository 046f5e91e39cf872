//! Repeated warnings are told once a minute, with the number of those left out.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::ErrorKind;

const EVERY: Duration = Duration::from_secs(60);

/// What was told by one place of one namespace.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    /// Of each kind when it was told last, and how many were left out since.
    told: Vec<(ErrorKind, Instant, u64)>,
}

impl LogLimit {
    /// Whether to tell a warning of this kind now; then the number of those of its kind left out before it.
    pub(crate) fn tell(&mut self, kind: ErrorKind) -> Option<u64> {
        let mut told = self.told.iter_mut();
        let Some((_, at, suppressed)) = told.find(|(known, ..)| *known == kind) else {
            self.told.push((kind, Instant::now(), 0));
            return Some(0);
        };
        if at.elapsed() < EVERY {
            *suppressed += 1;
            return None;
        }
        *at = Instant::now();
        Some(std::mem::take(suppressed))
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

    /// F170: kinds that take turns do not bring each other back.
    #[tokio::test(start_paused = true)]
    async fn each_kind_is_told_once_a_minute() {
        let mut limit = LogLimit::default();
        let kinds = [ErrorKind::Transport, ErrorKind::Protocol];
        let told = kinds.into_iter().cycle().take(10).filter_map(|kind| limit.tell(kind));
        assert_eq!(told.collect::<Vec<_>>(), [0, 0]);
        tokio::time::advance(EVERY).await;
        assert_eq!(kinds.map(|kind| limit.tell(kind)), [Some(4), Some(4)]);
    }
}
