//! Limits repeated warnings to one a minute, with the number of suppressed ones.

use crate::error::ErrorKind;
use crate::last_warning::LastWarning;

/// The warnings that one source has logged for one namespace.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    /// For each kind, when it was last logged and how often it was suppressed since. A vector,
    /// because there are few kinds.
    logged: Vec<(ErrorKind, LastWarning, u64)>,
}

impl LogLimit {
    /// `None` if a warning of this kind must be suppressed; otherwise the number of those
    /// suppressed before it.
    pub(crate) fn allow(&mut self, kind: ErrorKind) -> Option<u64> {
        let index = self.logged.iter().position(|(known, ..)| *known == kind);
        let index = index.unwrap_or_else(|| {
            self.logged.push((kind, LastWarning::default(), 0));
            self.logged.len() - 1
        });
        let (_, last, suppressed) = &mut self.logged[index];
        if !last.is_past() {
            *suppressed += 1;
            return None;
        }
        last.set();
        Some(std::mem::take(suppressed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::last_warning::INTERVAL;

    #[tokio::test(start_paused = true)]
    async fn the_same_warning_is_told_once_a_minute() {
        let mut limit = LogLimit::default();
        let mut logged = Vec::new();
        for _ in 0..3600 {
            logged.extend(limit.allow(ErrorKind::Transport));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(logged.len(), 60);
        assert_eq!(logged[1..], [59; 59]);
        assert!(limit.allow(ErrorKind::Unauthorized).is_some(), "another kind is logged at once");
    }

    /// Alternating kinds do not reset each other's limit.
    #[tokio::test(start_paused = true)]
    async fn each_kind_is_told_once_a_minute() {
        let mut limit = LogLimit::default();
        let kinds = [ErrorKind::Transport, ErrorKind::Protocol];
        let logged = kinds.into_iter().cycle().take(10).filter_map(|kind| limit.allow(kind));
        assert_eq!(logged.collect::<Vec<_>>(), [0, 0]);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(kinds.map(|kind| limit.allow(kind)), [Some(4), Some(4)]);
    }
}
