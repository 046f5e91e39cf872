//! A client without servers, whose values a test of the application sets.

use std::collections::HashMap;
use std::sync::Arc;

use castalia_core::InMemory as CoreInMemory;
use castalia_core::host::call;

use crate::client::{Client, ClientOptions};
use crate::content::Entry;
use crate::error::Result;

/// The core's client without servers.
#[derive(uniffi::Object)]
pub(crate) struct InMemory {
    memory: CoreInMemory,
}

#[uniffi::export]
impl InMemory {
    #[uniffi::constructor]
    fn new(options: ClientOptions) -> Result<Self> {
        Ok(Self { memory: CoreInMemory::with(options.settings()?)? })
    }

    fn client(&self) -> Arc<Client> {
        Arc::new(Client { client: self.memory.client().clone() })
    }

    /// Replaces all values of a namespace.
    async fn publish(&self, namespace: String, entries: Vec<Entry>) -> Result<()> {
        let memory = self.memory.clone();
        let entries = entries.into_iter().map(|entry| (entry.key, entry.value));
        Ok(call::run(async move { memory.publish(&namespace, entries).await }).await?)
    }

    /// Sets values; a key without one is removed.
    async fn update(
        &self,
        namespace: String,
        edits: HashMap<String, Option<String>>,
    ) -> Result<()> {
        let memory = self.memory.clone();
        Ok(call::run(async move { memory.update(&namespace, edits).await }).await?)
    }

    /// Makes loads of a namespace fail until its values are set again.
    async fn fail(&self, namespace: String) -> Result<()> {
        let memory = self.memory.clone();
        Ok(call::run(async move { memory.fail(&namespace).await }).await?)
    }
}
