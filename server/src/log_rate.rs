//! Limits log lines that any client can cause: a few per window of time are written, the others
//! only counted. Without the limit, a client could fill the disk of the log and hide the lines that
//! operators need.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Maximum lines of one kind per second, unless the kind has another rate.
const LINES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(1);
/// Maximum bytes of a client's text in a line.
const TEXT: usize = 256;

/// The rate of one kind of line.
#[derive(Debug)]
pub(crate) struct LogRate {
    lines: u32,
    window: Duration,
    state: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl LogRate {
    pub(crate) const fn new() -> Self {
        Self::of(LINES, WINDOW)
    }

    /// For conditions that last until an operator acts.
    pub(crate) const fn once_a_minute() -> Self {
        Self::of(1, Duration::from_secs(60))
    }

    const fn of(lines: u32, window: Duration) -> Self {
        let state = Mutex::new(Window { began: None, lines: 0, suppressed: 0 });
        Self { lines, window, state }
    }

    /// Returns whether a line may be written now, and then the number of suppressed ones since the
    /// last line.
    pub(crate) fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut window = self.state.lock();
        if window.began.is_none_or(|began| now.duration_since(began) >= self.window) {
            window.began = Some(now);
            window.lines = 0;
        }
        if window.lines >= self.lines {
            window.suppressed += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.suppressed))
    }
}

/// The beginning of a text that a client chose.
pub(crate) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_a_few_lines_and_a_number() {
        let rate = LogRate::new();
        let start = Instant::now();
        let written = (0..1000).filter_map(|_| rate.admit_at(start)).count();
        assert_eq!(written, LINES as usize);
        assert_eq!(rate.admit_at(start + WINDOW), Some(1000 - u64::from(LINES)));
        assert_eq!(rate.admit_at(start + WINDOW), Some(0));
    }

    #[test]
    fn what_remains_true_is_said_once_a_minute() {
        let rate = LogRate::once_a_minute();
        let start = Instant::now();
        let admitted = |seconds| rate.admit_at(start + Duration::from_secs(seconds));
        assert_eq!([0, 1, 59, 60, 61].map(admitted), [Some(0), None, None, Some(2), None]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"中".repeat(1000)).len(), 255);
    }
}
