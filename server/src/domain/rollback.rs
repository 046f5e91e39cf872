//! Rollback: releases are marked as abandoned, so that an older one becomes active again. Items are
//! not changed; a branch follows.

use castalia_store::{Id, Store, Transaction};

use super::audit::Trail;
use super::branch::Family;
use super::configurations::{self, Configurations};
use super::gray_release::Carry;
use super::history::{self, Context, HistoryEntry, ReleaseOperation};
use super::namespace::{self, NamespaceKey};
use super::page::Page;
use super::release::{Publication, Release, not_found};
use super::revision::Base;
use crate::error::{Error, Result};

/// The effect of a rollback on clients.
#[derive(Debug)]
struct RollbackStep {
    /// Release that is no longer active.
    from: Release,
    /// Release that the history records as active.
    to: Id,
    /// Newest active release before the rollback, on which a branch is based.
    old: Id,
    /// Release on which a branch is based afterwards.
    new: Release,
    /// Releases to mark as abandoned.
    abandoned: Vec<Id>,
}

/// Rolls a release back: by one step, or to `target`. A caller that shows a release as live states
/// it in `base`: clients would not notice the rollback of another one.
///
/// # Errors
/// Fails if the namespace is not as in `base`, if a release does not exist or was rolled back
/// before, if it is that of a branch, if the target is not an earlier release of the same
/// namespace, or if no active release would remain.
pub async fn roll_back(
    store: &Store,
    id: i64,
    target: Option<i64>,
    operator: &str,
    base: Base,
) -> Result<()> {
    if target == Some(id) {
        return Err(Error::bad_request("current release equal to target release"));
    }
    let input = (id, target, operator.to_owned(), base);
    store
        .write(input, |tx, (id, target, operator, base)| {
            Box::pin(async move {
                lock(tx, *id, base).await?;
                check_main_line(tx, *id).await?;
                let step = match target {
                    None => one_step(tx, *id).await?,
                    Some(target) => to_target(tx, *id, *target).await?,
                };
                apply(tx, step, operator).await
            })
        })
        .await
}

/// Locks the namespace of a release, which never changes, so it may be read before the lock.
pub(super) async fn lock(tx: &Transaction, id: i64, base: &Base) -> Result<()> {
    let release = castalia_store::release::by_id_with_any_content(tx, id).await?;
    let release = release.ok_or_else(|| not_found(id))?;
    let Release { app_id, cluster_name, namespace_name, .. } = &release;
    let key = NamespaceKey::new(app_id, cluster_name, namespace_name);
    if !namespace::lock(tx, &key).await? {
        return Err(not_found(id));
    }
    match castalia_store::namespace::find(tx, app_id, cluster_name, namespace_name).await? {
        Some(namespace) => base.check(tx, &namespace).await,
        None => Ok(()),
    }
}

/// The release of a branch is that of its rules, and consists of the main line as well: its former
/// content may be older than the main line.
async fn check_main_line(tx: &Transaction, id: i64) -> Result<()> {
    let Release { app_id, cluster_name, namespace_name, .. } = active(tx, id).await?;
    let namespace =
        castalia_store::namespace::find(tx, &app_id, &cluster_name, &namespace_name).await?;
    let Some(namespace) = namespace else { return Ok(()) };
    match Family::of(tx, &namespace).await?.parent {
        Some(_) => Err(Error::bad_request(format!(
            "Release {id} is a gray release and cannot be rolled back; publish the gray release again with the former \
             values, or abandon it"
        ))),
        None => Ok(()),
    }
}

async fn one_step(tx: &Transaction, id: i64) -> Result<RollbackStep> {
    let from = active(tx, id).await?;
    let Release { app_id, cluster_name, namespace_name, .. } = &from;
    let mut newest = castalia_store::release::active_page(
        tx,
        app_id,
        cluster_name,
        namespace_name,
        &Page::new(0, 2),
    )
    .await?;
    let (Some(new), Some(old)) = (newest.pop(), newest.pop()) else {
        return Err(Error::bad_request(format!(
            "Can't rollback namespace(appId={app_id}, clusterName={cluster_name}, namespaceName={namespace_name}) \
             because there is only one active release"
        )));
    };
    Ok(RollbackStep { to: new.id, abandoned: vec![from.id], from, old: old.id, new })
}

async fn to_target(tx: &Transaction, id: i64, target: i64) -> Result<RollbackStep> {
    let from = active(tx, id).await?;
    let to = active(tx, target).await?;
    let Release { app_id, cluster_name, namespace_name, .. } = &from;
    let mut abandoned: Vec<_> = castalia_store::release::active_between(
        tx,
        app_id,
        cluster_name,
        namespace_name,
        to.id,
        from.id,
    )
    .await?
    .into_iter()
    .map(|release| release.id)
    .collect();
    // The oldest of the range becomes active again.
    if abandoned.pop() != Some(to.id) {
        return Err(Error::bad_request(format!(
            "Release {id} cannot be rolled back to release {target}: that is not an earlier active release of the \
             same namespace"
        )));
    }
    Ok(RollbackStep { to: to.id, abandoned, old: from.id, from, new: to })
}

/// The release with this id, unless it was rolled back.
pub(super) async fn active(tx: &Transaction, id: i64) -> Result<Release> {
    let release = castalia_store::release::by_id_with_any_content(tx, id).await?;
    let release = release.ok_or_else(|| not_found(id))?;
    if release.is_abandoned {
        return Err(Error::bad_request("release is not active"));
    }
    Ok(release)
}

async fn apply(tx: &Transaction, step: RollbackStep, operator: &str) -> Result<()> {
    // Clients are served the release only if all of it can be decoded.
    castalia_store::release::by_id(tx, step.to).await?;
    let content = configurations::parse(&step.new).map_err(|error| {
        let hint =
            "nothing was changed; roll back to another release, or publish the namespace again";
        Error::unreadable(format!("{}; {hint}.", error.message())).caused_by(error)
    })?;
    let from = &step.from;
    let key = NamespaceKey::new(&from.app_id, &from.cluster_name, &from.namespace_name);
    let mut trail = Trail::of(Some(operator));
    let is_newest = super::release::latest_id(tx, &key).await? == from.id;
    castalia_store::release::abandon(tx, &step.abandoned, operator).await?;
    let entry = HistoryEntry {
        key: &key,
        branch: &key.cluster,
        release_id: step.to,
        previous_release_id: from.id,
        operation: ReleaseOperation::Rollback,
        context: Context::default(),
    };
    history::record(tx, entry, operator, &mut trail).await?;
    // A rollback of an older release leaves the main line, on which the branch is based, as it is.
    if is_newest {
        carry(tx, &key, &step, &content, operator, &mut trail).await?;
    }
    trail.write(tx).await?;
    castalia_store::message::insert(tx, &key.watch_key()).await?;
    Ok(())
}

/// Publishes the branch on top of the new main line.
async fn carry(
    tx: &Transaction,
    key: &NamespaceKey,
    step: &RollbackStep,
    content: &Configurations,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    let Some(main) = castalia_store::namespace::find(tx, app_id, cluster, namespace).await? else {
        return Ok(());
    };
    let Some(branch) = Family::of(tx, &main).await?.branch else { return Ok(()) };
    let time = castalia_store::now().with_timezone(&chrono::Local).format("%Y%m%d%H%M%S");
    let publication = Publication {
        title: format!("{time}-master-rollback-merge-to-gray"),
        comment: Some(String::new()),
        operator: operator.to_owned(),
        is_emergency: false,
        base: Base::default(),
    };
    let carry = Carry { main: &main, branch: &branch, old: step.old, new: content, base: step.to };
    carry.publish(tx, ReleaseOperation::RollbackCarried, &publication, trail).await
}
