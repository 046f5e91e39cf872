//! A text column that must not reach a log: access-key secrets, tokens, password hashes. Knows no
//! table.

use std::fmt;

use sea_orm::DeriveValueType;

/// Text whose `Debug` prints a mask; it has no `Display`.
#[derive(Clone, Default, PartialEq, Eq, Hash, DeriveValueType)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to compare, hash or return it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
