//! One handle for a namespace, whether a host reads it as keys and values or as one text. What it
//! offers is the same; only the events differ.

use crate::client::Client;
use crate::config::Config;
use crate::error::Result;

/// How a host reads a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As keys and values.
    Values,
    /// As one text. The events have the key `content` alone.
    Text,
}

impl View {
    /// How an open namespace is read.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        if config.is_text() { Self::Text } else { Self::Values }
    }

    /// The namespace, read in this way.
    #[must_use]
    pub fn apply(self, config: Config) -> Config {
        match self {
            Self::Values => config,
            Self::Text => config.into_text(),
        }
    }
}

/// Opens a namespace to be read in this way; see [`Client::config_of`].
///
/// # Errors
/// As [`Client::config_of`].
pub async fn open(client: Client, app_id: &str, namespace: &str, view: View) -> Result<Config> {
    client.config_of(app_id, namespace).await.map(|config| view.apply(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_memory::InMemory;

    #[tokio::test]
    async fn one_handle_has_the_events_of_its_view() {
        let memory = InMemory::new().unwrap();
        memory.set("application", "a", "1").await.unwrap();
        let client = memory.client().clone();
        let values = open(client.clone(), "test", "application", View::Values).await.unwrap();
        let text = open(client, "test", "application", View::Text).await.unwrap();
        assert_eq!((View::of(&values), View::of(&text)), (View::Values, View::Text));

        let (mut of_values, mut of_text) = (values.changes(), text.snapshot_and_changes().1);
        memory.set("application", "a", "2").await.unwrap();
        assert!(of_values.next().await.unwrap().change("a").is_some());
        let change = of_text.next().await.unwrap().change("content").cloned().unwrap();
        assert_eq!(change.new_value.as_deref(), Some("a=2\n"));
    }
}
