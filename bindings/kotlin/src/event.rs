//! Changes, taken one at a time.

use std::sync::Arc;

use castalia_core::ChangeEvent;
use castalia_core::host::{call, describe, stream};

use crate::error::Result;
use crate::json::Json;

/// One change event. Its snapshot is read from the namespace.
#[derive(uniffi::Record)]
pub(crate) struct Event {
    about: Json,
    changes: Vec<Change>,
}

/// The change of one key.
#[derive(uniffi::Record)]
pub(crate) struct Change {
    key: String,
    old_value: Option<String>,
    new_value: Option<String>,
    change_type: String,
}

fn event_of(event: &ChangeEvent) -> Event {
    let changes = event.changes().iter().map(|(key, change)| Change {
        key: key.clone(),
        old_value: change.old_value.as_deref().map(str::to_owned),
        new_value: change.new_value.as_deref().map(str::to_owned),
        change_type: change.change_type.name().to_owned(),
    });
    Event { about: Json::from(describe::event(event)), changes: changes.collect() }
}

/// The changes from now on; they end with the namespace. Dropping this unsubscribes.
#[derive(uniffi::Object)]
pub(crate) struct Changes(pub(crate) stream::Changes);

#[uniffi::export]
impl Changes {
    /// The next change; `None` at the end. What was returned last is returned again, unless it is
    /// `taken`: the sequence number of the last change that the JVM took over, or 0.
    async fn next(&self, taken: u64) -> Result<Option<Event>> {
        let event = call::run(self.0.next_after(taken)).await?;
        Ok(event.map(|event| event_of(&event)))
    }
}

/// Waits for newer snapshots, which are then read from the namespace. Dropping this unsubscribes.
#[derive(uniffi::Object)]
pub(crate) struct Newer(pub(crate) Arc<stream::Newer>);

#[uniffi::export]
impl Newer {
    /// Waits for a snapshot that is newer than the last one; false at the end.
    async fn next(&self) -> Result<bool> {
        Ok(call::run(self.0.next()).await?)
    }
}
