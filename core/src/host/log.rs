//! Log records for foreign hosts: the default of each, and queues for hosts that are not called by
//! the thread that logs, because a network thread must not wait for them.

use std::io::Write as _;
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::Level;

use crate::blocking;
use crate::blocking_thread;
use crate::error::{Error, ErrorKind, Result};
use crate::host::stream::Queue;
use crate::log::{self, Record, Sink, pass, set_default};
use crate::process_local::ProcessLocalCell;

/// Maximum number of records that wait for a host; further ones are dropped.
pub const WAITING: usize = 1024;

/// The level of this name, in any case.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] if there is none.
pub fn level(name: &str) -> Result<Level> {
    name.parse().map_err(|_| {
        let text = "a level is ERROR, WARN, INFO, DEBUG or TRACE";
        Error::new(ErrorKind::InvalidArgument, "set log", text).with("level", name)
    })
}

/// Passes warnings and errors to a sink as long as the program does not call [`log::set`]; the first
/// default remains. Returns whether a default is in use.
pub fn warn_by_default(sink: Sink) -> bool {
    set_default(Level::WARN, sink)
}

/// Writes warnings and errors to standard error by default. For hosts without logging: a program must
/// not start without configuration and without any message.
pub fn warn_on_stderr_by_default() {
    warn_by_default(Arc::new(|record: &Record| {
        // Written at once, so that lines of several threads do not mix. A closed standard error is
        // ignored.
        let line = format!("castalia: {}: {}\n", record.level, record.text);
        let _ = std::io::stderr().write_all(line.as_bytes());
    }));
}

/// Queues the records of this level and above, until another sink is set, for a host that takes them
/// one at a time.
///
/// # Errors
/// As [`level`].
pub fn queue(level: &str) -> Result<Queue<Record>> {
    let level = self::level(level)?;
    let (sender, records) = Queue::new(WAITING);
    let sink = move |record: &Record| drop(sender.try_send(record.clone()));
    log::set(Some((level, Arc::new(sink))));
    Ok(records)
}

/// A sink that passes the records to a function, which may block: one at a time, on another thread.
/// Starts no thread before the first record; a forked child starts its own. What the function logs
/// is dropped, or it would never end.
pub fn deliver(function: impl Fn(&Record) + Send + Sync + 'static) -> Sink {
    let (function, queue) = (Arc::new(function), ProcessLocalCell::new());
    Arc::new(move |record: &Record| {
        if let Ok(queue) = queue.get(|| start(function.clone())) {
            let _ = queue.try_send(record.clone());
        }
    })
}

fn start(function: Arc<impl Fn(&Record) + Send + Sync + 'static>) -> Result<mpsc::Sender<Record>> {
    let (queue, mut waiting) = mpsc::channel::<Record>(WAITING);
    blocking::spawn(async move {
        while let Some(record) = waiting.recv().await {
            let function = function.clone();
            // Fails if the function panics, which must not end the log.
            let _ = blocking_thread::start(move || pass(&record, &*function)).await.await;
        }
    })?;
    Ok(queue)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn records_come_in_order_and_what_the_function_logs_does_not_come() {
        let (sender, taken) = sync_channel(10);
        let sink = deliver(move |record| {
            tracing::warn!(target: "castalia_core::host::log", "from the function itself");
            sender.send(record.text.clone()).unwrap();
            assert_ne!(record.text, "1", "as a faulty host does");
        });
        for text in ["1", "2", "3"].map(str::to_owned) {
            sink(&Record { level: Level::INFO, target: "castalia", text, fields: Vec::new() });
        }
        assert_eq!([(); 3].map(|()| taken.recv().unwrap()), ["1", "2", "3"]);
        assert_eq!(level("loud").unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}
