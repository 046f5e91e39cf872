//! Revisions of a draft: a digest of the present items of a namespace, because no column numbers
//! their states. An edit that is based on a revision is rejected once the items have changed. Rows
//! that are edited as a whole, such as an app, have revisions as well.

use castalia_store::{Connection, Id, Transaction};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::item::Item;
use super::namespace::{Namespace, NamespaceKey, find_locked};
use crate::error::{Error, Result, Stale, StaleItem};

/// Bytes of the digest that are used: enough to make accidental collisions impossible in practice.
const BYTES: usize = 16;

/// State of the items of a namespace, or of a row.
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
                update(&mut digest, text);
            }
        }
        Self(hex::encode(&digest.finalize()[..BYTES]))
    }

    /// The revision of a row with these texts; an absent one is like an empty one.
    #[must_use]
    pub fn of_texts<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut digest = Sha256::new();
        for text in texts {
            update(&mut digest, text.unwrap_or_default());
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

/// Lengths are included, so that the boundary between two texts is unambiguous.
fn update(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_be_bytes());
    digest.update(text);
}

/// A row whose texts a request replaces or, if it names none of its own, deletes.
#[derive(Debug)]
pub(super) struct Replaced<'a> {
    /// What the row is, for the message.
    pub(super) what: &'static str,
    /// Name, requested and stored text.
    pub(super) texts: &'a [(&'static str, Option<&'a str>, Option<&'a str>)],
    /// The user who wrote the row.
    pub(super) by: Option<&'a str>,
    /// When.
    pub(super) at: Option<DateTime<Utc>>,
}

/// Revisions of a namespace before and after a change, as far as they were determined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transition {
    /// Before the change.
    pub before: Option<Revision>,
    /// Afterwards.
    pub after: Option<Revision>,
}

/// The revision and the release that a change is based on, if its caller states them.
#[derive(Debug, Clone, Default)]
pub struct Base {
    stated: Option<String>,
    is_recorded: bool,
    release: Option<i64>,
}

impl Base {
    /// The revision that a caller states; `None` accepts any. `is_recorded` if the caller records
    /// the revisions before and after the change.
    #[must_use]
    pub fn new(stated: Option<String>, is_recorded: bool) -> Self {
        Self { stated, is_recorded, release: None }
    }

    /// The same for a change that was computed from the release with this id, 0 for none: a
    /// rollback or a publish changes no item, and so no revision.
    #[must_use]
    pub fn on_release(self, release: Option<i64>) -> Self {
        Self { release, ..self }
    }

    /// Whether the caller states a revision.
    pub(crate) fn is_stated(&self) -> bool {
        self.stated.is_some()
    }

    /// Whether the caller states a revision or a release.
    fn is_any(&self) -> bool {
        self.is_stated() || self.release.is_some()
    }

    /// Whether the caller needs the revisions before and after the change; each costs a read of all
    /// items.
    fn is_needed(&self) -> bool {
        self.is_recorded || self.is_stated()
    }

    /// The revisions of a change that was made, if the caller needs them.
    pub(super) async fn transition(
        &self,
        db: &impl Connection,
        namespace: &Namespace,
        before: Option<Revision>,
    ) -> Result<Transition> {
        let after = match self.is_needed() {
            true => Some(Revision::current(db, namespace.id).await?),
            false => None,
        };
        Ok(Transition { before, after })
    }

    /// Rejects a change of one row that is based on another revision. The row is locked.
    pub(super) fn check_row(&self, row: &Replaced<'_>) -> Result<()> {
        let Some(base) = &self.stated else { return Ok(()) };
        let current = Revision::of_texts(row.texts.iter().map(|(.., stored)| *stored));
        if current.as_str() == base {
            return Ok(());
        }
        let by = row.by.map(str::to_owned);
        // An absent text has the revision of an empty one.
        let differs = |(_, yours, theirs): &&(&str, Option<&str>, Option<&str>)| {
            yours.unwrap_or_default() != theirs.unwrap_or_default()
        };
        let item = |(name, yours, theirs): &(&str, Option<&str>, Option<&str>)| StaleItem {
            key: (*name).to_owned(),
            yours: yours.map(str::to_owned),
            theirs: theirs.map(str::to_owned),
            by: by.clone(),
            at: row.at,
        };
        let items: Vec<_> = row.texts.iter().filter(differs).map(item).collect();
        let stale = Stale {
            current: current.0,
            revision: base.clone(),
            at: row.at,
            item_count: Some(items.len()),
            items,
            by: by.clone(),
        };
        Err(Error::stale(row.what, stale))
    }

    /// Rejects a change that is based on another revision. Before a change, the namespace is
    /// locked, so that its revision cannot change after the comparison.
    pub(super) async fn check(&self, db: &impl Connection, namespace: &Namespace) -> Result<()> {
        match self.is_any() {
            true => self.before(db, namespace).await.map(drop),
            false => Ok(()),
        }
    }

    /// The same for a namespace that is not locked yet.
    pub(super) async fn check_named(&self, tx: &Transaction, key: &NamespaceKey) -> Result<()> {
        match self.is_any() {
            true => self.check(tx, &find_locked(tx, key).await?).await,
            false => Ok(()),
        }
    }

    /// The same, and returns the revision before the change if the caller needs it.
    pub(super) async fn before(
        &self,
        db: &impl Connection,
        namespace: &Namespace,
    ) -> Result<Option<Revision>> {
        self.check_release(db, namespace).await?;
        if !self.is_needed() {
            return Ok(None);
        }
        let items = castalia_store::item::readable_of_namespace(db, namespace.id).await?;
        let current = Revision::of(&items);
        let Some(base) = self.stated.as_ref().filter(|base| *base != current.as_str()) else {
            return Ok(Some(current));
        };
        let newest = items.iter().max_by_key(|item| item.data_change_last_time.map(|time| *time));
        let stale = Stale {
            current: current.0,
            revision: base.clone(),
            by: newest.and_then(|item| item.data_change_last_modified_by.clone()),
            at: newest.and_then(|item| item.data_change_last_time).map(|time| *time),
            ..Stale::default()
        };
        Err(Error::stale("namespace", stale))
    }

    async fn check_release(&self, db: &impl Connection, namespace: &Namespace) -> Result<()> {
        let Some(stated) = self.release else { return Ok(()) };
        let Namespace { app_id, cluster_name, namespace_name, .. } = namespace;
        let latest =
            castalia_store::release::latest_active_id(db, app_id, cluster_name, namespace_name);
        let current = latest.await?.0;
        if current == stated {
            return Ok(());
        }
        let (current, revision) = (format!("release {current}"), format!("release {stated}"));
        Err(Error::stale("namespace", Stale { current, revision, ..Stale::default() }))
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
