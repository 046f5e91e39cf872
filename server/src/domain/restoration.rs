//! What was deleted of an app, and its restoration. Deleted rows are only hidden, so that they can be
//! shown again: what one deletion hid has one time. Whether it may be shown again now is decided in
//! the file below.

mod show;

use std::collections::BTreeSet;

use castalia_store::restoration::{Hidden, When, hidden_of_app};
use castalia_store::{Store, Transaction, now};
use chrono::TimeDelta;

use super::constraint::{self, check_width};
use super::namespace::NamespaceLimit;
use super::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::ServerConfig;

/// Days after which deletions are no longer listed.
pub const DAYS: i64 = 30;

/// The kind of what was deleted as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An app with everything in it.
    App,
    /// A definition with its namespaces in all clusters.
    AppNamespace,
    /// A cluster with its namespaces.
    Cluster,
    /// A namespace in one cluster.
    Namespace,
}

impl Kind {
    const ALL: [Self; 4] = [Self::App, Self::AppNamespace, Self::Cluster, Self::Namespace];

    /// The name in requests and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::AppNamespace => "appNamespace",
            Self::Cluster => "cluster",
            Self::Namespace => "namespace",
        }
    }

    /// The kind with this name.
    ///
    /// # Errors
    /// Fails if there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::bad_request(format!("the kind of what was deleted is one of {names}"))
        })
    }
}

/// Something that was deleted as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// What it is.
    pub kind: Kind,
    /// App that it belongs to, or that it is.
    pub app_id: String,
    /// Cluster; empty for an app and a definition.
    pub cluster: String,
    /// Namespace; empty for an app and a cluster.
    pub namespace: String,
    /// Time of the deletion, in milliseconds since 1970.
    pub at: i64,
    /// Who deleted it.
    pub operator: Option<String>,
}

/// The start of the time whose deletions are listed, in milliseconds since 1970.
#[must_use]
pub fn since() -> i64 {
    (now() - TimeDelta::days(DAYS)).timestamp_millis()
}

/// What was deleted of an app, the latest first. What was deleted as a part of something else is not
/// listed.
pub async fn list(store: &Store, app_id: &str) -> Result<Vec<Deleted>> {
    let hidden = hidden_of_app(store.read(), app_id, When::Since(since())).await?;
    let mut deleted = wholes(hidden);
    deleted.sort_by_key(|one| std::cmp::Reverse(one.at));
    Ok(deleted)
}

fn wholes(hidden: Hidden) -> Vec<Deleted> {
    let branches: BTreeSet<String> = hidden
        .clusters
        .iter()
        .filter(|cluster| cluster.parent_cluster_id.0 != 0)
        .map(|cluster| cluster.name.clone())
        .collect();
    let one = |kind, app_id, [cluster, namespace]: [String; 2], at, operator| Deleted {
        kind,
        app_id,
        cluster,
        namespace,
        at,
        operator,
    };
    let apps = hidden.apps.into_iter().map(|row| {
        let names = [String::new(), String::new()];
        one(Kind::App, row.app_id, names, row.deleted_at, row.data_change_last_modified_by)
    });
    let definitions = hidden.definitions.into_iter().map(|row| {
        let names = [String::new(), row.name];
        one(Kind::AppNamespace, row.app_id, names, row.deleted_at, row.data_change_last_modified_by)
    });
    let clusters = hidden.clusters.into_iter().map(|row| {
        let names = [row.name, String::new()];
        one(Kind::Cluster, row.app_id, names, row.deleted_at, row.data_change_last_modified_by)
    });
    let namespaces = hidden.namespaces.into_iter().map(|row| {
        let names = [row.cluster_name, row.namespace_name];
        one(Kind::Namespace, row.app_id, names, row.deleted_at, row.data_change_last_modified_by)
    });
    let all: Vec<_> = apps.chain(definitions).chain(clusters).chain(namespaces).collect();
    let is_part = |part: &Deleted| all.iter().any(|whole| whole.contains(part));
    let is_branch = |one: &&Deleted| branches.contains(&one.cluster);
    all.iter().filter(|one| !is_branch(one) && !is_part(one)).cloned().collect()
}

impl Deleted {
    /// Whether the other was deleted as a part of this.
    fn contains(&self, part: &Self) -> bool {
        self.at == part.at
            && self.kind < part.kind
            && match self.kind {
                Kind::App => true,
                Kind::AppNamespace => self.namespace == part.namespace,
                Kind::Cluster => self.cluster == part.cluster,
                Kind::Namespace => false,
            }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.app_id, &self.cluster, &self.namespace, self.at)
            == (other.kind, &other.app_id, &other.cluster, &other.namespace, other.at)
    }
}

/// Restores what a list contains: everything that the deletion hid, with its releases, which clients
/// receive at once.
///
/// # Errors
/// Fails if it was not deleted or is restored already, if its name is in use again, if what it
/// belongs to is deleted, and if another program deleted it.
pub async fn restore(
    store: &Store,
    config: &ServerConfig,
    deleted: Deleted,
    operator: &str,
) -> Result<()> {
    check_width(operator, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
    let limit = NamespaceLimit::of(config, &deleted.app_id);
    let input = (deleted, limit, operator.to_owned());
    unique::write(store, input, |tx, (deleted, limit, operator)| {
        Box::pin(restore_in(tx, deleted, *limit, operator))
    })
    .await
}

/// The error for what is not there to be restored.
pub(super) fn not_deleted(kind: Kind) -> Error {
    let message = format!(
        "no {} with this name was deleted at this time; it may have been restored",
        kind.name()
    );
    Error::bad_request(message).with_code(Code::NotDeleted)
}

async fn restore_in(
    tx: &Transaction,
    deleted: &Deleted,
    limit: NamespaceLimit,
    operator: &str,
) -> Result<()> {
    let mut shown = show::Shown::lock(tx, deleted, operator).await?;
    let hidden = hidden_of_app(tx, &deleted.app_id, When::At(deleted.at)).await?;
    if !wholes(hidden.clone()).iter().any(|one| one.is_same(deleted)) {
        return Err(not_deleted(deleted.kind));
    }
    match deleted.kind {
        Kind::App => shown.app(tx, &hidden).await?,
        Kind::AppNamespace => shown.app_namespace(tx, &hidden, limit).await?,
        Kind::Cluster => shown.cluster(tx, &hidden).await?,
        Kind::Namespace => shown.namespace(tx, limit).await?,
    }
    shown.finish(tx).await
}
