//! Commits: the record of edits, as a JSON text that is searched and parsed again.

pub use castalia_store::item::Commit;

use castalia_store::feed::is_unparsable_news;
use castalia_store::item::CommitRow;
use castalia_store::length::{self, Measured};
use castalia_store::{Authorship, Id, Small, Store, Transaction};
use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::constraint::{self, fitting};
use super::item::Item;
use super::namespace::NamespaceKey;
use super::page::Page;
use super::release;
use crate::error::Result;
use crate::json;

/// Format of dates in the text: local time without zone.
const DATE: &str = "%Y-%m-%d %H:%M:%S";

/// Maximum number of commits in which deleted items are looked up, and their length in bytes; of
/// older deletions only the keys are known, from the release.
const COMMITS: u64 = 10_000;
const SEARCHED: u64 = 64 << 20;
/// Length of the commits that are read at a time, in bytes.
const BATCH: u64 = 8 << 20;

/// The changes of an edit. Comments and blank lines have no key and are omitted from created and
/// deleted items.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Changes {
    create_items: Vec<ItemText>,
    update_items: Vec<UpdatedItem>,
    delete_items: Vec<ItemText>,
}

/// The deleted items of the same text.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Deletions {
    delete_items: Vec<ItemText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdatedItem {
    old_item: ItemText,
    new_item: ItemText,
}

/// An item in the text; the members are in their stored order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ItemText {
    namespace_id: i64,
    key: String,
    r#type: i16,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_num: Option<i64>,
    id: i64,
    is_deleted: bool,
    deleted_at: i64,
    data_change_created_by: String,
    #[serde(with = "date", skip_serializing_if = "Option::is_none")]
    data_change_created_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_change_last_modified_by: Option<String>,
    #[serde(with = "date", skip_serializing_if = "Option::is_none")]
    data_change_last_modified_time: Option<DateTime<Utc>>,
}

mod date {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        date: &Option<DateTime<Utc>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = date.map(|date| date.with_timezone(&Local).format(DATE).to_string());
        text.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let date = text.and_then(|text| NaiveDateTime::parse_from_str(&text, DATE).ok());
        Ok(date
            .and_then(|date| Local.from_local_datetime(&date).earliest())
            .map(|date| date.to_utc()))
    }
}

impl From<&Item> for ItemText {
    fn from(item: &Item) -> Self {
        Self {
            namespace_id: item.namespace_id.0,
            key: item.key.clone(),
            r#type: item.r#type.0,
            value: item.value.clone(),
            comment: item.comment.clone(),
            line_num: item.line_num.map(|line| line.0),
            id: item.id.0,
            is_deleted: item.is_deleted,
            deleted_at: item.deleted_at,
            data_change_created_by: item.data_change_created_by.clone(),
            data_change_created_time: Some(*item.data_change_created_time),
            data_change_last_modified_by: item.data_change_last_modified_by.clone(),
            data_change_last_modified_time: item.data_change_last_time.map(|time| *time),
        }
    }
}

impl From<ItemText> for Item {
    fn from(entry: ItemText) -> Self {
        Self {
            id: Id(entry.id),
            namespace_id: Id(entry.namespace_id),
            key: entry.key,
            r#type: Small(entry.r#type),
            value: entry.value,
            comment: entry.comment,
            line_num: entry.line_num.map(Id),
            is_deleted: entry.is_deleted,
            deleted_at: entry.deleted_at,
            data_change_created_by: entry.data_change_created_by,
            data_change_created_time: entry.data_change_created_time.unwrap_or_default().into(),
            data_change_last_modified_by: entry.data_change_last_modified_by,
            data_change_last_time: entry.data_change_last_modified_time.map(Into::into),
        }
    }
}

impl Changes {
    /// Adds a created item.
    #[must_use]
    pub fn created(mut self, item: &Item) -> Self {
        if !item.key.is_empty() {
            self.create_items.push(ItemText {
                data_change_last_modified_time: Some(castalia_store::now()),
                ..item.into()
            });
        }
        self
    }

    /// Adds a change of an item's value.
    #[must_use]
    pub fn updated(mut self, old: &Item, new: &Item) -> Self {
        let new_item =
            ItemText { data_change_last_modified_time: Some(castalia_store::now()), ..new.into() };
        self.update_items.push(UpdatedItem { old_item: old.into(), new_item });
        self
    }

    /// Adds a deleted item.
    #[must_use]
    pub fn deleted(mut self, item: &Item, operator: &str) -> Self {
        if !item.key.is_empty() {
            let now = castalia_store::now();
            self.delete_items.push(ItemText {
                is_deleted: true,
                deleted_at: now.timestamp_millis(),
                data_change_last_modified_by: Some(operator.to_owned()),
                data_change_last_modified_time: Some(now),
                ..item.into()
            });
        }
        self
    }

    /// Whether there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create_items.is_empty() && self.update_items.is_empty() && self.delete_items.is_empty()
    }
}

/// Records changes.
///
/// # Errors
/// Fails if no operator is named.
pub async fn write_in(
    tx: &Transaction,
    key: &NamespaceKey,
    changes: &Changes,
    operator: Option<&str>,
) -> Result<()> {
    let operator = fitting(operator, "DataChange_CreatedBy", constraint::OPERATOR)?;
    let row = CommitRow {
        change_sets: json::write(changes)?,
        app_id: key.app_id.clone(),
        cluster_name: key.cluster.clone(),
        namespace_name: key.namespace.clone(),
        comment: None,
    };
    castalia_store::item::insert_commit(tx, row, Authorship::of(&operator)).await?;
    Ok(())
}

/// A page of the commits of a namespace, newest first; with a key, only those that touch it.
pub async fn list(
    store: &Store,
    key: &NamespaceKey,
    item_key: &str,
    page: &Page,
) -> Result<Vec<Commit>> {
    let (db, NamespaceKey { app_id, cluster, namespace }) = (store.read(), key);
    Ok(match item_key {
        "" => castalia_store::item::commits(db, app_id, cluster, namespace, page).await?,
        item_key => {
            castalia_store::item::commits_with_key(db, app_id, cluster, namespace, item_key, page)
                .await?
        }
    })
}

/// Items that were deleted since the latest release of a namespace, newest commit first, without
/// those of a commit that cannot be decoded or is too long ago.
pub async fn deleted_items(store: &Store, key: &NamespaceKey) -> Result<Vec<Item>> {
    let (db, NamespaceKey { app_id, cluster, namespace }) = (store.read(), key);
    let latest = release::find_latest(store, key).await?;
    let since = latest.map(|release| *release.data_change_created_time);
    let found =
        castalia_store::item::measured_commits(db, app_id, cluster, namespace, since, COMMITS);
    Ok(deleted_in(store, &found.await?).await?.into_iter().map(|(_, item)| item).collect())
}

/// The same of several namespaces of a cluster since their times, with the names of the namespaces.
pub(super) async fn deleted_since(
    store: &Store,
    app_id: &str,
    cluster: &str,
    times: &[(&str, DateTime<Utc>)],
) -> Result<Vec<(String, Item)>> {
    let db = store.read();
    let found =
        castalia_store::item::measured_commits_of_each(db, app_id, cluster, times, COMMITS).await?;
    deleted_in(store, &found).await
}

/// The items that the newest of these commits deleted, with the names of their namespaces. Values
/// that were edited often since the release are many times as long in its commits.
async fn deleted_in(store: &Store, commits: &[Measured]) -> Result<Vec<(String, Item)>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for batch in length::batches(length::first(commits, SEARCHED), BATCH) {
        for commit in castalia_store::item::commits_in_order(store.read(), batch).await? {
            for item in deleted_of(&commit) {
                bytes += item.value.len() as u64;
                if bytes > length::LIST {
                    return Ok(found);
                }
                found.push((commit.namespace_name.clone(), item));
            }
        }
    }
    Ok(found)
}

fn deleted_of(commit: &Commit) -> Vec<Item> {
    match serde_json::from_str::<Deletions>(&commit.change_sets) {
        Ok(changes) => changes.delete_items.into_iter().map(Item::from).collect(),
        Err(error) => {
            if is_unparsable_news("Commit", commit.id) {
                tracing::warn!(id = commit.id.0, %error, "cannot decode the change set of a commit; deleted items are missing in lists");
            }
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str, value: &str) -> Item {
        ItemText {
            key: key.to_owned(),
            value: value.to_owned(),
            id: 7,
            namespace_id: 3,
            ..ItemText::default()
        }
        .into()
    }

    #[test]
    fn text_has_all_three_lists_and_the_stored_order_of_members() {
        let changes = Changes::default().created(&item("a=b", "1"));
        let text = json::write(&changes).unwrap();
        let start = r#"{"createItems":[{"namespaceId":3,"key":"a\u003db","type":0,"value":"1","id":7,"isDeleted":false,"deletedAt":0,"dataChangeCreatedBy":"","dataChangeCreatedTime":""#;
        assert!(text.starts_with(start), "{text}");
        assert!(text.ends_with(r#""}],"updateItems":[],"deleteItems":[]}"#), "{text}");
    }

    #[test]
    fn deleted_items_are_read_back() {
        let text = json::write(&Changes::default().deleted(&item("k", "v"), "u")).unwrap();
        let changes: Changes = serde_json::from_str(&text).unwrap();
        let back = Item::from(changes.delete_items[0].clone());
        assert!(back.is_deleted && back.deleted_at > 0);
        assert_eq!(
            (back.key.as_str(), back.data_change_last_modified_by.as_deref()),
            ("k", Some("u"))
        );
    }

    #[test]
    fn lines_without_key_are_left_out() {
        let blank = item("", "");
        assert!(Changes::default().created(&blank).deleted(&blank, "u").is_empty());
    }
}
