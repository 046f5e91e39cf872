//! Log records, queued until the JVM takes them: a network thread must not wait for it.

use std::sync::Arc;

use castalia_core::host::stream::Queue;
use castalia_core::host::{call, default_log, describe, log};
use castalia_core::log::{Record, set};

use crate::error::Result;
use crate::json::Json;

/// The records from now on, until another reader replaces this one.
#[derive(uniffi::Object)]
pub(crate) struct LogRecords(Queue<Record>);

#[uniffi::export]
impl LogRecords {
    /// Replaces the previous reader.
    #[uniffi::constructor]
    fn new(level: &str) -> Result<Self> {
        Ok(Self(log::queue(level)?))
    }

    /// The next record; `None` once another reader has replaced this one.
    async fn next(&self) -> Result<Option<Json>> {
        let record = call::run(self.0.next()).await?;
        Ok(record.map(|record| Json::from(describe::log_record(&record))))
    }
}

/// Drops records from now on.
#[uniffi::export]
fn log_nothing() {
    set(None);
}

/// The warnings and errors from now on, until its last user ends; `None` if the program has chosen
/// where records go.
#[uniffi::export]
fn default_log() -> Option<Arc<DefaultLog>> {
    default_log::DefaultLog::begin().map(|log| Arc::new(DefaultLog(log)))
}

/// Warnings and errors of a program that has set no sink. Each class loader takes them while it has
/// clients, and passes them to the logger of its program.
#[derive(uniffi::Object)]
pub(crate) struct DefaultLog(Arc<default_log::DefaultLog>);

#[uniffi::export]
impl DefaultLog {
    /// Waits until there is a record; false at the end.
    async fn await_next(&self) -> Result<bool> {
        Ok(call::run(self.0.await_next()).await?)
    }

    /// The oldest record; `None` if none waits.
    fn take(&self) -> Option<Json> {
        self.0.take().map(|record| Json::from(describe::log_record(&record)))
    }

    /// Another user; `None` after the last one has ended.
    fn user(&self) -> Option<Arc<LogUser>> {
        self.0.user().map(|user| Arc::new(LogUser { _user: user }))
    }
}

/// Keeps a log from ending. Clients and their namespaces hold it.
#[derive(uniffi::Object)]
pub(crate) struct LogUser {
    _user: default_log::LogUser,
}
