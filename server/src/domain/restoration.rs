//! What was deleted of an app, and its restoration. Deleted rows are only hidden, so that they can
//! be shown again: what one deletion hid has one time. Whether it may be shown again now is decided
//! in the files below.

mod order;
mod show;
mod unused;

use std::collections::BTreeSet;

use castalia_store::app::App;
use castalia_store::restoration::{DeletedRows, When, hidden_apps_named, hidden_of_app};
use castalia_store::{Id, Store, Transaction, now};
use chrono::TimeDelta;

use super::constraint::{self, check_width};
use super::namespace::NamespaceLimit;
use super::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::ServerConfig;

/// Days after which deletions are no longer listed.
pub const DAYS: i64 = 30;

/// Times of creation are whole seconds on some engines, in milliseconds.
pub(super) const ROUNDING: i64 = 1_000;

/// The kind of what was deleted as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletedKind {
    /// An app with everything in it.
    App,
    /// A definition with its namespaces in all clusters.
    AppNamespace,
    /// A cluster with its namespaces.
    Cluster,
    /// A namespace in one cluster.
    Namespace,
}

impl DeletedKind {
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
    pub kind: DeletedKind,
    /// App that it belongs to, or that it is.
    pub app_id: String,
    /// Cluster; empty for an app and a definition.
    pub cluster: String,
    /// Namespace; empty for an app and a cluster.
    pub namespace: String,
    /// Time of the creation, in milliseconds since 1970.
    pub created: i64,
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

/// What was deleted of an app, the latest first. What was deleted as a part of something else is
/// not listed, nor an app in whose place another one is used.
pub async fn list(store: &Store, app_id: &str) -> Result<Vec<Deleted>> {
    let hidden = hidden_of_app(store.read(), app_id, When::Since(since())).await?;
    let mut deleted = listed(hidden);
    if deleted.iter().any(|one| one.kind == DeletedKind::App)
        && castalia_store::app::by_app_id(store.read(), app_id).await?.is_some()
        && !unused::is_app(store.read(), app_id).await?
    {
        deleted.retain(|one| one.kind != DeletedKind::App);
    }
    deleted.sort_by_key(|one| std::cmp::Reverse(one.at));
    Ok(deleted)
}

/// What was deleted as a whole of an app that exists or is the last of its name, and that app.
fn listed(hidden: DeletedRows) -> Vec<Deleted> {
    let apps = hidden.apps.clone();
    let mut deleted = wholes(hidden);
    deleted.retain(|one| one.kind == DeletedKind::App || !is_of_deleted(&apps, one.at, 0));
    deleted
}

/// Whether an object that was deleted at this time, by a clock that is ahead by up to `skew`
/// milliseconds, belonged to one of these apps, which are deleted: to an earlier app of the same
/// name than the present one, whose people must not see it.
pub(super) fn is_of_deleted(apps: &[App], at: i64, skew: i64) -> bool {
    let lived = |app: &App| app.data_change_created_time.timestamp_millis()..=app.deleted_at + skew;
    apps.iter().any(|app| lived(app).contains(&at))
}

fn wholes(hidden: DeletedRows) -> Vec<Deleted> {
    let branches: BTreeSet<String> = hidden
        .clusters
        .iter()
        .filter(|cluster| cluster.parent_cluster_id.0 != 0)
        .map(|cluster| cluster.name.clone())
        .collect();
    macro_rules! deleted {
        ($kind:ident, $row:ident, $cluster:expr, $namespace:expr) => {
            Deleted {
                kind: DeletedKind::$kind,
                cluster: $cluster,
                namespace: $namespace,
                app_id: $row.app_id,
                created: $row.data_change_created_time.timestamp_millis(),
                at: $row.deleted_at,
                operator: $row.data_change_last_modified_by,
            }
        };
    }
    let none = String::new;
    let apps = hidden.apps.into_iter().map(|row| deleted!(App, row, none(), none()));
    let definitions = hidden.definitions.into_iter();
    let definitions = definitions.map(|row| deleted!(AppNamespace, row, none(), row.name));
    let clusters = hidden.clusters.into_iter();
    let clusters = clusters.map(|row| deleted!(Cluster, row, row.name, none()));
    let namespaces = hidden.namespaces.into_iter();
    let namespaces =
        namespaces.map(|row| deleted!(Namespace, row, row.cluster_name, row.namespace_name));
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
                DeletedKind::App => true,
                // The database decided which spellings of a name the deletion hid.
                DeletedKind::AppNamespace => self.namespace.eq_ignore_ascii_case(&part.namespace),
                DeletedKind::Cluster => self.cluster == part.cluster,
                DeletedKind::Namespace => false,
            }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.app_id, &self.cluster, &self.namespace, self.at)
            == (other.kind, &other.app_id, &other.cluster, &other.namespace, other.at)
    }
}

/// Restores what a list contains: everything that the deletion hid, with its releases, which
/// clients receive at once.
///
/// An app with an enabled access key is restored without its namespaces, which [`restore_content`]
/// restores when all nodes have read the key: they would serve the releases to anybody.
///
/// # Errors
/// Fails if it was not deleted or is restored already, if its name belongs to something that has
/// been used since, if what it belongs to is deleted, and if another program deleted it.
pub async fn restore(
    store: &Store,
    config: &ServerConfig,
    deleted: Deleted,
    operator: &str,
) -> Result<Restored> {
    check_width(operator, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
    let limit = NamespaceLimit::of(config, &deleted.app_id);
    let input = (deleted, limit, operator.to_owned());
    unique::write(store, input, |tx, (deleted, limit, operator)| {
        Box::pin(restore_in(tx, deleted, *limit, operator))
    })
    .await
}

/// How much was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// Everything.
    Whole,
    /// The app with this row, without its namespaces.
    WithoutContent(Id),
}

/// Restores the namespaces of the app with this row, which was restored without them.
///
/// # Errors
/// Fails if the app was deleted again, and if one of their names is in use again; each cluster can
/// be restored on its own then.
pub async fn restore_content(
    store: &Store,
    deleted: Deleted,
    app: Id,
    operator: &str,
) -> Result<()> {
    unique::write(store, (deleted, app, operator.to_owned()), |tx, (deleted, app, operator)| {
        Box::pin(async move {
            // Another app of the name may belong to somebody else.
            let present = castalia_store::app::lock(tx, &deleted.app_id).await?;
            if present.is_none_or(|row| row.id != *app) {
                return Err(not_deleted(DeletedKind::App));
            }
            let mut shown = show::Shown::by(deleted, operator);
            shown.content(tx).await?;
            shown.finish(tx).await
        })
    })
    .await
}

/// The error for what is not there to be restored.
pub(super) fn not_deleted(kind: DeletedKind) -> Error {
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
) -> Result<Restored> {
    let mut shown = show::Shown::lock(tx, deleted, operator).await?;
    let hidden = hidden_of_app(tx, &deleted.app_id, When::At(deleted.at)).await?;
    if !wholes(hidden.clone()).iter().any(|one| one.is_same(deleted)) {
        return Err(not_deleted(deleted.kind));
    }
    let apps = hidden_apps_named(tx, &deleted.app_id, When::Since(deleted.at)).await?;
    if deleted.kind != DeletedKind::App && is_of_deleted(&apps, deleted.at, 0) {
        return Err(not_deleted(deleted.kind));
    }
    let restored = match deleted.kind {
        DeletedKind::App => shown.app(tx, &hidden).await?,
        DeletedKind::AppNamespace => shown.app_namespace(tx, &hidden, limit).await?,
        DeletedKind::Cluster => shown.cluster(tx, &hidden).await?,
        DeletedKind::Namespace => shown.namespace(tx, limit).await?,
    };
    shown.finish(tx).await?;
    Ok(restored)
}
