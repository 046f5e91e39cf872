//! Log records, queued until the JVM takes them: a network thread must not wait for it.

use castalia_core::host::stream::Queue;
use castalia_core::host::{call, describe, log};
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
