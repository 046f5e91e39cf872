//! Revisions of a draft: a digest of the present items of a namespace, because no column numbers
//! their states. An edit that is based on a revision is rejected once the items have changed.

use castalia_store::{Connection, Id};
use sha2::{Digest as _, Sha256};

use super::item::Item;
use super::namespace::Namespace;
use crate::error::{Error, Result, Stale};

/// Bytes of the digest that are used: enough to make accidental collisions impossible in practice.
const BYTES: usize = 16;

/// State of the items of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// The revision of items in the order of their lines.
    #[must_use]
    pub fn of(items: &[Item]) -> Self {
        let mut digest = Sha256::new();
        for item in items {
            let line = item.line_num.map_or(-1, |line| line.0);
            for number in [item.id.0, line, i64::from(item.r#type.0)] {
                digest.update(number.to_be_bytes());
            }
            for text in [&item.key, &item.value, item.comment.as_deref().unwrap_or_default()] {
                // Lengths are included, so that the boundary between two texts is unambiguous.
                digest.update((text.len() as u64).to_be_bytes());
                digest.update(text);
            }
        }
        Self(hex::encode(&digest.finalize()[..BYTES]))
    }

    /// The present revision of a namespace. An item that cannot be decoded is not part of it,
    /// because readers do not see it; correcting the item changes the revision.
    pub async fn current(db: &impl Connection, namespace_id: Id) -> Result<Self> {
        Ok(Self::of(&castalia_store::item::readable_of_namespace(db, namespace_id).await?))
    }

    /// The value of the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The revision that a change is based on, if its caller states one.
#[derive(Debug, Clone, Default)]
pub struct Base(Option<String>);

impl Base {
    /// The revision that a caller states; `None` accepts any.
    #[must_use]
    pub fn new(revision: Option<String>) -> Self {
        Self(revision)
    }

    /// Rejects a change that is based on another revision. Before a change, the namespace is locked,
    /// so that its revision cannot change after the comparison.
    pub(super) async fn check(&self, db: &impl Connection, namespace: &Namespace) -> Result<()> {
        let Some(base) = &self.0 else { return Ok(()) };
        let items = castalia_store::item::readable_of_namespace(db, namespace.id).await?;
        let current = Revision::of(&items);
        if current.as_str() == base {
            return Ok(());
        }
        let newest = items.iter().max_by_key(|item| item.data_change_last_time.map(|time| *time));
        Err(Error::stale(Stale {
            current: current.0,
            revision: base.clone(),
            by: newest.and_then(|item| item.data_change_last_modified_by.clone()),
            at: newest.and_then(|item| item.data_change_last_time).map(|time| *time),
            ..Stale::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use castalia_store::Small;

    fn item(key: &str, value: &str) -> Item {
        Item {
            id: Id(1),
            namespace_id: Id(1),
            key: key.to_owned(),
            r#type: Small(0),
            value: value.to_owned(),
            comment: None,
            line_num: Some(Id(1)),
            is_deleted: false,
            deleted_at: 0,
            data_change_created_by: "u".to_owned(),
            data_change_created_time: castalia_store::now().into(),
            data_change_last_modified_by: None,
            data_change_last_time: None,
        }
    }

    #[test]
    fn whatever_an_editor_sees_makes_another_revision() {
        let base = item("k", "v");
        let others = [
            Item { value: "w".to_owned(), ..base.clone() },
            Item { comment: Some("c".to_owned()), ..base.clone() },
            Item { line_num: Some(Id(2)), ..base.clone() },
            Item { r#type: Small(1), ..base.clone() },
            item("kv", ""),
            item("", "kv"),
        ];
        let revision = Revision::of(std::slice::from_ref(&base));
        for other in others {
            assert_ne!(Revision::of(std::slice::from_ref(&other)), revision, "{other:?}");
        }
        assert_ne!(Revision::of(&[]), revision);
        let later = Item { data_change_last_time: Some(castalia_store::now().into()), ..base };
        assert_eq!(Revision::of(&[later]), revision);
    }
}
