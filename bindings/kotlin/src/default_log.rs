//! Warnings and errors of programs that have set no sink. Each class loader takes them while it has
//! clients, and passes them to the logger of its program.

use std::sync::Arc;

use castalia_core::host::{call, default_log, describe};

use crate::error::Result;
use crate::json::Json;

/// The warnings and errors from now on, until its last user ends; `None` if the program has chosen
/// where records go.
#[uniffi::export]
fn default_log() -> Option<Arc<DefaultLog>> {
    default_log::DefaultLog::begin().map(|log| Arc::new(DefaultLog(log)))
}

/// The records of a class loader.
#[derive(uniffi::Object)]
pub(crate) struct DefaultLog(Arc<default_log::DefaultLog>);

#[uniffi::export]
impl DefaultLog {
    /// Waits until there is a record; false at the end.
    async fn await_next(&self) -> Result<bool> {
        let log = self.0.clone();
        Ok(call::run(async move { Ok(log.await_next().await) }).await?)
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
