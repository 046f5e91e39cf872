//! A snapshot as it crosses the boundary: as a whole, once for each change.

use std::time::SystemTime;

use castalia_core::Snapshot;
use castalia_core::host::open::View;

/// A key and its value.
#[derive(Debug, uniffi::Record)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl From<(&str, &str)> for Entry {
    fn from((key, value): (&str, &str)) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
    }
}

/// One namespace at one moment.
#[derive(uniffi::Record)]
pub(crate) struct Content {
    app_id: String,
    cluster: String,
    namespace: String,
    release_key: String,
    notification_id: i64,
    source: String,
    loaded_at: SystemTime,
    /// In the server's order; empty for a file.
    values: Vec<Entry>,
    /// The text of a file.
    text: Option<String>,
}

impl Content {
    /// The content as it is read.
    pub(crate) fn of(snapshot: &Snapshot, view: View) -> Self {
        let identity = snapshot.identity();
        let (values, text) = match view {
            View::Values => (snapshot.iter().map(Entry::from).collect(), None),
            View::Text => (Vec::new(), snapshot.content().map(str::to_owned)),
        };
        Self {
            app_id: identity.app_id.clone(),
            cluster: identity.cluster.clone(),
            namespace: identity.namespace.clone(),
            release_key: snapshot.release_key().to_owned(),
            notification_id: snapshot.notification_id(),
            source: snapshot.source().name().to_owned(),
            loaded_at: snapshot.loaded_at(),
            values,
            text,
        }
    }
}
