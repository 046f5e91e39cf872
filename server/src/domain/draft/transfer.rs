//! Brings items into a draft: those of a gray branch into its main line, or those of one namespace
//! into another. Nothing is ever deleted by this.

use std::collections::HashMap;

use super::{DraftChanges, Line};

/// The edits after which a draft has the values of these lines. Comment and blank lines are left
/// out. An existing item keeps its position; value, type and comment change only if the value
/// differs.
#[must_use]
pub fn changes(draft: &[Line], lines: &[Line]) -> DraftChanges {
    let existing: HashMap<_, _> = draft.iter().map(|line| (line.key.as_str(), line)).collect();
    let mut changes = DraftChanges::default();
    for line in lines.iter().filter(|line| !line.key.is_empty()) {
        match existing.get(line.key.as_str()) {
            None => changes.create.push(Line { id: 0, line_num: 0, ..line.clone() }),
            Some(old) if old.value != line.value => {
                let (id, line_num) = (old.id, old.line_num);
                changes.update.push(Line { id, line_num, ..line.clone() });
            }
            Some(_) => {}
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    #[test]
    fn new_and_different_values_come_over_and_nothing_is_deleted() {
        let draft = [line(1, "a", "1", "old"), line(2, "b", "2", ""), line(3, "only", "x", "")];
        let lines =
            [line(7, "a", "9", "new"), line(8, "b", "2", "other comment"), line(9, "c", "3", "")];
        let changes = changes(&draft, &lines);
        assert_eq!(changes.update, [line(1, "a", "9", "new")]);
        assert_eq!(changes.create, [Line { line_num: 0, ..line(0, "c", "3", "") }]);
        assert!(changes.delete.is_empty());
    }

    #[test]
    fn comments_and_blank_lines_stay_where_they_are() {
        let lines = [line(1, "", "", "# comment"), line(2, "", "", "")];
        assert!(changes(&[], &lines).is_empty());
    }
}
