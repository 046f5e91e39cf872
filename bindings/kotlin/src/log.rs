//! Log records, queued until the JVM takes them: a network thread must not wait for it.

use std::sync::Arc;

use castalia_core::host::{call, log};
use castalia_core::log::{Record, set};
use tokio::sync::{Mutex, mpsc};

use crate::content::Entry;
use crate::error::Failure;

/// One log record.
#[derive(uniffi::Record)]
pub(crate) struct LogRecord {
    level: String,
    target: String,
    text: String,
    fields: Vec<Entry>,
}

/// The records from now on, until another reader replaces this one.
#[derive(uniffi::Object)]
pub(crate) struct LogRecords {
    waiting: Arc<Mutex<mpsc::Receiver<Record>>>,
}

#[uniffi::export]
impl LogRecords {
    /// Replaces the previous reader.
    #[uniffi::constructor]
    fn new(level: &str) -> Result<Self, Failure> {
        let level = log::level(level)?;
        let (sender, waiting) = mpsc::channel(log::WAITING);
        let sink = move |record: &Record| {
            let _ = sender.try_send(record.clone());
        };
        set(Some((level, Arc::new(sink))));
        Ok(Self { waiting: Arc::new(Mutex::new(waiting)) })
    }

    /// The next record; `None` once another reader has replaced this one.
    async fn next(&self) -> Result<Option<LogRecord>, Failure> {
        let waiting = self.waiting.clone();
        let record = call::run(async move { Ok(waiting.lock().await.recv().await) }).await?;
        Ok(record.map(|record| LogRecord {
            fields: record.fields.iter().map(|(k, v)| Entry::from((*k, v.as_str()))).collect(),
            level: record.level.to_string(),
            target: record.target.to_owned(),
            text: record.text,
        }))
    }
}

/// Drops records from now on.
#[uniffi::export]
fn log_nothing() {
    set(None);
}
