//! A bounded queue of lines and the thread that writes them. When the queue is full, a line is
//! dropped and counted; callers never wait. `tracing-appender` does the same, but prints to
//! standard output when its shutdown takes too long, which must not happen here.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Maximum lines and bytes that wait. Together with one line for each thread, this is all the
/// memory of the log.
const MAX_LINES: usize = 8192;
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Minimum interval between two reports of dropped lines.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// Sends lines to the writing thread. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sender: SyncSender<Message>,
    counts: Arc<LineCounts>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

#[derive(Debug, Default)]
struct LineCounts {
    waiting_bytes: AtomicUsize,
    lost: AtomicU64,
}

impl LineCounts {
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("castalia_log_lines_lost_total").increment(1);
    }
}

impl Queue {
    /// Starts the thread. `report` receives the number of dropped lines as soon as lines can be
    /// written again.
    pub(super) fn start(output: impl Write + Send + 'static, report: fn(u64)) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(MAX_LINES);
        let counts = Arc::new(LineCounts::default());
        let counted = Arc::clone(&counts);
        let work = move || write_lines(&receiver, &counted, output, report);
        std::thread::Builder::new().name("log".to_owned()).spawn(work)?;
        Ok(Self { sender, counts })
    }

    fn push(&self, line: &[u8]) {
        let waiting = &self.counts.waiting_bytes;
        let before = waiting.fetch_add(line.len(), Ordering::Relaxed);
        let fits = before + line.len() <= MAX_BYTES;
        if !fits || self.sender.try_send(Message::Line(line.to_vec())).is_err() {
            waiting.fetch_sub(line.len(), Ordering::Relaxed);
            self.counts.lose();
        }
    }

    /// Waits until all earlier lines are written, at most for `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let (sender, written) = sync_channel(1);
        if self.sender.try_send(Message::Flush(sender)).is_ok() {
            let _ = written.recv_timeout(patience);
        }
    }
}

fn write_lines(
    receiver: &Receiver<Message>,
    counts: &LineCounts,
    mut output: impl Write,
    report: fn(u64),
) {
    let mut reported: Option<Instant> = None;
    for message in receiver {
        let line = match message {
            Message::Line(line) => line,
            Message::Flush(written) => {
                let _ = written.try_send(());
                continue;
            }
        };
        let outcome = output.write_all(&line);
        counts.waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
        let is_quiet = reported.is_none_or(|time| time.elapsed() >= REPORT_PAUSE);
        if outcome.is_err() {
            counts.lose();
        } else if is_quiet && counts.lost.load(Ordering::Relaxed) > 0 {
            reported = Some(Instant::now());
            report(counts.lost.swap(0, Ordering::Relaxed));
        }
    }
}

/// Each event is formatted first and written in one call, so that each call is one line.
impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Queue {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// Writes one line for each permit, and passes on what it wrote.
    struct Slow(Receiver<io::Result<()>>, SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.recv().unwrap_or(Ok(()))?;
            let _ = self.1.try_send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_and_they_are_reported() {
        static REPORTED: Mutex<Vec<u64>> = Mutex::new(Vec::new());
        let (permit, permits) = sync_channel(MAX_LINES + 2);
        let (written, lines) = sync_channel(MAX_LINES + 2);
        let report = |lines| REPORTED.lock().push(lines);
        let queue = Queue::start(Slow(permits, written), report).unwrap();
        queue.push(b"first");
        let begun = Instant::now();
        for _ in 0..3 * MAX_LINES {
            queue.push(&[b'x'; 1024]);
        }
        // A wait of 1 ms for each dropped line would take 20 s, and one for the output has no end.
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert!(queue.counts.waiting_bytes.load(Ordering::Relaxed) <= MAX_BYTES);
        let lost = queue.counts.lost.load(Ordering::Relaxed);
        assert!(lost >= u64::try_from(2 * MAX_LINES).unwrap(), "{lost}");
        // A line whose write fails is counted as dropped, and the thread continues.
        permit.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
        permit.send(Ok(())).unwrap();
        assert_eq!(lines.recv().unwrap().len(), 1024);
        drop(permit);
        queue.flush(Duration::from_secs(60));
        assert_eq!(*REPORTED.lock(), [lost + 1]);
        assert_eq!(queue.counts.waiting_bytes.load(Ordering::Relaxed), 0);
    }
}
