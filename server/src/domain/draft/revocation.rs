//! Restores a draft to the release: values as released, everything else as edited.

use castalia_core::protocol::wire::Configurations;

use super::difference::missing;
use super::{DraftChanges, Line};

/// The edits that undo unpublished changes. An existing item keeps its comment, type and position;
/// a deleted one is restored in its last state; comment lines are kept. `deleted` starts with the
/// newest deletion.
#[must_use]
pub fn changes(released: &Configurations, draft: &[Line], deleted: &[Line]) -> DraftChanges {
    let mut changes = DraftChanges::default();
    for line in draft.iter().filter(|line| !line.key.is_empty()) {
        match released.get(&line.key) {
            None => changes.delete.push(line.clone()),
            Some(value) if *value != line.value => {
                changes.update.push(Line { value: value.clone(), ..line.clone() });
            }
            Some(_) => {}
        }
    }
    for line in missing(draft, released, deleted) {
        let value = released.get(&line.key).cloned().unwrap_or_default();
        changes.create.push(Line { id: 0, value, ..line });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    #[test]
    fn values_go_back_and_comments_stay() {
        let released: Configurations = [("a", "1"), ("b", "2"), ("c", "3")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into_iter()
            .collect();
        let draft = [
            line(1, "", "", "# kept"),
            line(2, "a", "9", "edited"),
            line(3, "b", "2", ""),
            line(4, "new", "x", ""),
        ];
        let deleted = [line(8, "c", "old", "was there"), line(5, "c", "older", "")];
        let changes = changes(&released, &draft, &deleted);
        assert_eq!(changes.update, [line(2, "a", "1", "edited")]);
        assert_eq!(changes.delete, [line(4, "new", "x", "")]);
        assert_eq!(changes.create, [Line { id: 0, ..line(8, "c", "3", "was there") }]);
    }
}
