//! The draft of a namespace, that is, its items as they are edited: computes the edits that lead to
//! a text or back to the release, and the differences from it (pure). The admin role applies the
//! edits.

pub mod batch;
pub mod difference;
pub mod import;
pub mod revocation;
pub mod text;
pub mod transfer;

/// An item: a key with its value, a comment line, or a blank line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Row id; 0 for a new one.
    pub id: i64,
    /// Key; empty for comments and blank lines.
    pub key: String,
    /// Value.
    pub value: String,
    /// Type of the value.
    pub kind: i16,
    /// Comment; the text of a comment line.
    pub comment: String,
    /// Position, from 1.
    pub line_num: i64,
}

/// A set of edits that are applied together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftChanges {
    /// New lines.
    pub create: Vec<Line>,
    /// Changed lines, with their ids.
    pub update: Vec<Line>,
    /// Removed lines.
    pub delete: Vec<Line>,
}

impl DraftChanges {
    /// Whether there are no edits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}

/// A line at the position of its id, for tests.
#[cfg(test)]
fn line(id: i64, key: &str, value: &str, comment: &str) -> Line {
    Line {
        id,
        key: key.into(),
        value: value.into(),
        kind: 1,
        comment: comment.into(),
        line_num: id,
    }
}
