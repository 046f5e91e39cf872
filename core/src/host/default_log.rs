//! Warnings and errors for hosts with several loggers, one for each class loader of the JVM, that take
//! records one at a time. Must not know where a host writes them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use crate::error::Result;
use crate::host::log::{WAITING, warn_by_default};
use crate::log::Record;

static LOGS: Mutex<Vec<Weak<DefaultLog>>> = Mutex::new(Vec::new());

/// The warnings and errors of this process, as long as somebody uses this log. They are taken without
/// a wait, so that a host can report what waits before a call returns, beside the thread that waits
/// for more.
pub struct DefaultLog {
    waiting: Mutex<Waiting>,
    /// There is a first record, or the log has ended. Remembered until somebody waits.
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    users: usize,
    has_ended: bool,
}

/// Keeps a log from ending. Clients and their namespaces hold it.
pub struct LogUser(Arc<DefaultLog>);

impl DefaultLog {
    /// The records from now on; `None` if the program has chosen where records go.
    pub fn begin() -> Option<Arc<Self>> {
        if !warn_by_default(Arc::new(pass)) {
            return None;
        }
        Some(Self::new())
    }

    fn new() -> Arc<Self> {
        let log = Arc::new(Self { waiting: Mutex::default(), changed: Notify::new() });
        let mut logs = lock(&LOGS);
        logs.retain(|known| known.strong_count() > 0);
        logs.push(Arc::downgrade(&log));
        log
    }

    /// Waits until there is a record; false at the end.
    ///
    /// # Errors
    /// None; a result, so that it is run as other calls are.
    pub fn await_next(self: &Arc<Self>) -> impl Future<Output = Result<bool>> + Send + 'static {
        let log = self.clone();
        async move {
            loop {
                if let Some(has_record) = log.has_record() {
                    return Ok(has_record);
                }
                log.changed.notified().await;
            }
        }
    }

    /// Whether a record waits; `None` if one may come.
    fn has_record(&self) -> Option<bool> {
        let waiting = lock(&self.waiting);
        let has_record = !waiting.records.is_empty();
        (has_record || waiting.has_ended).then_some(has_record)
    }

    /// The oldest record; `None` if none waits.
    pub fn take(&self) -> Option<Record> {
        lock(&self.waiting).records.pop_front()
    }

    /// Another user; `None` after the last one has ended.
    pub fn user(self: &Arc<Self>) -> Option<LogUser> {
        let mut waiting = lock(&self.waiting);
        if waiting.has_ended {
            return None;
        }
        waiting.users += 1;
        Some(LogUser(self.clone()))
    }

    fn push(&self, record: &Record) {
        self.change(|waiting| {
            if !waiting.has_ended && waiting.records.len() < WAITING {
                waiting.records.push_back(record.clone());
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut lock(&self.waiting));
        self.changed.notify_one();
    }
}

impl Drop for LogUser {
    fn drop(&mut self) {
        self.0.change(|waiting| {
            waiting.users -= 1;
            waiting.has_ended = waiting.users == 0;
        });
    }
}

fn pass(record: &Record) {
    let logs: Vec<_> = lock(&LOGS).iter().filter_map(Weak::upgrade).collect();
    logs.iter().for_each(|log| log.push(record));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[tokio::test]
    async fn each_log_receives_the_records_until_its_last_user_has_ended() {
        let logs = [(); 2].map(|()| DefaultLog::new());
        let users = [(); 2].map(|()| logs[0].user().unwrap());
        let text = "cannot load".to_owned();
        let record = Record { level: Level::WARN, target: "castalia", text, fields: Vec::new() };
        pass(&record);
        for log in &logs {
            assert!(log.await_next().await.unwrap());
            assert_eq!((log.take(), log.take()), (Some(record.clone()), None));
        }
        let waits = tokio::spawn(logs[0].await_next());
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(users);
        assert!(!waits.await.unwrap().unwrap());
        pass(&record);
        assert!(logs[0].take().is_none() && logs[0].user().is_none() && logs[1].take().is_some());
    }
}
