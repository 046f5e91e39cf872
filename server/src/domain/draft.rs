//! The draft of a namespace, that is, its items as they are edited: which edits lead to a text or back to what is published, and
//! where it differs from that (pure). Applying the edits is the admin role's business.

pub mod difference;
pub mod revocation;
pub mod text;

/// An item: a key with its value, a comment line, or a blank line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Row id; 0 for a new one.
    pub id: i64,
    /// Key; empty for comments and blank lines.
    pub key: String,
    /// Value.
    pub value: String,
    /// Label of the value.
    pub kind: i16,
    /// Comment; the text of a comment line.
    pub comment: String,
    /// Position, from 1.
    pub line_num: i64,
}

/// Edits that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New lines.
    pub create: Vec<Line>,
    /// Changed lines, with their ids.
    pub update: Vec<Line>,
    /// Removed lines.
    pub delete: Vec<Line>,
}

impl Changes {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}
