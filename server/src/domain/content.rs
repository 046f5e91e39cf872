//! The content of a release, from the present items of its namespace: complete, or refused.

use castalia_store::item::Content;
use castalia_store::{Id, StoreError, Transaction};

use super::configurations::{self, Configurations};
use super::namespace::{Namespace, key_of};
use super::{history, release};
use crate::error::Result;

/// The content of a release of the present items.
pub(super) async fn of(tx: &Transaction, namespace: &Namespace) -> Result<Configurations> {
    let content = castalia_store::item::content_to_publish(tx, namespace.id).await?;
    checked(tx, namespace, content).await
}

/// The same of items that were read in this transaction.
pub(super) async fn checked(
    tx: &Transaction,
    namespace: &Namespace,
    Content { entries, misplaced }: Content,
) -> Result<Configurations> {
    let content = configurations::of_items(entries);
    if !misplaced.is_empty() {
        check_complete(tx, namespace, &content, misplaced).await?;
    }
    Ok(content)
}

/// Fails if a key of the present release is missing that an item without a namespace has.
async fn check_complete(
    tx: &Transaction,
    namespace: &Namespace,
    content: &Configurations,
    misplaced: Vec<(Id, Option<String>)>,
) -> Result<()> {
    let latest = match release::latest(tx, &key_of(namespace)).await {
        Err(error) if error.is_unreadable() => None,
        latest => latest?,
    };
    let Some(latest) = latest else { return Ok(()) };
    // The release of a branch also contains the keys of its main line.
    let published = match history::branch_keys(tx, latest.id).await? {
        Some(keys) => keys,
        None => configurations::parse(&latest).map_or_else(
            |_| Vec::new(),
            |published| published.into_iter().map(|(key, _)| key).collect(),
        ),
    };
    for (id, key) in misplaced {
        if key.is_some_and(|key| published.contains(&key) && !content.contains_key(&key)) {
            let column = "NamespaceId".to_owned();
            return Err(StoreError::Unreadable { table: "Item", id: Some(id), column }.into());
        }
    }
    Ok(())
}
