//! Edits of a draft by lists of items and keys, and perhaps the order of all lines. Each key is named
//! once, and each edit has to be possible: a new key is absent, all others are present.

use std::collections::{HashMap, HashSet};

use super::lines::{self, TargetLine};
use super::{Difference, DraftChanges, Edits, Line, by_key};
use crate::domain::item;
use crate::error::{Code, Error, Result};

/// An item as a list states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedItem {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// Type of the value; `None` for that of the stored item.
    pub kind: Option<i16>,
    /// Comment; `None` for that of the stored item.
    pub comment: Option<String>,
}

/// A line as a list of all lines states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedLine {
    /// The item with this key.
    Item(String),
    /// A comment line with this text; a blank line if it is empty.
    Comment(String),
}

/// Edits by key, which are made together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// New items, which are appended in this order.
    pub create: Vec<ListedItem>,
    /// Items that get other values and comments.
    pub update: Vec<ListedItem>,
    /// Keys of items that are deleted.
    pub delete: Vec<String>,
    /// All lines after these edits, in their order; `None` keeps the positions of the stored ones.
    pub lines: Option<Vec<ListedLine>>,
}

impl Batch {
    /// Whether there are no edits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { create, update, delete, lines } = self;
        create.is_empty() && update.is_empty() && delete.is_empty() && lines.is_none()
    }

    fn check_keys(&self) -> Result<()> {
        let put = self.create.iter().chain(&self.update).map(|entry| &entry.key);
        check_distinct(put.chain(&self.delete))?;
        check_distinct(self.lines.iter().flatten().filter_map(|line| match line {
            ListedLine::Item(key) => Some(key),
            ListedLine::Comment(_) => None,
        }))
    }

    /// Whether each edit is possible on a draft with these items.
    fn check_possible(&self, present: &HashMap<&str, &Line>) -> Result<()> {
        let is_present = |key: &str| present.contains_key(key);
        if let Some(entry) = self.create.iter().find(|entry| is_present(&entry.key)) {
            return Err(item::exists(&entry.key));
        }
        let mut stored = self.update.iter().map(|entry| &entry.key).chain(&self.delete);
        match stored.find(|key| !is_present(key)) {
            Some(key) => Err(item::not_found(format_args!("itemKey:{key}"))),
            None => Ok(()),
        }
    }

    /// The edits without the order of the lines, if they are possible.
    fn edits(&self, present: &HashMap<&str, &Line>, draft: &[Line]) -> DraftChanges {
        let updated = |entry: &ListedItem| {
            let stored = present.get(entry.key.as_str())?;
            Some(TargetLine::from(entry).applied_to(stored))
        };
        let keys: HashSet<_> = self.delete.iter().map(String::as_str).collect();
        // Nodes of Apollo can store a key twice; an item that stayed would be published.
        let deleted = draft.iter().filter(|line| keys.contains(line.key.as_str()));
        DraftChanges {
            create: self.create.iter().map(|entry| TargetLine::from(entry).new_line()).collect(),
            update: self.update.iter().filter_map(updated).collect(),
            delete: deleted.cloned().collect(),
        }
    }

    /// The edits after which the draft has these lines, which have to name each item that it has
    /// then.
    fn arrange(&self, lines: &[ListedLine], draft: &[Line]) -> Result<DraftChanges> {
        // Of a key that is stored twice, the last item, which is published.
        let mut items: HashMap<_, _> =
            draft.iter().map(|line| (line.key.as_str(), TargetLine::from(line))).collect();
        // Comments and blank lines.
        items.remove("");
        for key in &self.delete {
            items.remove(key.as_str());
        }
        for entry in self.create.iter().chain(&self.update) {
            let stored = items.get(entry.key.as_str()).copied().unwrap_or_default();
            let wanted = TargetLine::from(entry);
            let (kind, comment) = (wanted.kind.or(stored.kind), wanted.comment.or(stored.comment));
            items.insert(&entry.key, TargetLine { kind, comment, ..wanted });
        }
        let arranged = lines.iter().map(|line| match line {
            ListedLine::Item(key) => {
                let found = items.remove(key.as_str());
                found.ok_or_else(|| item::not_found(format_args!("itemKey:{key}")))
            }
            ListedLine::Comment(comment) => {
                Ok(TargetLine { comment: Some(comment), ..TargetLine::default() })
            }
        });
        let arranged: Vec<_> = arranged.collect::<Result<_>>()?;
        match items.into_keys().min() {
            None => Ok(lines::changes(arranged, draft)),
            Some(key) => Err(Error::bad_request(format!("The lines lack the key {key}"))),
        }
    }
}

fn check_distinct<'k>(keys: impl Iterator<Item = &'k String>) -> Result<()> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            let message = format!("The list contains the key {key} twice");
            return Err(Error::bad_request(message).with_code(Code::RepeatedKeys));
        }
    }
    Ok(())
}

impl Edits for Batch {
    /// Fails if a key is repeated, if a new one has an item already, if another one has none, or if
    /// the lines lack an item.
    fn changes(&self, draft: &[Line]) -> Result<DraftChanges> {
        self.check_keys()?;
        let present = by_key(draft);
        self.check_possible(&present)?;
        match &self.lines {
            None => Ok(self.edits(&present, draft)),
            Some(lines) => self.arrange(lines, draft),
        }
    }

    /// A key that is new for the caller and absent is no difference.
    fn differences(&self, draft: &[Line]) -> Vec<Difference> {
        let present = by_key(draft);
        let value = |key: &str| present.get(key).map(|line| line.value.as_str());
        let created = self.create.iter().filter(|entry| value(&entry.key).is_some());
        let entries =
            created.chain(&self.update).filter(|entry| value(&entry.key) != Some(&entry.value));
        let put = entries
            .map(|entry| Difference { key: entry.key.clone(), yours: Some(entry.value.clone()) });
        let deleted = self.delete.iter().filter(|key| value(key).is_some());
        put.chain(deleted.map(|key| Difference { key: key.clone(), yours: None })).collect()
    }
}

impl<'e> From<&'e ListedItem> for TargetLine<'e> {
    fn from(entry: &'e ListedItem) -> Self {
        let ListedItem { key, value, kind, comment } = entry;
        Self { key, value, kind: *kind, comment: comment.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    fn entry(key: &str, kind: Option<i16>) -> ListedItem {
        ListedItem { key: key.into(), value: "new".into(), kind, comment: Some("c".into()) }
    }

    fn codes(entries: &[ListedItem]) -> [Option<Code>; 3] {
        let draft = [line(1, "a", "1", "old"), line(2, "b", "2", "")];
        let keys = entries.iter().map(|entry| entry.key.clone()).collect();
        [
            Batch { create: entries.to_vec(), ..Batch::default() },
            Batch { update: entries.to_vec(), ..Batch::default() },
            Batch { delete: keys, ..Batch::default() },
        ]
        .map(|batch| batch.changes(&draft).err().map(|error| error.code()))
    }

    #[test]
    fn an_update_keeps_position_type_and_comment_of_the_stored_item() {
        let draft = [line(1, "a", "1", "old"), line(2, "b", "2", ""), line(3, "c", "3", "")];
        let batch = Batch {
            create: vec![entry("d", None)],
            update: vec![entry("b", None), ListedItem { comment: None, ..entry("a", Some(0)) }],
            delete: vec!["c".to_owned()],
            ..Batch::default()
        };
        let changes = batch.changes(&draft).unwrap();
        let a = Line { kind: 0, ..line(1, "a", "new", "old") };
        assert_eq!(changes.update, [line(2, "b", "new", "c"), a]);
        assert_eq!(changes.delete, [line(3, "c", "3", "")]);
        assert_eq!(changes.create, [Line { kind: 0, line_num: 0, ..line(0, "d", "new", "c") }]);
    }

    #[test]
    fn a_deleted_key_has_no_items() {
        let draft = [line(1, "a", "1", ""), line(2, "b", "2", ""), line(3, "a", "3", "")];
        let batch = Batch { delete: vec!["a".to_owned()], ..Batch::default() };
        let deleted = batch.changes(&draft).unwrap().delete;
        assert_eq!(deleted, [line(1, "a", "1", ""), line(3, "a", "3", "")]);
    }

    #[test]
    fn one_impossible_entry_refuses_the_list() {
        let (exists, absent) = (Some(Code::ItemExists), Some(Code::ItemNotFound));
        let repeated = Some(Code::RepeatedKeys);
        assert_eq!(codes(&[entry("c", None), entry("a", None)]), [exists, absent, absent]);
        assert_eq!(codes(&[entry("c", None)]), [None, absent, absent]);
        assert_eq!(codes(&[entry("b", None), entry("a", None)]), [exists, None, None]);
        assert_eq!(codes(&[entry("a", None), entry("a", None)]), [repeated; 3]);
        let twice = Batch {
            update: vec![entry("a", None)],
            delete: vec!["a".to_owned()],
            ..Batch::default()
        };
        assert_eq!(twice.changes(&[line(1, "a", "1", "")]).unwrap_err().code(), Code::RepeatedKeys);
    }

    /// Texts that begin with `#` are comments, empty ones blank lines, and others keys.
    fn order(texts: &[&str]) -> Option<Vec<ListedLine>> {
        let line = |text: &&str| match text.is_empty() || text.starts_with('#') {
            true => ListedLine::Comment((*text).to_owned()),
            false => ListedLine::Item((*text).to_owned()),
        };
        Some(texts.iter().map(line).collect())
    }

    #[test]
    fn lines_are_rearranged_together_with_edits_whatever_keys_and_values_contain() {
        let draft = [
            line(1, "a=b", "C:\\new", "old"),
            line(2, "", "", "# old"),
            line(3, "k ", " v ", ""),
            line(4, "c", "3", ""),
        ];
        let batch = Batch {
            create: vec![entry("d", None)],
            update: vec![ListedItem { comment: None, ..entry("k ", Some(0)) }],
            delete: vec!["c".to_owned()],
            lines: order(&["k ", "# new", "d", "", "a=b"]),
        };
        let changes = batch.changes(&draft).unwrap();
        let (d, blank) = (line(0, "d", "new", "c"), line(0, "", "", ""));
        assert_eq!(
            changes.create,
            [Line { kind: 0, line_num: 3, ..d }, Line { kind: 0, line_num: 4, ..blank }]
        );
        let moved = |line_num: i64, line: Line| Line { line_num, ..line };
        assert_eq!(
            changes.update,
            [
                Line { kind: 0, ..moved(1, line(3, "k ", "new", "")) },
                line(2, "", "", "# new"),
                moved(5, line(1, "a=b", "C:\\new", "old")),
            ]
        );
        assert_eq!(changes.delete, [line(4, "c", "3", "")]);
    }

    #[test]
    fn of_a_key_with_two_items_the_value_that_is_published_is_kept() {
        let draft = [line(1, "a", "1", ""), line(2, "b", "2", ""), line(3, "a", "3", "")];
        let batch = Batch { lines: order(&["b", "a"]), ..Batch::default() };
        let changes = batch.changes(&draft).unwrap();
        let published = Line { line_num: 2, ..line(1, "a", "3", "") };
        assert_eq!(changes.update, [Line { line_num: 1, ..line(2, "b", "2", "") }, published]);
        assert_eq!(changes.delete, [line(3, "a", "3", "")]);
    }

    /// X107: with the order of the lines, they were those of the first item.
    #[test]
    fn of_a_key_with_two_items_an_update_keeps_type_and_comment_of_the_published_one() {
        let published = Line { kind: 3, ..line(2, "a", "2", "published") };
        let draft = [line(1, "a", "1", "old"), published];
        let update = vec![ListedItem { comment: None, ..entry("a", None) }];
        for lines in [None, order(&["a"])] {
            let batch = Batch { update: update.clone(), lines, ..Batch::default() };
            let changed = batch.changes(&draft).unwrap().update;
            assert_eq!((changed[0].kind, changed[0].comment.as_str()), (3, "published"));
        }
    }

    #[test]
    fn the_lines_name_each_item_once() {
        let draft = [line(1, "a", "1", ""), line(2, "b", "2", "")];
        let code = |texts: &[&str]| {
            let batch = Batch { lines: order(texts), ..Batch::default() };
            batch.changes(&draft).err().map(|error| error.code())
        };
        assert_eq!(code(&["b", "", "a"]), None);
        assert_eq!(code(&["a", "b", "a"]), Some(Code::RepeatedKeys));
        assert_eq!(code(&["a", "b", "c"]), Some(Code::ItemNotFound));
        assert_eq!(code(&["a"]), Some(Error::bad_request("").code()));
        let deleted =
            Batch { delete: vec!["a".to_owned()], lines: order(&["a", "b"]), ..Batch::default() };
        assert_eq!(deleted.changes(&draft).unwrap_err().code(), Code::ItemNotFound);
    }

    #[test]
    fn a_difference_is_what_the_draft_has_otherwise() {
        let draft = [line(1, "a", "1", ""), line(2, "b", "new", ""), line(3, "c", "3", "")];
        let batch = Batch {
            create: vec![entry("fresh", None), entry("a", None), entry("b", None)],
            update: vec![entry("c", None), entry("gone", None)],
            delete: vec!["a".to_owned(), "gone".to_owned()],
            ..Batch::default()
        };
        let found: Vec<_> = batch
            .differences(&draft)
            .into_iter()
            .map(|Difference { key, yours }| (key, yours.is_some()))
            .collect();
        let expected = [("a", true), ("c", true), ("gone", true), ("a", false)];
        assert_eq!(found, expected.map(|(key, is_put)| (key.to_owned(), is_put)));
    }
}
