//! Figures of a measurement: medians with their spread, percentiles, and the kernel's counters of a
//! process's memory and CPU time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// Median of the rounds, with the lowest and the highest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Computes the median of at least one round.
    pub(crate) fn of(rounds: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = rounds.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Self { median, low: sorted[0], high: sorted[sorted.len() - 1] }
    }
}

/// The time below which a fraction of the sorted samples is.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Converts a count to a divisor.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark stay far below 2^52")]
pub(crate) fn number(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

/// Resident memory of a process, in bytes. Read from `smaps_rollup`, because the counters in
/// `status` are only approximate.
pub(crate) fn memory(pid: u32) -> Result<f64> {
    of_page_tables(pid, "Rss:")
}

/// The anonymous part of it, without file-backed pages such as the program: heap and stacks.
pub(crate) fn anonymous_memory(pid: u32) -> Result<f64> {
    of_page_tables(pid, "Anonymous:")
}

fn of_page_tables(pid: u32, name: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib: u64 = line
        .and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
        .with_context(|| format!("{path} has no line {name}"))?;
    Ok(number(kib * 1024))
}

/// User and system time of a process, including its terminated threads. The process clock is exact,
/// while `/proc/<pid>/stat` counts ticks.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed()));
    let time = clock
        .and_then(clock_gettime)
        .with_context(|| format!("cannot read the CPU clock of process {pid}"))?;
    Ok(time.into())
}

/// CPU time of a process over a period.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    pid: u32,
    used: Duration,
    began: Instant,
}

impl Stopwatch {
    pub(crate) fn start(pid: u32) -> Result<Self> {
        Ok(Self { pid, used: cpu(pid)?, began: Instant::now() })
    }

    /// CPU time since the start.
    pub(crate) fn used(&self) -> Result<Duration> {
        Ok(cpu(self.pid)?.saturating_sub(self.used))
    }

    /// CPU time as a fraction of one core.
    pub(crate) fn busy(&self) -> Result<f64> {
        Ok(self.used()?.as_secs_f64() / self.began.elapsed().as_secs_f64())
    }
}

/// A process has settled if it uses no more than this CPU time in this period; and the time limit
/// for settling.
const QUIET: Duration = Duration::from_millis(200);
const REST: Duration = Duration::from_millis(5);
const SETTLED: Duration = Duration::from_secs(20);

/// Waits until a process does nothing but its periodic checks of the clock and the database.
pub(crate) fn settle(pid: u32) -> Result<()> {
    let limit = Instant::now() + SETTLED;
    loop {
        let before = cpu(pid)?;
        pause(QUIET);
        if cpu(pid)? - before <= REST {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < limit, "process {pid} is still busy after {SETTLED:?}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the load side has no async workers, and time itself is what is waited for"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_rounds_lies_between_the_two_in_the_middle() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!((spread.low, spread.median, spread.high), (1.0, 2.5, 4.0));
        assert_eq!(Spread::of([7.0]).median, 7.0);
    }

    #[test]
    fn percentiles_never_leave_the_samples() {
        let samples: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&samples, 0.5), Duration::from_millis(51));
        assert_eq!(percentile(&samples, 0.99), Duration::from_millis(100));
        assert_eq!(percentile(&samples, 1.0), Duration::from_millis(100));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn the_kernel_tells_our_own_memory_and_time() {
        let own = std::process::id();
        assert!(memory(own).unwrap() > 100_000.0);
        assert!(cpu(own).is_ok());
    }
}
