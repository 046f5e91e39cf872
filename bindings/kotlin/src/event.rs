//! Changes, taken one at a time.

use std::sync::Arc;

use castalia_core::host::call;
use castalia_core::{ChangeEvent, ChangeStream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::error::Failure;

/// One change event. Its snapshot is read from the namespace.
#[derive(uniffi::Record)]
pub(crate) struct Event {
    app_id: String,
    namespace: String,
    changes: Vec<Change>,
    interested_keys: Vec<String>,
    old_release_key: String,
    release_key: String,
    source: String,
    sequence: u64,
    coalesced: u64,
}

/// The change of one key.
#[derive(uniffi::Record)]
pub(crate) struct Change {
    key: String,
    old_value: Option<String>,
    new_value: Option<String>,
    change_type: String,
}

impl From<&ChangeEvent> for Event {
    fn from(event: &ChangeEvent) -> Self {
        let identity = event.identity();
        let changes = event.changes().iter().map(|(key, change)| Change {
            key: key.clone(),
            old_value: change.old_value.as_deref().map(str::to_owned),
            new_value: change.new_value.as_deref().map(str::to_owned),
            change_type: change.change_type.name().to_owned(),
        });
        Self {
            app_id: identity.app_id.clone(),
            namespace: identity.namespace.clone(),
            changes: changes.collect(),
            interested_keys: event.interested_keys().to_vec(),
            old_release_key: event.old_release_key().to_owned(),
            release_key: event.release_key().to_owned(),
            source: event.source().name().to_owned(),
            sequence: event.sequence(),
            coalesced: event.coalesced(),
        }
    }
}

/// The changes from now on; they end with the namespace. Dropping this unsubscribes.
#[derive(uniffi::Object)]
pub(crate) struct Changes {
    stream: Arc<Mutex<ChangeStream>>,
    given_up: CancellationToken,
}

impl Changes {
    pub(crate) fn new(stream: ChangeStream, given_up: CancellationToken) -> Arc<Self> {
        Arc::new(Self { stream: Arc::new(Mutex::new(stream)), given_up })
    }
}

#[uniffi::export]
impl Changes {
    /// The next change; `None` at the end.
    async fn next(&self) -> Result<Option<Event>, Failure> {
        let (stream, given_up) = (self.stream.clone(), self.given_up.clone());
        let next = async move { stream.lock().await.next().await };
        let next = async move { Ok(given_up.run_until_cancelled(next).await.flatten()) };
        Ok(call::run(next).await?.map(|event| Event::from(&*event)))
    }
}
