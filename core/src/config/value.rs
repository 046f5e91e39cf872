//! A value that was read: it keeps the content that it lies in, instead of a copy of the text.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard;

use crate::snapshot::Snapshot;

/// The text of a value. Meant to be used at once; to keep it, make a `String` of it.
pub struct Value {
    snapshot: Guard<Arc<Snapshot>>,
    text: TextLocation,
}

enum TextLocation {
    /// Place of the key in the content.
    Indexed(usize),
    /// From beside the content, which has no place for it.
    Owned(String),
}

impl Value {
    #[inline]
    pub(super) fn find(snapshot: Guard<Arc<Snapshot>>, key: &str) -> Option<Self> {
        let text = match snapshot.index_of(key) {
            Some(index) => TextLocation::Indexed(index),
            None => TextLocation::Owned(snapshot.get(key)?.to_owned()),
        };
        Some(Self { snapshot, text })
    }

    /// The text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.text {
            // The content never changes, so the place that was found still holds the key.
            TextLocation::Indexed(index) => self.snapshot.value_at(*index).unwrap_or_default(),
            TextLocation::Owned(text) => text,
        }
    }
}

impl Deref for Value {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Value {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.as_str().to_owned()
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Value {
    /// Values may be secrets, but who prints one asked for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
