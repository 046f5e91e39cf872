//! Publishes: the items of a namespace become a release, with its history and its message in one
//! transaction. `gray_release.rs` publishes branches, `rollback.rs` rolls releases back.

mod list;

pub use self::list::{ReleaseRows, ReleaseValues, without_values};
pub use castalia_store::release::{PublishedRelease, Release};

use castalia_store::release::ReleaseRow;
use castalia_store::{Authorship, Connection, Id, Store, Transaction};

use super::audit::Trail;
use super::branch::{self, Family};
use super::configurations::{self, Configurations};
use super::constraint::{self, check_width, fitting};
use super::gray_release::{self, Carry};
use super::history::{self, Context, HistoryEntry, ReleaseOperation};
use super::namespace::{Namespace, NamespaceKey, key_of};
use super::removal::Removal;
use super::revision::{Base, Transition};
use super::{content, item_set, key, lock};
use crate::error::{Code, Error, Result};

/// Widths of the columns, in characters.
pub const TITLE: usize = 64;
/// The same of the comment.
pub const COMMENT: usize = 256;

/// A request to publish.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Title.
    pub title: String,
    /// Description of the release.
    pub comment: Option<String>,
    /// User who publishes.
    pub operator: String,
    /// Whether to bypass the rule that editor and publisher must differ.
    pub is_emergency: bool,
    /// Revision of the items that the publisher saw.
    pub base: Base,
}

/// Publishes a namespace; that of a branch as a gray release.
///
/// # Errors
/// Fails if there is no such namespace, or if its last editor publishes outside an emergency.
pub async fn publish(
    store: &Store,
    key: &NamespaceKey,
    publication: Publication,
) -> Result<PublishedRelease> {
    let input = (key.clone(), publication);
    store.write(input, |tx, (key, publication)| Box::pin(publish_in(tx, key, publication))).await
}

async fn publish_in(
    tx: &Transaction,
    key: &NamespaceKey,
    publication: &Publication,
) -> Result<PublishedRelease> {
    let (family, content) = Family::to_publish(tx, key).await?;
    let namespace = &family.own.namespace;
    publication.base.check(tx, namespace).await?;
    let is_locked = lock::check_publisher(family.own.lock_owner.as_deref(), publication)?;
    let mut trail = Trail::of(Some(&publication.operator));
    let content = content::checked(tx, namespace, content).await?;
    if let Some(parent) = &family.parent {
        let release =
            gray_release::publish(tx, parent, namespace, content, &[], publication, &mut trail)
                .await?;
        // The message names the parent, because clients do not watch the key of a branch.
        let release = finish(tx, &key_of(parent), trail, release).await?;
        return Ok(PublishedRelease { release, appended: None });
    }
    let previous_id = family.own.latest_release.unwrap_or_default();
    let main = NewRelease { namespace, content: &content, publication, is_locked };
    let context =
        Context { is_emergency_publish: Some(publication.is_emergency), ..Context::default() };
    let Some(branch) = &family.branch else {
        return main.publish_alone(tx, previous_id, context).await;
    };
    let release = main.insert(tx, &mut trail).await?;
    main.record(tx, &release, previous_id, ReleaseOperation::Publish, context, &mut trail).await?;
    let carry =
        Carry { main: namespace, branch, old: previous_id, new: &content, base: release.id };
    carry.publish(tx, ReleaseOperation::PublishCarried, publication, &mut trail).await?;
    let release = finish(tx, &key_of(namespace), trail, release).await?;
    Ok(PublishedRelease { release, appended: None })
}

/// Publishes a branch without some keys of the merged configuration.
///
/// # Errors
/// Fails if there is no such namespace, if it is not that of a branch, or if its last editor
/// publishes outside an emergency.
pub async fn publish_without(
    store: &Store,
    key: &NamespaceKey,
    publication: Publication,
    deleted_keys: Vec<String>,
) -> Result<Release> {
    let input = (key.clone(), publication, deleted_keys);
    store
        .write(input, |tx, (key, publication, keys)| {
            Box::pin(publish_without_in(tx, key, publication, keys))
        })
        .await
}

async fn publish_without_in(
    tx: &Transaction,
    key: &NamespaceKey,
    publication: &Publication,
    deleted_keys: &[String],
) -> Result<Release> {
    let (family, content) = Family::to_publish(tx, key).await?;
    let branch = &family.own.namespace;
    publication.base.check(tx, branch).await?;
    lock::check_publisher(family.own.lock_owner.as_deref(), publication)?;
    let Some(parent) = &family.parent else {
        return Err(Error::not_found("Parent namespace not found").with_code(Code::BranchNotFound));
    };
    let mut trail = Trail::of(Some(&publication.operator));
    let content = content::checked(tx, branch, content).await?;
    let release =
        gray_release::publish(tx, parent, branch, content, deleted_keys, publication, &mut trail)
            .await?;
    finish(tx, &key_of(parent), trail, release).await
}

/// A merge to the main line.
#[derive(Debug, Clone)]
pub struct Merge {
    /// Edits that bring the branch's values to the main line.
    pub changes: item_set::ChangeSet,
    /// Branch; an unknown one is tolerated.
    pub branch: String,
    /// The revision of the branch that the edits were made of, if the caller states it.
    pub branch_base: Base,
    /// Whether the branch is deleted.
    pub deletes_branch: bool,
}

impl Merge {
    /// Rejects a merge that would delete later edits of the branch with it.
    async fn check_branch(&self, tx: &Transaction, main: &NamespaceKey) -> Result<()> {
        let branch = NamespaceKey { cluster: self.branch.clone(), ..main.clone() };
        self.branch_base.check_named(tx, &branch).await
    }
}

/// Applies a change set to the main line and publishes it in one step.
///
/// # Errors
/// Fails if there is no such namespace, if its last editor publishes outside an emergency, if the
/// change set is refused, or if the branch has another revision than the stated one.
pub async fn merge(
    store: &Store,
    rules: super::item_rules::ItemRules,
    key: &NamespaceKey,
    publication: Publication,
    merge: Merge,
) -> Result<(Transition, Release)> {
    let input = (key.clone(), publication, merge, rules);
    store
        .write(input, |tx, (key, publication, merge, rules)| {
            Box::pin(async move {
                let namespace = super::namespace::find_locked(tx, key).await?;
                let before = publication.base.before(tx, &namespace).await?;
                merge.check_branch(tx, key).await?;
                let lock = castalia_store::namespace::lock(tx, namespace.id).await?;
                let owner = lock.as_ref().map(|lock| lock.data_change_created_by.as_str());
                let is_locked = lock::check_publisher(owner, publication)?;
                let mut trail = Trail::of(Some(&publication.operator));
                item_set::apply_in(tx, rules, &namespace, &merge.changes, &mut trail).await?;
                let release =
                    merge_in(tx, &namespace, is_locked, publication, merge, trail).await?;
                Ok((publication.base.transition(tx, &namespace, before).await?, release))
            })
        })
        .await
}

async fn merge_in(
    tx: &Transaction,
    namespace: &Namespace,
    is_locked: bool,
    publication: &Publication,
    merge: &Merge,
    mut trail: Trail,
) -> Result<Release> {
    let key = key_of(namespace);
    let branch_key = NamespaceKey { cluster: merge.branch.clone(), ..key.clone() };
    let base = latest_id(tx, &branch_key).await?;
    let previous_id = latest_id(tx, &key).await?;
    let content = content::of(tx, namespace).await?;
    let main = NewRelease { namespace, content: &content, publication, is_locked };
    let release = main.insert(tx, &mut trail).await?;
    let context = Context {
        source_branch: Some(merge.branch.clone()),
        base_release_id: Some(base.0),
        is_emergency_publish: Some(publication.is_emergency),
        ..Context::default()
    };
    main.record(tx, &release, previous_id, ReleaseOperation::Merge, context, &mut trail).await?;
    if merge.deletes_branch {
        let status = branch::BranchStatus::Merged;
        let mut removal = Removal::with(trail, &publication.operator);
        branch::delete_in(tx, &key, &merge.branch, status, &mut removal).await?;
        removal.watch_keys.push(key.watch_key());
        removal.finish(tx).await?;
        return Ok(release);
    }
    finish(tx, &key, trail, release).await
}

/// Last steps of every publish: the audit rows, and the message that wakes clients.
async fn finish(
    tx: &Transaction,
    key: &NamespaceKey,
    trail: Trail,
    release: Release,
) -> Result<Release> {
    trail.write(tx).await?;
    castalia_store::message::insert(tx, &key.watch_key()).await?;
    Ok(release)
}

/// A release to be inserted.
#[derive(Debug)]
pub(super) struct NewRelease<'a> {
    /// The namespace to release.
    pub(super) namespace: &'a Namespace,
    /// Content of the release.
    pub(super) content: &'a Configurations,
    /// Title, description and author.
    pub(super) publication: &'a Publication,
    /// Whether an edit lock has to be released.
    pub(super) is_locked: bool,
}

impl NewRelease<'_> {
    /// Inserts the row and releases the edit lock.
    pub(super) async fn insert(&self, tx: &Transaction, trail: &mut Trail) -> Result<Release> {
        let author = Authorship::of(&self.publication.operator);
        let release = castalia_store::release::insert(tx, self.row()?, author).await?;
        self.unlock(tx).await?;
        trail.inserted("Release", release.id);
        Ok(release)
    }

    /// Writes all rows for the publish of a namespace without a branch.
    async fn publish_alone(
        &self,
        tx: &Transaction,
        previous_id: Id,
        context: Context,
    ) -> Result<PublishedRelease> {
        let (key, operator) = (key_of(self.namespace), &self.publication.operator);
        let release = self.row()?;
        let entry =
            self.entry(&key, Id::default(), previous_id, ReleaseOperation::Publish, context);
        let history = history::row(&entry, operator)?;
        self.unlock(tx).await?;
        let message = &key.watch_key();
        let publish = castalia_store::release::Publish { release, history, operator, message };
        Ok(castalia_store::release::publish(tx, publish).await?)
    }

    fn row(&self) -> Result<ReleaseRow> {
        let Namespace { app_id, cluster_name, namespace_name, .. } = self.namespace;
        let operator = &self.publication.operator;
        check_width(operator, "DataChange_CreatedBy", constraint::OPERATOR)?;
        if let Some(comment) = &self.publication.comment {
            check_width(comment, "Comment", COMMENT)?;
        }
        Ok(ReleaseRow {
            release_key: key::generate(app_id, cluster_name, namespace_name),
            name: fitting(Some(&self.publication.title), "Name", TITLE)?,
            comment: self.publication.comment.clone(),
            app_id: app_id.clone(),
            cluster_name: cluster_name.clone(),
            namespace_name: namespace_name.clone(),
            configurations: configurations::format(self.content)?,
            is_abandoned: false,
        })
    }

    async fn unlock(&self, tx: &Transaction) -> Result<()> {
        if self.is_locked {
            castalia_store::namespace::delete_lock(tx, self.namespace.id).await?;
        }
        Ok(())
    }

    /// Writes the history of a release of the main line.
    async fn record(
        &self,
        tx: &Transaction,
        release: &Release,
        previous_id: Id,
        operation: ReleaseOperation,
        context: Context,
        trail: &mut Trail,
    ) -> Result<()> {
        let key = key_of(self.namespace);
        let entry = self.entry(&key, release.id, previous_id, operation, context);
        history::record(tx, entry, &self.publication.operator, trail).await
    }

    fn entry<'k>(
        &'k self,
        key: &'k NamespaceKey,
        release_id: Id,
        previous_release_id: Id,
        operation: ReleaseOperation,
        context: Context,
    ) -> HistoryEntry<'k> {
        let branch = &self.namespace.cluster_name;
        HistoryEntry { key, branch, release_id, previous_release_id, operation, context }
    }
}

/// The release that clients of a namespace receive.
pub(super) async fn latest(db: &impl Connection, key: &NamespaceKey) -> Result<Option<Release>> {
    Ok(castalia_store::release::latest_active(db, &key.app_id, &key.cluster, &key.namespace)
        .await?)
}

/// Id of the release that clients of a namespace receive; 0 if there is none.
pub(super) async fn latest_id(db: &impl Connection, key: &NamespaceKey) -> Result<Id> {
    Ok(castalia_store::release::latest_active_id(db, &key.app_id, &key.cluster, &key.namespace)
        .await?)
}

/// The release with this row id.
///
/// # Errors
/// Fails if there is no such release.
pub async fn find(store: &Store, id: i64) -> Result<Release> {
    castalia_store::release::by_id(store.read(), id).await?.ok_or_else(|| not_found(id))
}

/// The error for an unknown release.
pub(super) fn not_found(id: impl std::fmt::Display) -> Error {
    Error::not_found(format!("release not found for releaseId:{id}"))
        .with_code(Code::ReleaseNotFound)
}

/// The release that clients of a namespace receive.
pub async fn find_latest(store: &Store, key: &NamespaceKey) -> Result<Option<Release>> {
    latest(store.read(), key).await
}
