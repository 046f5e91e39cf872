//! Edits of a draft by a list of items or keys. Each key is named once, and each edit has to be
//! possible: a new key is absent, all others are present.

use std::collections::{HashMap, HashSet};

use super::{DraftChanges, Line};
use crate::domain::item;
use crate::error::{Code, Error, Result};

/// An item as a list states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// Type of the value; `None` for that of the stored item.
    pub kind: Option<i16>,
    /// Comment.
    pub comment: String,
}

/// The edits that append these items in their order.
///
/// # Errors
/// Fails if a key is repeated, or has an item already.
pub fn creation(draft: &[Line], entries: &[Entry]) -> Result<DraftChanges> {
    check_distinct(entries.iter().map(|entry| entry.key.as_str()))?;
    let present = by_key(draft);
    let line = |entry: &Entry| match present.get(entry.key.as_str()) {
        Some(_) => Err(item::exists(&entry.key)),
        None => Ok(Line {
            key: entry.key.clone(),
            value: entry.value.clone(),
            kind: entry.kind.unwrap_or_default(),
            comment: entry.comment.clone(),
            ..Line::default()
        }),
    };
    let create = entries.iter().map(line).collect::<Result<_>>()?;
    Ok(DraftChanges { create, ..DraftChanges::default() })
}

/// The edits that give the items of these keys other values and comments.
///
/// # Errors
/// Fails if a key is repeated, or has no item.
pub fn update(draft: &[Line], entries: &[Entry]) -> Result<DraftChanges> {
    check_distinct(entries.iter().map(|entry| entry.key.as_str()))?;
    let present = by_key(draft);
    let line = |entry: &Entry| {
        let old = stored(&present, &entry.key)?;
        Ok(Line {
            value: entry.value.clone(),
            kind: entry.kind.unwrap_or(old.kind),
            comment: entry.comment.clone(),
            ..old.clone()
        })
    };
    let update = entries.iter().map(line).collect::<Result<_>>()?;
    Ok(DraftChanges { update, ..DraftChanges::default() })
}

/// The edits that delete the items of these keys.
///
/// # Errors
/// Fails if a key is repeated, or has no item.
pub fn deletion(draft: &[Line], keys: &[String]) -> Result<DraftChanges> {
    check_distinct(keys.iter().map(String::as_str))?;
    let present = by_key(draft);
    let delete = keys.iter().map(|key| stored(&present, key).cloned()).collect::<Result<_>>()?;
    Ok(DraftChanges { delete, ..DraftChanges::default() })
}

fn by_key(draft: &[Line]) -> HashMap<&str, &Line> {
    draft.iter().map(|line| (line.key.as_str(), line)).collect()
}

fn stored<'a>(present: &HashMap<&str, &'a Line>, key: &str) -> Result<&'a Line> {
    present.get(key).copied().ok_or_else(|| item::not_found(format_args!("itemKey:{key}")))
}

fn check_distinct<'a>(keys: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            let message = format!("The list contains the key {key} twice");
            return Err(Error::bad_request(message).with_code(Code::RepeatedKeys));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    fn entry(key: &str, kind: Option<i16>) -> Entry {
        Entry { key: key.into(), value: "new".into(), kind, comment: "c".into() }
    }

    fn codes(entries: &[Entry]) -> [Option<Code>; 3] {
        let draft = [line(1, "a", "1", "old"), line(2, "b", "2", "")];
        let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
        [creation(&draft, entries), update(&draft, entries), deletion(&draft, &keys)]
            .map(|changes| changes.err().map(|error| error.code()))
    }

    #[test]
    fn an_update_keeps_position_and_type_of_the_stored_item() {
        let draft = [line(1, "a", "1", "old"), line(2, "b", "2", "")];
        let changes = update(&draft, &[entry("b", None), entry("a", Some(0))]).unwrap();
        let a = Line { kind: 0, ..line(1, "a", "new", "c") };
        assert_eq!(
            changes,
            DraftChanges { update: vec![line(2, "b", "new", "c"), a], ..DraftChanges::default() }
        );
        let changes = deletion(&draft, &["b".to_owned()]).unwrap();
        assert_eq!(changes.delete, [line(2, "b", "2", "")]);
    }

    #[test]
    fn one_impossible_entry_refuses_the_list() {
        let (exists, absent) = (Some(Code::ItemExists), Some(Code::ItemNotFound));
        let repeated = Some(Code::RepeatedKeys);
        assert_eq!(codes(&[entry("c", None), entry("a", None)]), [exists, absent, absent]);
        assert_eq!(codes(&[entry("c", None)]), [None, absent, absent]);
        assert_eq!(codes(&[entry("b", None), entry("a", None)]), [exists, None, None]);
        assert_eq!(codes(&[entry("a", None), entry("a", None)]), [repeated; 3]);
    }
}
