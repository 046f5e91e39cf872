//! Finds the edits that lead from a draft to a list of all its lines. Items are matched by their
//! keys, comments and blank lines by their order.

use std::collections::HashMap;

use super::{DraftChanges, Line};

/// A line as it is after the edits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TargetLine<'t> {
    /// Key; empty for comments and blank lines.
    pub(super) key: &'t str,
    /// Value.
    pub(super) value: &'t str,
    /// Type of the value; `None` for that of the stored line.
    pub(super) kind: Option<i16>,
    /// Comment; `None` for that of the stored line.
    pub(super) comment: Option<&'t str>,
}

impl TargetLine<'_> {
    /// A new line, whose position is to be set.
    pub(super) fn new_line(&self) -> Line {
        Line {
            key: self.key.to_owned(),
            value: self.value.to_owned(),
            kind: self.kind.unwrap_or_default(),
            comment: self.comment.unwrap_or_default().to_owned(),
            ..Line::default()
        }
    }

    /// The stored line with this content.
    pub(super) fn applied_to(&self, stored: &Line) -> Line {
        Line {
            id: stored.id,
            kind: self.kind.unwrap_or(stored.kind),
            comment: self.comment.unwrap_or(&stored.comment).to_owned(),
            line_num: stored.line_num,
            ..self.new_line()
        }
    }
}

impl<'d> From<&'d Line> for TargetLine<'d> {
    fn from(line: &'d Line) -> Self {
        let Line { key, value, kind, comment, .. } = line;
        Self { key, value, kind: Some(*kind), comment: Some(comment) }
    }
}

/// The edits after which the draft has these lines only, in this order. A line that stays as it is
/// where it is is not touched.
pub(super) fn changes<'t>(
    lines: impl IntoIterator<Item = TargetLine<'t>>,
    draft: &[Line],
) -> DraftChanges {
    let mut unmatched = Unmatched::new(draft);
    let mut changes = DraftChanges::default();
    for (line_num, wanted) in (1..).zip(lines) {
        match unmatched.take(&wanted) {
            None => changes.create.push(Line { line_num, ..wanted.new_line() }),
            Some(stored) => {
                let changed = Line { line_num, ..wanted.applied_to(stored) };
                if changed != *stored {
                    changes.update.push(changed);
                }
            }
        }
    }
    changes.delete = unmatched.rest();
    changes
}

/// Stored lines that no wanted one has matched yet, each kind in its order.
struct Unmatched<'d> {
    items: HashMap<&'d str, Vec<&'d Line>>,
    comments: Vec<&'d Line>,
    blanks: Vec<&'d Line>,
}

impl<'d> Unmatched<'d> {
    fn new(draft: &'d [Line]) -> Self {
        let mut ordered: Vec<_> = draft.iter().collect();
        // Lines are taken from the end, so the first one is sorted last.
        ordered.sort_by_key(|line| std::cmp::Reverse((line.line_num, line.id)));
        let mut unmatched =
            Self { items: HashMap::new(), comments: Vec::new(), blanks: Vec::new() };
        for line in ordered {
            match (line.key.is_empty(), line.comment.is_empty()) {
                (false, _) => unmatched.items.entry(&line.key).or_default().push(line),
                (true, false) => unmatched.comments.push(line),
                (true, true) => unmatched.blanks.push(line),
            }
        }
        unmatched
    }

    fn take(&mut self, wanted: &TargetLine<'_>) -> Option<&'d Line> {
        match (wanted.key.is_empty(), wanted.comment.unwrap_or_default().is_empty()) {
            (false, _) => self.items.get_mut(wanted.key)?.pop(),
            (true, false) => self.comments.pop(),
            (true, true) => self.blanks.pop(),
        }
    }

    fn rest(self) -> Vec<Line> {
        let items = self.items.into_values().flatten();
        let mut rest: Vec<_> = items.chain(self.comments).chain(self.blanks).cloned().collect();
        rest.sort_by_key(|line| (line.line_num, line.id));
        rest
    }
}
