//! Release history: the effect of each publish, rollback and gray operation, with the context that
//! later operations need.

pub use crate::feed::cache::GrayRule;
pub use castalia_store::release::ReleaseHistory;

use castalia_store::release::{BranchEntry, ReleaseHistoryRow, insert_history};
use castalia_store::{Authorship, Id, Small, Store, Transaction};
use serde::{Deserialize, Serialize};

use super::audit::Trail;
use super::constraint::{self, check_width};
use super::namespace::NamespaceKey;
use super::page::{Page, Paged};
use crate::error::{Error, Result};
use crate::json;

/// Kind of an operation. The numbers are stored and part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOperation {
    /// The main line was published.
    Publish = 0,
    /// A release was rolled back, or withdrawn.
    Rollback = 1,
    /// A branch was published.
    GrayPublish = 2,
    /// The rules of a branch were changed.
    RulesChanged = 3,
    /// A branch was merged to the main line.
    Merge = 4,
    /// A publish of the main line was carried into its branch.
    PublishCarried = 5,
    /// A rollback of the main line was carried into its branch.
    RollbackCarried = 6,
    /// A branch was abandoned.
    BranchDeleted = 7,
    /// A branch was deleted after a merge.
    BranchDeletedAfterMerge = 8,
}

impl ReleaseOperation {
    /// Operations that create a release of a branch, and whose context names the branch's own keys.
    const OF_BRANCH: [Self; 3] = [Self::GrayPublish, Self::PublishCarried, Self::RollbackCarried];

    /// The stored number.
    #[must_use]
    pub fn code(self) -> Small {
        Small(self as i16)
    }
}

/// Newest history entries of a branch in which its rules are searched.
const RULES_SEARCHED: u64 = 50;

/// The context of an operation; the members are in their stored order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Context {
    /// Branch that was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_branch: Option<String>,
    /// Release that it is based on; 0 if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_release_id: Option<i64>,
    /// Whether the publish bypassed the rule that editor and publisher must differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_emergency_publish: Option<bool>,
    /// Keys that the branch sets itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_release_keys: Option<Vec<String>>,
    /// Previous rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_rules: Option<Vec<GrayRule>>,
    /// New rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<GrayRule>>,
}

/// A history row to be inserted.
#[derive(Debug)]
pub struct HistoryEntry<'a> {
    /// Namespace; the parent for gray operations.
    pub key: &'a NamespaceKey,
    /// Branch; the cluster itself on the main line.
    pub branch: &'a str,
    /// Release that is active after the operation; 0 after a withdrawal.
    pub release_id: Id,
    /// Release that was active before it; 0 if none.
    pub previous_release_id: Id,
    /// Kind of the operation.
    pub operation: ReleaseOperation,
    /// Its context.
    pub context: Context,
}

/// Inserts a row.
pub async fn record(
    tx: &Transaction,
    entry: HistoryEntry<'_>,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    let row = row(&entry, operator)?;
    let history = insert_history(tx, row, Authorship::of(operator)).await?;
    trail.inserted("ReleaseHistory", history.id);
    Ok(())
}

/// The row to insert.
pub(super) fn row(entry: &HistoryEntry<'_>, operator: &str) -> Result<ReleaseHistoryRow> {
    check_width(operator, "DataChange_CreatedBy", constraint::OPERATOR)?;
    Ok(ReleaseHistoryRow {
        app_id: entry.key.app_id.clone(),
        cluster_name: entry.key.cluster.clone(),
        namespace_name: entry.key.namespace.clone(),
        branch_name: entry.branch.to_owned(),
        release_id: entry.release_id,
        previous_release_id: entry.previous_release_id,
        operation: entry.operation.code(),
        operation_context: json::write(&entry.context)?,
    })
}

/// Keys that the release of a branch sets itself; `None` if no history row names them, or if that
/// row cannot be read.
pub async fn branch_keys(tx: &Transaction, release_id: Id) -> Result<Option<Vec<String>>> {
    Ok(entry_of_keys(tx, release_id)
        .await?
        .and_then(|row| parse(row.id, &row.operation_context))
        .and_then(|context| context.branch_release_keys))
}

/// The entry that names the keys of the release of a branch, unless it cannot be read.
pub(super) async fn entry_of_keys(
    tx: &Transaction,
    release_id: Id,
) -> Result<Option<ReleaseHistory>> {
    let operations = ReleaseOperation::OF_BRANCH.map(ReleaseOperation::code);
    match castalia_store::release::latest_history(tx, release_id, &operations).await {
        Err(error) if error.is_unreadable() => Ok(None),
        found => Ok(found?),
    }
}

/// The rules that the history of a branch names last. Fails if a newer change of the rules cannot
/// be decoded: older ones would bring back clients that were removed since.
pub(super) async fn last_rules(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
) -> Result<Option<Vec<GrayRule>>> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    let place = (app_id.as_str(), cluster.as_str(), namespace.as_str());
    let newest =
        castalia_store::release::newest_of_branch(tx, place, branch, RULES_SEARCHED).await?;
    for BranchEntry { id, operation, context } in newest {
        let is_change =
            operation.is_none_or(|operation| operation == ReleaseOperation::RulesChanged.code());
        match context.and_then(|context| parse(id, &context)) {
            Some(Context { rules: Some(rules), .. }) => return Ok(Some(rules)),
            None if is_change => return Err(unknown_rules(id, branch)),
            // A publish does not change the rules.
            _ => {}
        }
    }
    Ok(None)
}

fn unknown_rules(id: Id, branch: &str) -> Error {
    Error::unreadable(format!(
        "The gray release rule of branch {branch} cannot be decoded, nor can the change that the release history \
         recorded last (ReleaseHistory {id}). Set the rules of the branch again."
    ))
}

fn parse(id: Id, context: &str) -> Option<Context> {
    let context = serde_json::from_str(context);
    context
        .inspect_err(|error| {
            tracing::warn!(id = id.0, %error, "cannot decode the context of a release history entry; it is not used");
        })
        .ok()
}

/// A page of the history of a namespace and its branches, newest first.
pub async fn of_namespace(
    store: &Store,
    key: &NamespaceKey,
    page: &Page,
) -> Result<Paged<ReleaseHistory>> {
    Ok(castalia_store::release::histories(
        store.read(),
        &key.app_id,
        &key.cluster,
        &key.namespace,
        page,
    )
    .await?)
}

/// A page of the operations of one kind after which a release was active, newest first.
pub async fn of_release(
    store: &Store,
    id: i64,
    operation: i16,
    page: &Page,
) -> Result<Paged<ReleaseHistory>> {
    Ok(castalia_store::release::histories_by_release(store.read(), Id(id), Small(operation), page)
        .await?)
}

/// A page of the operations of one kind before which a release was active, newest first.
pub async fn of_previous_release(
    store: &Store,
    id: i64,
    operation: i16,
    page: &Page,
) -> Result<Paged<ReleaseHistory>> {
    Ok(castalia_store::release::histories_by_previous_release(
        store.read(),
        Id(id),
        Small(operation),
        page,
    )
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_members_are_stored_in_order_and_absent_ones_left_out() {
        let context = Context {
            base_release_id: Some(5),
            is_emergency_publish: Some(false),
            branch_release_keys: Some(vec!["b".into()]),
            ..Context::default()
        };
        let text = r#"{"baseReleaseId":5,"isEmergencyPublish":false,"branchReleaseKeys":["b"]}"#;
        assert_eq!(json::write(&context).unwrap(), text);
        assert_eq!(json::write(&Context::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Context>(text).unwrap(), context);
    }

    #[test]
    fn operations_have_the_stored_numbers() {
        assert_eq!(
            (
                ReleaseOperation::Publish.code().0,
                ReleaseOperation::BranchDeletedAfterMerge.code().0
            ),
            (0, 8)
        );
    }
}
