//! Audit rows: which operator inserted, updated or deleted which row. They are collected during a
//! transaction and written at its end in one statement, in the order in which they were noted.

use castalia_store::{Id, Transaction, audit, message};

use crate::error::Result;

use super::constraint::present;

/// The changes of one operator in one transaction.
#[derive(Debug)]
pub struct Trail {
    operator: Option<String>,
    entries: Vec<audit::Entry>,
    /// Watch keys whose clients have to be woken, beside those that the change is about.
    watch_keys: Vec<String>,
}

impl Trail {
    /// An empty trail. An absent operator is an error only if a change is noted.
    #[must_use]
    pub fn of(operator: Option<&str>) -> Self {
        let (entries, watch_keys) = Default::default();
        Self { operator: operator.map(str::to_owned), entries, watch_keys }
    }

    /// Notes that a row was inserted.
    pub fn inserted(&mut self, entity: &'static str, id: impl Into<Option<Id>>) {
        self.note(entity, id.into(), "INSERT");
    }

    /// Notes that a row was updated.
    pub fn updated(&mut self, entity: &'static str, id: impl Into<Option<Id>>) {
        self.note(entity, id.into(), "UPDATE");
    }

    /// Notes that a row was deleted.
    pub fn deleted(&mut self, entity: &'static str, id: impl Into<Option<Id>>) {
        self.note(entity, id.into(), "DELETE");
    }

    /// Wakes the clients of these watch keys with the transaction.
    pub(super) fn wake(&mut self, watch_keys: Vec<String>) {
        self.watch_keys.extend(watch_keys);
    }

    /// Writes the rows, then the release messages, which are written last.
    ///
    /// # Errors
    /// Fails if no operator is named, or if the database cannot be written.
    pub async fn write(self, tx: &Transaction) -> Result<()> {
        if !self.entries.is_empty() {
            let operator = present(self.operator, "DataChange_CreatedBy")?;
            audit::record_all(tx, &operator, &self.entries).await?;
        }
        Ok(message::insert_all(tx, &self.watch_keys).await?)
    }

    fn note(&mut self, entity: &'static str, id: Option<Id>, operation: &'static str) {
        self.entries.push(audit::Entry { entity, id, operation });
    }
}
