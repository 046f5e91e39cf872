//! A snapshot as it crosses the boundary: as a whole, once for each change.

use castalia_core::Snapshot;
use castalia_core::host::describe;
use castalia_core::host::open::View;

use crate::json::Json;

/// A key and its value.
#[derive(uniffi::Record)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// A key and its new value; `None` removes the key.
#[derive(uniffi::Record)]
pub(crate) struct Edit {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
}

/// One namespace at one moment.
#[derive(uniffi::Record)]
pub(crate) struct Content {
    about: Json,
    /// In the server's order; empty for a file.
    values: Vec<Entry>,
    /// The text of a file.
    text: Option<String>,
}

impl Content {
    /// The content as it is read.
    pub(crate) fn of(snapshot: &Snapshot, view: View) -> Self {
        let entry = |(key, value): (&str, &str)| Entry { key: key.into(), value: value.into() };
        let (values, text) = match view {
            View::Values => (snapshot.iter().map(entry).collect(), None),
            View::Text => (Vec::new(), snapshot.content().map(str::to_owned)),
        };
        Self { about: Json::from(describe::snapshot(snapshot)), values, text }
    }
}
