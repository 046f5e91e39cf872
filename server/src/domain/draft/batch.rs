//! Edits of a draft by lists of items and keys. Each key is named once, and each edit has to be
//! possible: a new key is absent, all others are present.

use std::collections::HashSet;

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

/// Edits by key, which are made together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// New items, which are appended in this order.
    pub create: Vec<ListedItem>,
    /// Items that get other values and comments.
    pub update: Vec<ListedItem>,
    /// Keys of items that are deleted.
    pub delete: Vec<String>,
}

impl Batch {
    /// Whether there are no edits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }

    fn check_distinct(&self) -> Result<()> {
        let mut seen = HashSet::new();
        let entries = self.create.iter().chain(&self.update).map(|entry| &entry.key);
        for key in entries.chain(&self.delete) {
            if !seen.insert(key) {
                let message = format!("The list contains the key {key} twice");
                return Err(Error::bad_request(message).with_code(Code::RepeatedKeys));
            }
        }
        Ok(())
    }
}

impl Edits for Batch {
    /// Fails if a key is repeated, if a new one has an item already, or if another one has none.
    fn changes(&self, draft: &[Line]) -> Result<DraftChanges> {
        self.check_distinct()?;
        let present = by_key(draft);
        let stored = |key: &str| {
            let found = present.get(key).copied();
            found.ok_or_else(|| item::not_found(format_args!("itemKey:{key}")))
        };
        let created = |entry: &ListedItem| match present.get(entry.key.as_str()) {
            Some(_) => Err(item::exists(&entry.key)),
            None => Ok(entry.line()),
        };
        let updated = |entry: &ListedItem| {
            let old = stored(&entry.key)?;
            let kind = entry.kind.unwrap_or(old.kind);
            let comment = entry.comment.clone().unwrap_or_else(|| old.comment.clone());
            Ok(Line { id: old.id, line_num: old.line_num, kind, comment, ..entry.line() })
        };
        for key in &self.delete {
            stored(key)?;
        }
        let keys: HashSet<_> = self.delete.iter().map(String::as_str).collect();
        // Nodes of Apollo can store a key twice; an item that stayed would be published.
        let deleted = draft.iter().filter(|line| keys.contains(line.key.as_str()));
        Ok(DraftChanges {
            create: self.create.iter().map(created).collect::<Result<_>>()?,
            update: self.update.iter().map(updated).collect::<Result<_>>()?,
            delete: deleted.cloned().collect(),
        })
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

impl ListedItem {
    /// The line of a new item.
    fn line(&self) -> Line {
        Line {
            key: self.key.clone(),
            value: self.value.clone(),
            kind: self.kind.unwrap_or_default(),
            comment: self.comment.clone().unwrap_or_default(),
            ..Line::default()
        }
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

    #[test]
    fn a_difference_is_what_the_draft_has_otherwise() {
        let draft = [line(1, "a", "1", ""), line(2, "b", "new", ""), line(3, "c", "3", "")];
        let batch = Batch {
            create: vec![entry("fresh", None), entry("a", None), entry("b", None)],
            update: vec![entry("c", None), entry("gone", None)],
            delete: vec!["a".to_owned(), "gone".to_owned()],
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
