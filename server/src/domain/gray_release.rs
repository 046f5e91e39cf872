//! Releases of gray branches: published on top of the main line, and published again when the main
//! line changes.

use castalia_store::{Id, Transaction};

use super::audit::Trail;
use super::configurations::{self, Configurations};
use super::gray_rule;
use super::history::{self, Context, HistoryEntry, ReleaseOperation};
use super::namespace::{Namespace, key_of};
use super::release::{self, NewRelease, Publication, Release};
use crate::error::{Error, Result};

/// Publishes a branch: the release of the main line, overlaid with the values of the branch,
/// without the deleted keys.
pub(super) async fn publish(
    tx: &Transaction,
    parent: &Namespace,
    branch: &Namespace,
    own: Configurations,
    deleted_keys: &[String],
    publication: &Publication,
    trail: &mut Trail,
) -> Result<Release> {
    let keys: Vec<_> = own.keys().cloned().collect();
    let base = readable_latest(tx, parent).await.map_err(|error| match error.is_unreadable() {
        true => Error::unreadable(format!("{} Publish the main line first.", error.message())),
        false => error,
    })?;
    let (base, below) = base.unzip();
    let mut content = configurations::overlay(&below.unwrap_or_default(), own);
    for key in deleted_keys {
        content.shift_remove(key);
    }
    let gray = BranchRelease {
        parent,
        branch,
        previous_id: release::latest_id(tx, &key_of(branch)).await?,
        base: base.map_or(Id(0), |release| release.id),
        keys: Some(keys),
    };
    gray.write(tx, &content, ReleaseOperation::GrayPublish, publication, trail).await
}

/// The release of a namespace with its content.
async fn readable_latest(
    tx: &Transaction,
    namespace: &Namespace,
) -> Result<Option<(Release, Configurations)>> {
    let Some(release) = release::latest(tx, &key_of(namespace)).await? else { return Ok(None) };
    let content = configurations::parse(&release)?;
    Ok(Some((release, content)))
}

/// A change of the main line that its branch has to follow.
#[derive(Debug)]
pub(super) struct Carry<'a> {
    /// The main line.
    pub(super) main: &'a Namespace,
    /// The branch.
    pub(super) branch: &'a Namespace,
    /// Previous release of the main line; 0 if there was none.
    pub(super) old: Id,
    /// New content of the main line.
    pub(super) new: &'a Configurations,
    /// New release of the main line.
    pub(super) base: Id,
}

impl Carry<'_> {
    /// Publishes the branch again, unless its content would not change. A branch whose own release
    /// cannot be read is left as it is: a publish of the branch replaces it, and the main line must
    /// not depend on that.
    pub(super) async fn publish(
        &self,
        tx: &Transaction,
        operation: ReleaseOperation,
        publication: &Publication,
        trail: &mut Trail,
    ) -> Result<()> {
        let published = self.publish_readable(tx, operation, publication, trail).await;
        let Err(error) = published else { return published };
        if !error.is_unreadable() {
            return Err(error);
        }
        let key = key_of(self.branch);
        tracing::warn!(app_id = key.app_id, branch = key.cluster, namespace = key.namespace, %error,
            "a release of a branch cannot be read, so the branch does not follow its main line; publish the branch again");
        Ok(())
    }

    async fn publish_readable(
        &self,
        tx: &Transaction,
        operation: ReleaseOperation,
        publication: &Publication,
        trail: &mut Trail,
    ) -> Result<()> {
        let (previous, present) = readable_latest(tx, self.branch).await?.unzip();
        let present = present.unwrap_or_default();
        let keys = match &previous {
            Some(release) => history::branch_keys(tx, release.id).await?,
            None => None,
        };
        let old = match &keys {
            Some(_) => None,
            // The history of an older version does not name the branch's keys: they are those that
            // differ from the main line.
            None => self.old_content(tx).await?,
        };
        let own = configurations::own_entries(&present, keys.as_deref(), old.as_ref());
        let content = configurations::overlay(self.new, own);
        if content == present {
            return Ok(());
        }
        let gray = BranchRelease {
            parent: self.main,
            branch: self.branch,
            previous_id: previous.map_or(Id(0), |release| release.id),
            base: self.base,
            keys,
        };
        gray.write(tx, &content, operation, publication, trail).await?;
        Ok(())
    }

    async fn old_content(&self, tx: &Transaction) -> Result<Option<Configurations>> {
        let old = castalia_store::release::by_id(tx, self.old).await?;
        old.as_ref().map(configurations::parse).transpose()
    }
}

/// A release of a branch, with the values for its history.
struct BranchRelease<'a> {
    parent: &'a Namespace,
    branch: &'a Namespace,
    previous_id: Id,
    base: Id,
    keys: Option<Vec<String>>,
}

impl BranchRelease<'_> {
    /// Writes release, rule and history; nothing if the rule is unknown.
    async fn write(
        self,
        tx: &Transaction,
        content: &Configurations,
        operation: ReleaseOperation,
        publication: &Publication,
        trail: &mut Trail,
    ) -> Result<Release> {
        let (key, branch, operator) =
            (key_of(self.parent), &self.branch.cluster_name, &publication.operator);
        let rules = gray_rule::present(tx, &key, branch).await?;
        let draft = NewRelease { namespace: self.branch, content, publication, is_locked: true };
        let release = draft.insert(tx, trail).await?;
        let rules = gray_rule::follow(tx, &key, branch, rules, release.id, operator).await?;
        let context = Context {
            base_release_id: Some(self.base.0),
            is_emergency_publish: Some(publication.is_emergency),
            branch_release_keys: self.keys,
            rules,
            ..Context::default()
        };
        let entry = HistoryEntry {
            key: &key,
            branch,
            release_id: release.id,
            previous_release_id: self.previous_id,
            operation,
            context,
        };
        history::record(tx, entry, operator, trail).await?;
        Ok(release)
    }
}
