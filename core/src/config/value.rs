//! A value that borrows its text from a snapshot instead of copying it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard;

use crate::snapshot::Snapshot;

/// The text of a value. Meant for immediate use: it keeps the snapshot alive. Convert it to a
/// `String` to store it.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "color", "red").await?;
/// let config = memory.client().config("application").await?;
///
/// let color = config.get("color").expect("the key exists");
/// assert!(color.starts_with('r'));
/// let stored: String = color.into();
/// assert_eq!(stored, "red");
/// # Ok(())
/// # }
/// ```
pub struct Value {
    snapshot: Guard<Arc<Snapshot>>,
    text: TextLocation,
}

enum TextLocation {
    /// Index of the key in the snapshot.
    Indexed(usize),
    /// A value of the overlay or the environment, which the snapshot does not contain.
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
            // A snapshot never changes, so the index still belongs to the key.
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
    /// Prints the text: unlike a whole snapshot, a single value is only printed on purpose.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
