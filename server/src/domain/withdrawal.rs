//! Withdrawal: the only active release of a namespace in a cluster is marked as abandoned, which
//! Apollo has no operation for. Clients are then served like those of a cluster in which nothing
//! was published: by the default cluster. Items are not changed.

use castalia_store::{Id, Store, Transaction};

use super::audit::Trail;
use super::branch::Family;
use super::history::{self, Context, HistoryEntry, ReleaseOperation};
use super::namespace::NamespaceKey;
use super::page::Page;
use super::release::not_found;
use super::revision::Base;
use super::rollback;
use crate::error::{Code, Error, Result};

/// Withdraws a release.
///
/// # Errors
/// Fails if there is no such release, if it is not the only active one, if it is that of a branch,
/// or if its namespace has a branch.
pub async fn withdraw(store: &Store, id: i64, operator: &str, base: Base) -> Result<()> {
    let input = (id, operator.to_owned(), base);
    store
        .write(input, |tx, (id, operator, base)| {
            Box::pin(async move {
                rollback::lock(tx, *id, base).await?;
                let release = rollback::active(tx, *id).await?;
                let key = NamespaceKey::new(
                    &release.app_id,
                    &release.cluster_name,
                    &release.namespace_name,
                );
                check_relatives(tx, *id, &key).await?;
                check_only(tx, *id, &key).await?;
                apply(tx, release.id, &key, operator).await
            })
        })
        .await
}

/// A gray release consists of its own values and those of the main line, so it needs one.
async fn check_relatives(tx: &Transaction, id: i64, key: &NamespaceKey) -> Result<()> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    let main = castalia_store::namespace::find(tx, app_id, cluster, namespace).await?;
    let family = Family::of(tx, &main.ok_or_else(|| not_found(id))?).await?;
    if family.parent.is_some() {
        return Err(Error::bad_request(format!(
            "Release {id} is a gray release and cannot be withdrawn; abandon the gray release instead"
        )));
    }
    if family.branch.is_some() {
        return Err(Error::bad_request(format!(
            "Release {id} cannot be withdrawn while its namespace has a gray release; abandon or merge that first"
        ))
        .with_code(Code::BranchExists));
    }
    Ok(())
}

async fn check_only(tx: &Transaction, id: i64, key: &NamespaceKey) -> Result<()> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    let page = Page::new(0, 2);
    let newest =
        castalia_store::release::active_page(tx, app_id, cluster, namespace, &page).await?;
    if newest.len() > 1 {
        return Err(Error::bad_request(format!(
            "Release {id} is not the only active release of its namespace; roll back to the oldest one first"
        )));
    }
    Ok(())
}

async fn apply(tx: &Transaction, id: Id, key: &NamespaceKey, operator: &str) -> Result<()> {
    let mut trail = Trail::of(Some(operator));
    castalia_store::release::abandon(tx, &[id], operator).await?;
    // To readers of the history, which may be Apollo's portal, a rollback to no release.
    let entry = HistoryEntry {
        key,
        branch: &key.cluster,
        release_id: Id::default(),
        previous_release_id: id,
        operation: ReleaseOperation::Rollback,
        context: Context::default(),
    };
    history::record(tx, entry, operator, &mut trail).await?;
    trail.write(tx).await?;
    castalia_store::message::insert(tx, &key.watch_key()).await?;
    Ok(())
}
