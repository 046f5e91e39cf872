//! Warnings and errors of programs that have set no sink. Each class loader takes them while it has
//! clients, and passes them to the logger of its program.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use castalia_core::host::log::{WAITING, level};
use castalia_core::host::{call, describe};
use castalia_core::log::{Record, set};

use crate::error::Result;
use crate::json::Json;

/// Where the records of this process go.
pub(crate) struct Choice {
    /// Whether the program has set a sink, or none.
    pub(crate) is_made: bool,
    is_installed: bool,
    readers: Vec<Weak<Queue>>,
}

static CHOICE: Mutex<Choice> =
    Mutex::new(Choice { is_made: false, is_installed: false, readers: Vec::new() });

/// Held while a sink is set, so that the default never replaces that of the program.
pub(crate) fn choice() -> MutexGuard<'static, Choice> {
    CHOICE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes a record to all class loaders.
fn pass(record: &Record) {
    let readers: Vec<_> = choice().readers.iter().filter_map(Weak::upgrade).collect();
    readers.iter().for_each(|reader| reader.push(record));
}

/// The warnings and errors from now on, until its last user ends; `None` if the program has chosen
/// where records go.
#[uniffi::export]
fn default_log() -> Result<Option<Arc<DefaultLog>>> {
    let mut choice = choice();
    if choice.is_made {
        return Ok(None);
    }
    if !choice.is_installed {
        set(Some((level("WARN")?, Arc::new(pass))));
        choice.is_installed = true;
    }
    let queue = Arc::new(Queue::default());
    choice.readers.retain(|reader| reader.strong_count() > 0);
    choice.readers.push(Arc::downgrade(&queue));
    Ok(Some(Arc::new(DefaultLog(queue))))
}

/// The records of a class loader. They are taken without a wait, so that the JVM can report what
/// waits before a call returns, beside the thread that waits for more.
#[derive(uniffi::Object)]
pub(crate) struct DefaultLog(Arc<Queue>);

#[uniffi::export]
impl DefaultLog {
    /// Waits until there is a record; false at the end.
    async fn await_next(&self) -> Result<bool> {
        let queue = self.0.clone();
        Ok(call::run(async move { Ok(poll_fn(|context| queue.poll(context)).await) }).await?)
    }

    /// The oldest record; `None` if none waits.
    fn take(&self) -> Option<Json> {
        let record = self.0.lock().records.pop_front()?;
        Some(Json::from(describe::log_record(&record)))
    }

    /// Another user; `None` after the last one has ended.
    fn user(&self) -> Option<Arc<LogUser>> {
        let mut waiting = self.0.lock();
        if waiting.has_ended {
            return None;
        }
        waiting.users += 1;
        Some(Arc::new(LogUser(self.0.clone())))
    }
}

/// Keeps a log from ending. Clients and their namespaces hold it.
#[derive(uniffi::Object)]
pub(crate) struct LogUser(Arc<Queue>);

impl Drop for LogUser {
    fn drop(&mut self) {
        self.0.change(|waiting| {
            waiting.users -= 1;
            waiting.has_ended = waiting.users == 0;
        });
    }
}

#[derive(Default)]
struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    waker: Option<Waker>,
    users: usize,
    has_ended: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, record: &Record) {
        self.change(|waiting| {
            if !waiting.has_ended && waiting.records.len() < WAITING {
                waiting.records.push_back(record.clone());
            }
        });
    }

    /// Changes the queue, and wakes the wait for a record.
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let waker = {
            let mut waiting = self.lock();
            change(&mut waiting);
            waiting.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut waiting = self.lock();
        let has_record = !waiting.records.is_empty();
        if has_record || waiting.has_ended {
            return Poll::Ready(has_record);
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
