//! Change sets: edits of many items of one namespace, which are applied together or not at all.

pub mod trial;

use std::collections::HashMap;

use castalia_store::{Connection, Id, Store, Transaction};
use futures_util::future::BoxFuture;

use super::audit::Trail;
use super::commit::{self, Changes};
use super::constraint;
use super::constraint::present;
use super::edit::Edit;
use super::item::{self, Item, ItemDraft};
use super::item_rules::{ItemRules, NamespaceRules};
use super::namespace::{Namespace, NamespaceKey, key_of};
use super::revision::{Base, Transition};
use super::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::ServerConfig;

/// Edits in the order in which they are applied.
#[derive(Debug, Clone, Default)]
pub struct ChangeSet {
    /// New items.
    pub creates: Vec<ItemDraft>,
    /// Changed items, by id.
    pub updates: Vec<ItemDraft>,
    /// Removed items, by id.
    pub deletes: Vec<ItemDraft>,
    /// User who edits.
    pub operator: Option<String>,
}

/// Applies a change set.
///
/// # Errors
/// Fails if there is no such namespace, a limit is reached, an item is unknown or belongs to
/// another namespace, or another user holds the edit lock.
pub async fn apply(
    store: &Store,
    config: &ServerConfig,
    rules: ItemRules,
    key: &NamespaceKey,
    changes: ChangeSet,
    base: Base,
) -> Result<Transition> {
    let edit = Edit::of(config, key, changes.operator.as_deref()).on(base);
    unique::write(store, (edit, rules, changes), apply_once).await
}

fn apply_once<'c>(
    tx: &'c Transaction,
    (edit, rules, changes): &'c (Edit, ItemRules, ChangeSet),
) -> BoxFuture<'c, Result<Transition>> {
    Box::pin(async move {
        let begun = edit.begin(tx).await?;
        let mut trail = Trail::of(edit.operator());
        apply_in(tx, rules, &begun.namespace, changes, &mut trail).await?;
        trail.write(tx).await?;
        edit.end(tx, begun).await
    })
}

/// Applies a change set to a locked namespace, and records it as one commit.
pub(super) async fn apply_in(
    tx: &Transaction,
    rules: &ItemRules,
    namespace: &Namespace,
    changes: &ChangeSet,
    trail: &mut Trail,
) -> Result<()> {
    check_count(tx, rules, Some(namespace), changes).await?;
    let edit = Steps { tx, namespace, rules: rules.of_namespace(tx, namespace).await?, changes };
    let mut record = Changes::default();
    record = edit.create(record, trail).await?;
    if !changes.updates.is_empty() || !changes.deletes.is_empty() {
        let updated: Vec<_> = changes.updates.iter().map(|draft| Id(draft.id)).collect();
        let mut present: HashMap<Id, Item> =
            castalia_store::item::to_edit(tx, namespace.id, &updated)
                .await?
                .into_iter()
                .map(|item| (item.id, item))
                .collect();
        record = edit.update(&mut present, record, trail).await?;
        record = edit.delete(&mut present, record, trail).await?;
    }
    check_unique(tx, namespace, changes).await?;
    if !record.is_empty() {
        commit::write_in(tx, &key_of(namespace), &record, changes.operator.as_deref()).await?;
    }
    Ok(())
}

async fn check_count(
    db: &impl Connection,
    rules: &ItemRules,
    namespace: Option<&Namespace>,
    changes: &ChangeSet,
) -> Result<()> {
    let Some(limit) = rules.item_limit() else { return Ok(()) };
    let keyed = |drafts: &[ItemDraft]| {
        drafts
            .iter()
            .filter(|draft| draft.key.as_deref().is_some_and(|key| !key.is_empty()))
            .count() as u64
    };
    let present = match namespace {
        Some(namespace) => castalia_store::item::count_with_key(db, namespace.id).await?,
        None => 0,
    };
    let count = (present + keyed(&changes.creates)).saturating_sub(keyed(&changes.deletes));
    if count > limit { Err(item::too_many(limit, count)) } else { Ok(()) }
}

/// A key that the set creates must be unique in the result. The set is checked as a whole, because
/// it may delete an item and create another one with the same key.
async fn check_unique(tx: &Transaction, namespace: &Namespace, changes: &ChangeSet) -> Result<()> {
    let created = changes.creates.iter().filter_map(|draft| draft.key.as_deref());
    let created: Vec<_> = created.filter(|key| !key.is_empty()).collect();
    match castalia_store::item::repeated_key(tx, namespace.id, &created).await? {
        Some(key) => Err(item::exists(&key)),
        None => Ok(()),
    }
}

struct Steps<'a> {
    tx: &'a Transaction,
    namespace: &'a Namespace,
    rules: NamespaceRules,
    changes: &'a ChangeSet,
}

impl Steps<'_> {
    fn operator(&self) -> Result<String> {
        let operator = present(self.changes.operator.as_deref(), "DataChange_CreatedBy")?;
        constraint::check_width(operator, "DataChange_CreatedBy", constraint::OPERATOR)?;
        Ok(operator.to_owned())
    }

    async fn create(&self, mut record: Changes, trail: &mut Trail) -> Result<Changes> {
        if self.changes.creates.is_empty() {
            return Ok(record);
        }
        let operator = self.operator()?;
        let keys = self.changes.creates.iter().filter_map(|draft| draft.key.as_deref());
        let keys: Vec<_> = keys.collect();
        item::make_room(self.tx, self.namespace.id, &keys, Some(&operator), trail).await?;
        let mut next_line = item::next_line(self.tx, self.namespace.id).await?;
        let mut rows = Vec::with_capacity(self.changes.creates.len());
        for draft in &self.changes.creates {
            if draft.namespace_id != self.namespace.id.0 {
                return Err(item::mismatch());
            }
            self.rules.check_new(draft)?;
            let line = if draft.line_num == 0 { next_line } else { draft.line_num };
            next_line = next_line.max(item::behind(line));
            let mut draft = draft.clone();
            draft.author.created_by = Some(operator.clone());
            draft.author.last_modified_by = Some(operator.clone());
            rows.push((draft.row(self.namespace.id, line)?, draft.author.checked()?));
        }
        for item in castalia_store::item::insert_all(self.tx, self.namespace.id, rows).await? {
            trail.inserted("Item", item.id);
            record = record.created(&item);
        }
        trail.inserted("ItemSet", None);
        Ok(record)
    }

    async fn update(
        &self,
        present: &mut HashMap<Id, Item>,
        mut record: Changes,
        trail: &mut Trail,
    ) -> Result<Changes> {
        if self.changes.updates.is_empty() {
            return Ok(record);
        }
        let operator = self.operator()?;
        // An item may be changed more than once: its first state and its last one are compared.
        let mut changed: HashMap<Id, Item> = HashMap::new();
        for draft in &self.changes.updates {
            let id = Id(draft.id);
            let Some(old) = present.get(&id) else {
                let key = draft.key.as_deref().unwrap_or_default();
                return Err(self
                    .absent(draft.id, item::not_found(format!("itemKey:{key}")))
                    .await?);
            };
            self.rules.check_change(draft)?;
            let mut draft = draft.clone();
            draft.author.last_modified_by = Some(operator.clone());
            let new = draft.applied_to(old, true)?;
            trail.updated("Item", id);
            if new.value != old.value {
                record = record.updated(old, &new);
            }
            if let Some(old) = present.insert(id, new) {
                changed.entry(id).or_insert(old);
            }
        }
        let changed =
            changed.into_iter().filter_map(|(id, old)| Some((old, present.get(&id)?.clone())));
        castalia_store::item::update_all(self.tx, changed).await?;
        trail.updated("ItemSet", None);
        Ok(record)
    }

    async fn delete(
        &self,
        present: &mut HashMap<Id, Item>,
        mut record: Changes,
        trail: &mut Trail,
    ) -> Result<Changes> {
        if self.changes.deletes.is_empty() {
            return Ok(record);
        }
        let operator = self.operator()?;
        let mut ids = Vec::with_capacity(self.changes.deletes.len());
        for draft in &self.changes.deletes {
            let id = Id(draft.id);
            let Some(item) = present.remove(&id) else {
                let unknown = absent_id(draft.id);
                return Err(if ids.contains(&id) {
                    unknown
                } else {
                    self.absent(draft.id, unknown).await?
                });
            };
            ids.push(id);
            trail.deleted("Item", id);
            record = record.deleted(&item, &operator);
        }
        if castalia_store::item::delete_all(self.tx, &ids, &operator).await? < ids.len() as u64 {
            // A node of Apollo, which does not lock the namespace, deleted it meanwhile.
            return Err(Error::service("an item to be deleted no longer exists")
                .with_code(Code::ItemNotFound));
        }
        trail.deleted("ItemSet", None);
        Ok(record)
    }

    /// The error for an item that is not in the namespace: it belongs to another one, or does not
    /// exist.
    async fn absent(&self, id: i64, unknown: Error) -> Result<Error> {
        let is_elsewhere = castalia_store::item::to_remove(self.tx, id).await?.is_some();
        Ok(if is_elsewhere { item::mismatch() } else { unknown })
    }
}

fn absent_id(id: i64) -> Error {
    Error::service(format!("item not exist. ID:{id}")).with_code(Code::ItemNotFound)
}
