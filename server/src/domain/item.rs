//! Items: keys with values, comments and blank lines of a namespace being edited. `item_set.rs`
//! edits several at once, `item/find.rs` looks them up.

mod find;

pub use castalia_store::item::{Hit, Item};
pub use find::{by_id, by_key, decode_key, list, page, search};

use castalia_store::item::ItemRow;
use castalia_store::{Id, Small, Store, Transaction};

use super::audit::Trail;
use super::commit::{self, Changes};
use super::constraint::{Author, check_width, fitting, present};
use super::edit::Edit;
use super::item_rules::ItemRules;
use super::namespace::{self, Namespace, NamespaceKey, key_of};
use super::revision::{Base, Transition};
use super::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::ServerConfig;

/// Maximum length of a comment, in characters: the width of the column.
pub const COMMENT: usize = 1024;

/// Maximum line number; far below the limit of the column in every engine, so that a line behind
/// the last one can always be stored.
const LAST_LINE: i64 = 2_000_000_000;

/// A request to create or change an item.
#[derive(Debug, Clone, Default)]
pub struct ItemDraft {
    /// Row id of an existing item.
    pub id: i64,
    /// Row id of the namespace.
    pub namespace_id: i64,
    /// Key; empty for comments and blank lines.
    pub key: Option<String>,
    /// Type of the value, 0 to 3.
    pub kind: i16,
    /// Value.
    pub value: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Position; 0 appends a new item at the end.
    pub line_num: i64,
    /// Author of the request.
    pub author: Author,
}

impl ItemDraft {
    fn operator(&self) -> Option<&str> {
        self.author.last_modified_by.as_deref()
    }

    fn check_line(&self) -> Result<()> {
        if (0..=LAST_LINE).contains(&self.line_num) {
            return Ok(());
        }
        let message = format!("lineNum should be in [0, {LAST_LINE}], not {}.", self.line_num);
        Err(Error::bad_request(message).with_code(Code::InvalidLine))
    }

    /// The row of a new item.
    pub(super) fn row(&self, namespace_id: Id, line_num: i64) -> Result<ItemRow> {
        self.check_line()?;
        if let Some(comment) = &self.comment {
            check_width(comment, "Comment", COMMENT)?;
        }
        Ok(ItemRow {
            namespace_id,
            key: present(self.key.clone(), "Key")?,
            r#type: Small(self.kind),
            value: present(self.value.clone(), "Value")?,
            comment: self.comment.clone(),
            line_num: Some(Id(line_num)),
        })
    }

    /// The existing row with the changes of the draft; the position changes only if `with_line` is
    /// set.
    pub(super) fn applied_to(&self, old: &Item, with_line: bool) -> Result<Item> {
        if with_line {
            self.check_line()?;
        }
        if let Some(comment) = &self.comment {
            check_width(comment, "Comment", COMMENT)?;
        }
        Ok(Item {
            r#type: Small(self.kind),
            value: present(self.value.clone(), "Value")?,
            comment: self.comment.clone(),
            line_num: if with_line { Some(Id(self.line_num)) } else { old.line_num },
            data_change_last_modified_by: self.author.editor()?.map(str::to_owned),
            ..old.clone()
        })
    }
}

/// Creates an item and its commit.
///
/// # Errors
/// Fails if there is no such namespace, the key exists, a limit is reached, or another user holds
/// the edit lock.
pub async fn create(
    store: &Store,
    config: &ServerConfig,
    rules: &ItemRules,
    key: &NamespaceKey,
    draft: ItemDraft,
    base: Base,
) -> Result<(Transition, Item)> {
    let edit = Edit::of(config, key, draft.operator()).on(base);
    let input = (edit, rules.clone(), draft);
    unique::write(store, input, |tx, (edit, rules, draft)| {
        Box::pin(create_in(tx, edit, rules, draft))
    })
    .await
}

async fn create_in(
    tx: &Transaction,
    edit: &Edit,
    rules: &ItemRules,
    draft: &ItemDraft,
) -> Result<(Transition, Item)> {
    let begun = edit.begin(tx).await?;
    let namespace = &begun.namespace;
    let mut trail = Trail::of(edit.operator());
    let key: Vec<_> = draft.key.as_deref().into_iter().collect();
    make_room(tx, namespace.id, &key, edit.operator(), &mut trail).await?;
    trail.write(tx).await?;
    check_new(tx, rules, namespace, draft).await?;
    let item = insert(tx, namespace.id, draft).await?;
    let changes = Changes::default().created(&item);
    commit::write_in(tx, &key_of(namespace), &changes, edit.operator()).await?;
    Ok((edit.end(tx, begun).await?, item))
}

/// Removes items with these keys that cannot be decoded: nobody sees them, so the new ones take
/// their place.
pub(super) async fn make_room(
    tx: &Transaction,
    namespace_id: Id,
    keys: &[&str],
    operator: Option<&str>,
    trail: &mut Trail,
) -> Result<()> {
    let keys: Vec<_> = keys.iter().copied().filter(|key| !key.is_empty()).collect();
    let operator = operator.unwrap_or_default();
    let removed = castalia_store::item::remove_unreadable(tx, namespace_id, &keys, operator);
    for id in removed.await? {
        trail.deleted("Item", id);
    }
    Ok(())
}

async fn check_new(
    tx: &Transaction,
    rules: &ItemRules,
    namespace: &Namespace,
    draft: &ItemDraft,
) -> Result<()> {
    if let Some(key) = &draft.key
        && castalia_store::item::by_key(tx, namespace.id, key).await?.is_some()
    {
        return Err(exists(key));
    }
    if let Some(limit) = rules.item_limit() {
        let count = castalia_store::item::count_with_key(tx, namespace.id).await?;
        if count >= limit {
            return Err(too_many(limit, count));
        }
    }
    rules.of_namespace(tx, namespace).await?.check_new(draft)
}

/// The error for a key that exists.
pub(super) fn exists(key: &str) -> Error {
    Error::bad_request(format!("item already exists for itemKey:{key}")).with_code(Code::ItemExists)
}

/// The error for a namespace that has reached its limit of items.
pub(super) fn too_many(limit: u64, count: u64) -> Error {
    let message = format!(
        "The maximum number of items ({limit}) for this namespace has been reached. Current item count is {count}."
    );
    Error::bad_request(message).with_code(Code::TooManyItems)
}

async fn insert(tx: &Transaction, namespace_id: Id, draft: &ItemDraft) -> Result<Item> {
    let line_num = match draft.line_num {
        0 => next_line(tx, namespace_id).await?,
        line => line,
    };
    let row = draft.row(namespace_id, line_num)?;
    let item = castalia_store::item::insert(tx, row, draft.author.checked()?).await?;
    let mut trail = Trail::of(Some(&item.data_change_created_by));
    trail.inserted("Item", item.id);
    trail.write(tx).await?;
    Ok(item)
}

/// The position behind the last item.
pub(super) async fn next_line(tx: &Transaction, namespace_id: Id) -> Result<i64> {
    Ok(castalia_store::item::last_line(tx, namespace_id).await?.map_or(1, |last| behind(last.0)))
}

/// The position behind a line. Several lines may have the last position: equal ones are ordered by
/// id.
pub(super) fn behind(line: i64) -> i64 {
    line.saturating_add(1).min(LAST_LINE)
}

/// Creates a comment line; if the namespace has the same comment, returns that one.
///
/// # Errors
/// Fails if it has a key or value, or no comment.
pub async fn create_comment(
    store: &Store,
    draft: ItemDraft,
    base: Base,
) -> Result<(Transition, Item)> {
    let is_blank =
        |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    if !is_blank(&draft.key) || !is_blank(&draft.value) {
        return Err(Error::bad_request("Comment item's key or value should be blank."));
    }
    if is_blank(&draft.comment) {
        return Err(Error::bad_request("Comment item's comment should not be blank."));
    }
    let draft = ItemDraft { key: Some(String::new()), value: Some(String::new()), ..draft };
    let input = (draft, base);
    store.write(input, |tx, (draft, base)| Box::pin(create_comment_in(tx, draft, base))).await
}

async fn create_comment_in(
    tx: &Transaction,
    draft: &ItemDraft,
    base: &Base,
) -> Result<(Transition, Item)> {
    let addressed = namespace::by_id(tx, draft.namespace_id).await?;
    let namespace = namespace::find_locked(tx, &key_of(&addressed)).await?;
    let before = base.before(tx, &namespace).await?;
    let comment = draft.comment.as_deref().unwrap_or_default();
    let item = match castalia_store::item::comment_line(tx, namespace.id, comment).await? {
        Some(existing) => existing,
        None => insert(tx, namespace.id, draft).await?,
    };
    Ok((base.transition(tx, &namespace, before).await?, item))
}

/// Changes an item; its key and position are kept. A commit is written only if the value changed.
///
/// # Errors
/// Fails if there is no such item, if it is in another namespace, or if another user holds the edit
/// lock.
pub async fn update(
    store: &Store,
    config: &ServerConfig,
    rules: &ItemRules,
    key: &NamespaceKey,
    draft: ItemDraft,
    base: Base,
) -> Result<(Transition, Item)> {
    let edit = Edit::of(config, key, draft.operator()).on(base);
    let input = (edit, rules.clone(), key.clone(), draft);
    unique::write(store, input, |tx, (edit, rules, key, draft)| {
        Box::pin(update_in(tx, edit, rules, key, draft))
    })
    .await
}

async fn update_in(
    tx: &Transaction,
    edit: &Edit,
    rules: &ItemRules,
    key: &NamespaceKey,
    draft: &ItemDraft,
) -> Result<(Transition, Item)> {
    let begun = edit.begin(tx).await?;
    let namespace = &begun.namespace;
    let Some(old) = castalia_store::item::to_replace(tx, draft.id).await? else {
        return Err(not_found(format!("{} itemId:{}", namespace::names(key), draft.id)));
    };
    if old.namespace_id != namespace.id {
        return Err(mismatch());
    }
    rules.of_namespace(tx, namespace).await?.check_change(draft)?;
    let new = draft.applied_to(&old, false)?;
    castalia_store::item::update(tx, &old, &new).await?;
    let mut trail = Trail::of(edit.operator());
    trail.updated("Item", new.id);
    trail.write(tx).await?;
    let time =
        if new == old { old.data_change_last_time } else { Some(castalia_store::now().into()) };
    let new = Item { data_change_last_time: time, ..new };
    if new.value != old.value {
        let changes = Changes::default().updated(&old, &new);
        commit::write_in(tx, &key_of(namespace), &changes, edit.operator()).await?;
    }
    Ok((edit.end(tx, begun).await?, new))
}

/// Deletes an item; a commit is always written.
///
/// # Errors
/// Fails if there is no such item, or if another user holds the edit lock.
pub async fn delete(
    store: &Store,
    config: &ServerConfig,
    id: i64,
    operator: &str,
    base: Base,
) -> Result<Transition> {
    let operator =
        fitting(Some(operator), "DataChange_LastModifiedBy", super::constraint::OPERATOR)?;
    let input = (config.clone(), id, operator, base);
    unique::write(store, input, |tx, (config, id, operator, base)| {
        Box::pin(delete_in(tx, config, *id, operator, base))
    })
    .await
}

async fn delete_in(
    tx: &Transaction,
    config: &ServerConfig,
    id: i64,
    operator: &str,
    base: &Base,
) -> Result<Transition> {
    // An item never moves to another namespace, so its namespace may be read before the lock;
    // nothing else may.
    let addressed = existing(tx, id).await?;
    let key = key_of(&namespace::by_id(tx, addressed.namespace_id.0).await?);
    let edit = Edit::of(config, &key, Some(operator)).on(base.clone());
    let begun = edit.begin(tx).await?;
    let item = existing(tx, id).await?;
    castalia_store::item::delete(tx, item.id, operator).await?;
    let mut trail = Trail::of(Some(operator));
    trail.deleted("Item", item.id);
    trail.write(tx).await?;
    let changes = Changes::default().deleted(&item, operator);
    commit::write_in(tx, &key, &changes, Some(operator)).await?;
    edit.end(tx, begun).await
}

async fn existing(tx: &Transaction, id: i64) -> Result<Item> {
    castalia_store::item::to_remove(tx, id).await?.ok_or_else(|| {
        Error::bad_request(format!("item not exists for itemId:{id}")).with_code(Code::ItemNotFound)
    })
}

/// The error for an item of another namespace than the addressed one.
pub(super) fn mismatch() -> Error {
    Error::bad_request("invalid request, item and namespace do not match!")
        .with_code(Code::ItemMismatch)
}

/// The error for an unknown item; `what` identifies it.
pub(super) fn not_found(what: impl std::fmt::Display) -> Error {
    Error::not_found(format!("item not found for {what}")).with_code(Code::ItemNotFound)
}
