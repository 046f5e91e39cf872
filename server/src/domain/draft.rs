//! The draft of a namespace, that is, its items as they are edited: computes the edits that lead to
//! a text or back to the release, and the differences from it (pure). The admin role applies the
//! edits.

pub mod batch;
pub mod difference;
pub mod import;
mod lines;
pub mod revocation;
pub mod text;
pub mod transfer;

use std::collections::{HashMap, HashSet};

use crate::error::Result;

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

/// A key whose value in the draft is not that of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Key.
    pub key: String,
    /// Value of the request; `None` if it deletes the item.
    pub yours: Option<String>,
}

/// A request to edit a draft, whatever the draft contains by then.
pub trait Edits: Sync {
    /// The edits that perform it on this draft.
    ///
    /// # Errors
    /// Fails if this draft rules it out.
    fn changes(&self, draft: &[Line]) -> Result<DraftChanges>;

    /// Where this draft differs from the request.
    fn differences(&self, draft: &[Line]) -> Vec<Difference> {
        let Ok(changes) = self.changes(draft) else { return Vec::new() };
        let removed: HashSet<_> = changes.delete.iter().map(|line| line.id).collect();
        let remaining: HashSet<_> = draft
            .iter()
            .filter(|line| !removed.contains(&line.id))
            .map(|line| line.key.as_str())
            .collect();
        let put = changes.create.into_iter().chain(changes.update);
        let put = put.map(|line| Difference { key: line.key, yours: Some(line.value) });
        // A key that is stored twice remains with one of its items.
        let deleted =
            changes.delete.into_iter().filter(|line| !remaining.contains(line.key.as_str()));
        let deleted = deleted.map(|line| Difference { key: line.key, yours: None });
        let present = by_key(draft);
        // An edit may change the position, the type or the comment only.
        let differs = |one: &Difference| {
            let theirs = present.get(one.key.as_str()).map(|line| &line.value);
            !one.key.is_empty() && one.yours.as_ref() != theirs
        };
        put.chain(deleted).filter(differs).collect()
    }
}

impl<F: Fn(&[Line]) -> Result<DraftChanges> + Sync> Edits for F {
    fn changes(&self, draft: &[Line]) -> Result<DraftChanges> {
        self(draft)
    }
}

fn by_key(draft: &[Line]) -> HashMap<&str, &Line> {
    draft.iter().map(|line| (line.key.as_str(), line)).collect()
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
