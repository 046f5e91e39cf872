//! Brings items into a draft: those of a gray branch into its main line, or those of one namespace
//! into another. Nothing is ever deleted by this.

use std::collections::HashMap;

use super::{DraftChanges, Line};

/// Length of a line without its texts, in bytes: an answer with lines has a body for each.
const LINE: usize = 256;

/// The edits after which the main line has the values of a branch. Value, type and comment of an
/// item change only if the value differs.
#[must_use]
pub fn merge(main: &[Line], branch: &[Line]) -> DraftChanges {
    changes(differing(main, branch, |old, new| old.value != new.value), |_, new| new.kind)
}

/// The edits after which a draft has the values and comments of the items of another namespace. As
/// with Apollo, an existing item keeps its type.
#[must_use]
pub fn synchronize(draft: &[Line], items: &[Line]) -> DraftChanges {
    changes(differing(draft, items, is_other), |old, _| old.kind)
}

/// The length of these edits, in bytes.
#[must_use]
pub fn length(draft: &[Line], items: &[Line]) -> usize {
    let texts = |line: &Line| line.key.len() + line.value.len() + line.comment.len();
    differing(draft, items, is_other).map(|(_, line)| LINE + texts(line)).sum()
}

fn is_other(old: &Line, new: &Line) -> bool {
    (&old.value, &old.comment) != (&new.value, &new.comment)
}

/// The lines that a draft lacks, and those that differ from the line of the draft, which is before
/// them. Comment and blank lines are left out.
fn differing<'l>(
    draft: &'l [Line],
    lines: &'l [Line],
    differs: impl Fn(&Line, &Line) -> bool,
) -> impl Iterator<Item = (Option<&'l Line>, &'l Line)> {
    let existing: HashMap<_, _> = draft.iter().map(|line| (line.key.as_str(), line)).collect();
    let with_old = move |line: &'l Line| (existing.get(line.key.as_str()).copied(), line);
    let keyed = lines.iter().filter(|line| !line.key.is_empty());
    keyed.map(with_old).filter(move |(old, new)| old.is_none_or(|old| differs(old, new)))
}

/// The edits that add the lines without an old one, and change the others, which keep their
/// positions.
fn changes<'l>(
    lines: impl Iterator<Item = (Option<&'l Line>, &'l Line)>,
    kind: impl Fn(&Line, &Line) -> i16,
) -> DraftChanges {
    let mut changes = DraftChanges::default();
    for (old, new) in lines {
        match old {
            None => changes.create.push(Line { id: 0, line_num: 0, ..new.clone() }),
            Some(old) => {
                let (id, line_num, kind) = (old.id, old.line_num, kind(old, new));
                changes.update.push(Line { id, line_num, kind, ..new.clone() });
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
    fn new_and_different_values_come_over_and_nothing_is_deleted() {
        let draft = [line(1, "a", "1", "old"), line(2, "b", "2", ""), line(3, "only", "x", "")];
        let typed = |id, key| Line { kind: 2, ..line(id, key, "9", "new") };
        let lines = [typed(7, "a"), line(8, "b", "2", "other comment"), typed(9, "c")];
        let merged = merge(&draft, &lines);
        assert_eq!(merged.update, [typed(1, "a")]);
        let synchronized = synchronize(&draft, &lines);
        let comment = line(2, "b", "2", "other comment");
        assert_eq!(synchronized.update, [line(1, "a", "9", "new"), comment]);
        for changes in [merged, synchronized] {
            assert_eq!(changes.create, [Line { line_num: 0, ..typed(0, "c") }]);
            assert!(changes.delete.is_empty());
        }
    }

    #[test]
    fn the_same_items_change_nothing_whatever_their_types() {
        let draft = [Line { kind: 2, ..line(1, "a", "1", "c") }];
        let items = [Line { kind: 3, ..line(7, "a", "1", "c") }];
        assert!(merge(&draft, &items).is_empty() && synchronize(&draft, &items).is_empty());
        assert!(synchronize(&draft, &[]).is_empty());
    }

    /// X53.
    #[test]
    fn the_length_of_the_edits_is_known_before_they_are_made() {
        let draft = [line(1, "a", "1", "c"), line(2, "b", "2", "")];
        let items = [line(7, "a", "10", "d"), line(8, "b", "2", ""), line(9, "new", "äö", "")];
        let DraftChanges { create, update, .. } = synchronize(&draft, &items);
        assert_eq!((create.len(), update.len()), (1, 1));
        assert_eq!(length(&draft, &items), 2 * LINE + "a10d".len() + "newäö".len());
        assert_eq!(length(&draft, &draft), 0);
    }

    #[test]
    fn comments_and_blank_lines_stay_where_they_are() {
        let lines = [line(1, "", "", "# comment"), line(2, "", "", "")];
        assert!(merge(&[], &lines).is_empty() && synchronize(&[], &lines).is_empty());
    }
}
