//! Brings the items of an archive into a draft. Nothing is ever deleted, and importing the same
//! items again changes nothing.

use std::collections::HashMap;

use super::{DraftChanges, Line};

/// The edits that give a draft these lines. An existing item keeps its position. A comment line is
/// added only if the draft has fewer of the same text; blank lines only to an empty draft, which
/// gets all lines in their order.
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
}
