//! Brings the items of an archive into a draft. Nothing is ever deleted, and importing the same
//! items again changes nothing.

use std::collections::HashMap;

use super::{DraftChanges, Line};

/// The edits after which a draft has these lines. An existing item keeps its position. A comment
/// line is added only if the draft has fewer of the same text; blank lines only to an empty draft,
/// which gets all lines in their order.
#[must_use]
pub fn changes(draft: &[Line], lines: &[Line]) -> DraftChanges {
    let mut changes = DraftChanges::default();
    if draft.is_empty() {
        let create =
            (1..).zip(lines).map(|(line_num, line)| Line { id: 0, line_num, ..line.clone() });
        return DraftChanges { create: create.collect(), ..changes };
    }
    let existing: HashMap<_, _> = draft.iter().map(|line| (line.key.as_str(), line)).collect();
    let mut comments = HashMap::<_, usize>::new();
    for line in draft.iter().filter(|line| line.key.is_empty()) {
        *comments.entry(line.comment.as_str()).or_default() += 1;
    }
    let appended = |line: &Line| Line { id: 0, line_num: 0, ..line.clone() };
    for line in lines {
        if line.key.is_empty() {
            let present = comments.entry(&line.comment).or_default();
            if *present > 0 {
                *present -= 1;
            } else if !line.comment.trim().is_empty() {
                changes.create.push(appended(line));
            }
            continue;
        }
        match existing.get(line.key.as_str()) {
            None => changes.create.push(appended(line)),
            Some(old) => {
                let new = Line { id: old.id, line_num: old.line_num, ..line.clone() };
                if new != **old {
                    changes.update.push(new);
                }
            }
        }
    }
    changes
}

/// What an import changes in a draft, as far as it is needed to take it back.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    created: Vec<Line>,
    /// Lines without a key before it; comments may be equal to new ones.
    comments: Vec<Line>,
    /// Lines before and after it.
    updated: Vec<(Line, Line)>,
}

/// What distinguishes a line apart from its place.
type LineContent<'a> = (&'a str, &'a str, i16, &'a str);

fn content(line: &Line) -> LineContent<'_> {
    (&line.key, &line.value, line.kind, &line.comment)
}

fn counts(lines: &[Line]) -> HashMap<LineContent<'_>, usize> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(content(line)).or_default() += 1;
    }
    counts
}

impl Imported {
    /// The effect of these changes on a draft.
    #[must_use]
    pub fn new(draft: &[Line], changes: &DraftChanges) -> Self {
        let before: HashMap<_, _> = draft.iter().map(|line| (line.id, line)).collect();
        let updated = changes.update.iter();
        let updated =
            updated.filter_map(|after| Some(((*before.get(&after.id)?).clone(), after.clone())));
        let comments = draft.iter().filter(|line| line.key.is_empty()).cloned();
        Self {
            created: changes.create.clone(),
            comments: comments.collect(),
            updated: updated.collect(),
        }
    }

    /// Whether one of the values that it brought is the value of its key.
    pub fn is_in<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        let brought = |line: &Line| {
            !line.key.is_empty() && value_of(&line.key).is_some_and(|value| value == line.value)
        };
        self.created.iter().any(brought)
            || self
                .updated
                .iter()
                .any(|(before, after)| before.value != after.value && brought(after))
    }

    /// The edits that take it back, whether it has taken effect or not. Lines that somebody changed
    /// since remain as they are.
    #[must_use]
    pub fn reversal(&self, draft: &[Line]) -> DraftChanges {
        let (created, before) = (counts(&self.created), counts(&self.comments));
        let mut added = counts(draft);
        for (content, number) in &mut added {
            let before = before.get(content).copied().unwrap_or_default();
            let created = created.get(content).copied().unwrap_or_default();
            *number = number.saturating_sub(before).min(created);
        }
        let mut changes = DraftChanges::default();
        // What was appended is last.
        for line in draft.iter().rev() {
            if let Some(remaining @ 1..) = added.get_mut(&content(line)) {
                *remaining -= 1;
                changes.delete.push(line.clone());
            }
        }
        let present: HashMap<_, _> = draft.iter().map(|line| (line.id, line)).collect();
        for (before, after) in &self.updated {
            let line = present.get(&after.id).filter(|line| content(line) == content(after));
            if let Some(line) = line {
                changes.update.push(Line { line_num: line.line_num, ..before.clone() });
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    #[test]
    fn an_empty_draft_gets_all_lines_in_their_order() {
        let lines = [line(5, "", "", "# c"), line(7, "a", "1", ""), line(8, "", "", "")];
        let created = changes(&[], &lines).create;
        let numbers: Vec<_> = created.iter().map(|line| (line.id, line.line_num)).collect();
        assert_eq!(numbers, [(0, 1), (0, 2), (0, 3)]);
        assert_eq!(created[0].comment, "# c");
    }

    #[test]
    fn the_same_items_again_change_nothing() {
        let draft = [
            line(1, "", "", "# c"),
            line(2, "a", "1", "x"),
            line(3, "", "", ""),
            line(4, "", "", "# c"),
        ];
        assert!(changes(&draft, &draft).is_empty());
    }

    #[test]
    fn items_are_covered_and_nothing_is_deleted() {
        let draft = [line(1, "a", "1", "old"), line(2, "only", "x", ""), line(3, "", "", "# c")];
        let lines = [
            line(9, "a", "1", "new"),
            line(8, "b", "2", ""),
            line(7, "", "", "# c"),
            line(6, "", "", "# c"),
        ];
        let changes = changes(&draft, &lines);
        assert_eq!(changes.update, [line(1, "a", "1", "new")]);
        let created: Vec<_> =
            changes.create.iter().map(|line| (line.key.as_str(), line.comment.as_str())).collect();
        assert_eq!(created, [("b", ""), ("", "# c")]);
        assert!(changes.delete.is_empty());
    }

    #[test]
    fn an_import_is_taken_back_apart_from_what_others_changed_since() {
        let draft = [line(1, "a", "1", "old"), line(2, "b", "1", ""), line(3, "", "", "# c")];
        let lines = [
            line(9, "a", "2", "new"),
            line(9, "b", "2", ""),
            line(9, "new", "1", ""),
            line(9, "mine", "1", ""),
            line(9, "", "", "# c"),
            line(9, "", "", "# c"),
        ];
        let imported = Imported::new(&draft, &changes(&draft, &lines));
        assert!(imported.reversal(&draft).is_empty(), "it has not taken effect");
        let after = [
            line(1, "a", "2", "new"),
            line(2, "b", "of somebody else", ""),
            line(3, "", "", "# c"),
            line(4, "new", "1", ""),
            line(5, "mine", "of somebody else", ""),
            line(6, "", "", "# c"),
        ];
        let reversal = imported.reversal(&after);
        assert_eq!(reversal.update, [line(1, "a", "1", "old")]);
        assert_eq!(reversal.delete, [line(6, "", "", "# c"), line(4, "new", "1", "")]);
        assert!(reversal.create.is_empty());
    }
}
