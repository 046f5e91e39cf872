//! Queries: changes of apps and definitions that environments have not received, in the order in
//! which they were made. All times are those of the shared clock: a node that is ahead would take a
//! change for due that another one is still making. The table may be missing, because the account
//! may not create it; nothing is sent again then.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IdenStatic, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Set,
};

use crate::Store;
use crate::clock::{self, shared_time};
use crate::condition::chunks;
use crate::entity::castalia_pending_change::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};
use crate::row::{self, decode};

pub use crate::entity::castalia_pending_change::Model as PendingChange;

/// Operations as they are stored.
const WRITE: Small = Small(0);
const DELETE: Small = Small(1);

/// What the environment has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingOperation {
    /// Create the object, or change it to what the portal has.
    Write,
    /// Delete the object that has this row in the portal, unless it has not been deleted there.
    Delete(Id),
}

/// A change of one object.
#[derive(Clone, Debug)]
pub struct NewPendingChange {
    pub app_id: String,
    /// The definition; empty for the app itself.
    pub namespace: String,
    pub operation: PendingOperation,
    pub operator: String,
}

/// Changes that an environment has not received.
#[derive(Clone, Debug, Default)]
pub struct PendingChanges {
    /// The earliest first.
    pub readable: Vec<PendingChange>,
    /// What is to be done is not known.
    pub unreadable: Vec<UnreadableChange>,
    /// When they were read.
    time: DateTime<Utc>,
}

/// A change that cannot be decoded, and what is known of its object.
#[derive(Clone, Debug)]
pub struct UnreadableChange {
    pub id: Id,
    pub app_id: Option<String>,
    pub namespace: Option<String>,
}

impl PendingChanges {
    /// Whether a change was due when it was read. Only [`claim`] decides whether it is sent.
    #[must_use]
    pub fn is_due(&self, change: &PendingChange) -> bool {
        *change.due_time <= self.time
    }

    /// Whether an earlier change of the same object, or of its app, cannot be decoded. One whose
    /// app is unknown too holds nothing back, because it would hold back everything.
    #[must_use]
    pub fn is_held_back(&self, change: &PendingChange) -> bool {
        self.unreadable.iter().any(|earlier| {
            let is_of_app = earlier.app_id.as_ref() == Some(&change.app_id);
            let is_of_object = || match earlier.namespace.as_deref() {
                None | Some("") => true,
                Some(namespace) => namespace == change.namespace_name,
            };
            earlier.id < change.id && is_of_app && is_of_object()
        })
    }
}

impl PendingChange {
    /// What the environment has to do.
    #[must_use]
    pub fn operation(&self) -> PendingOperation {
        match self.operation {
            WRITE => PendingOperation::Write,
            _ => PendingOperation::Delete(self.object_id),
        }
    }
}

/// Stores the change for each of these environments, to be sent again after this time. Returns the
/// ids in the same order.
pub async fn insert(
    db: &impl ConnectionTrait,
    new: &NewPendingChange,
    envs: &[String],
    pause: Duration,
) -> Result<Vec<Id>, StoreError> {
    let due = shared_time(db).await? + pause;
    let (operation, object_id) = match new.operation {
        PendingOperation::Write => (WRITE, Id(0)),
        PendingOperation::Delete(id) => (DELETE, id),
    };
    let mut ids = Vec::with_capacity(envs.len());
    for env in envs {
        let change = ActiveModel {
            id: ActiveValue::NotSet,
            env: Set(env.clone()),
            app_id: Set(new.app_id.clone()),
            namespace_name: Set(new.namespace.clone()),
            operation: Set(operation),
            object_id: Set(object_id),
            operator: Set(new.operator.clone()),
            due_time: Set(due.into()),
            problem: Set(String::new()),
        };
        ids.push(row::insert(db, change).await?.id);
    }
    Ok(ids)
}

/// The environments that have not received other changes of the object, or of its app, than these.
/// Asked after the transaction of [`insert`]: of two nodes that store a change at the same time,
/// at least the later one finds that of the other.
pub async fn with_others(
    db: &impl ConnectionTrait,
    new: &NewPendingChange,
    own: &[Id],
) -> Result<HashSet<String>, StoreError> {
    let object = Condition::any()
        .add(Column::NamespaceName.eq(""))
        .add(Column::NamespaceName.eq(&new.namespace));
    let of_object = Entity::find().filter(Column::AppId.eq(&new.app_id)).filter(object);
    let of_object = of_object.select_only().columns([Column::Id, Column::Env]);
    let found: Vec<(Id, String)> = readable::read(db, of_object).await?.readable;
    let others = found.into_iter().filter(|(id, _)| !own.contains(id));
    Ok(others.map(|(_, env)| env).collect())
}

/// The changes that an environment has not received, the earliest first.
pub async fn of_environment(
    store: &Store,
    env: &str,
    limit: u64,
) -> Result<PendingChanges, StoreError> {
    let (db, mut found) = (store.read(), PendingChanges::default());
    let backend = db.get_database_backend();
    let mut changes = Entity::find().filter(Column::Env.eq(env));
    changes = changes.order_by_asc(Column::Id).limit(limit);
    if let Some((time, name)) = clock::column(backend) {
        changes = changes.expr_as(time, name);
    }
    let rows = match db.query_all_raw(changes.build(backend)).await {
        Ok(rows) => rows,
        Err(error) => match StoreError::from(error) {
            error if error.is_unusable_table() => return Ok(found),
            error => return Err(error),
        },
    };
    found.time = rows.first().map(clock::of).unwrap_or_default();
    for row in &rows {
        match decode::model::<Entity>(row) {
            Err(StoreError::Unreadable { .. }) => found.unreadable.push(UnreadableChange {
                id: row.try_get_by(Column::Id.as_str())?,
                app_id: row.try_get_by(Column::AppId.as_str()).ok(),
                namespace: row.try_get_by(Column::NamespaceName.as_str()).ok(),
            }),
            change => found.readable.push(change?),
        }
    }
    Ok(found)
}

/// The definitions, each behind its app, whose deletion the environment has not received: those of
/// `objects`, and maybe others with their names. The name is empty for the app itself. Returned as
/// they were stored: the database decides whether two spellings are one.
pub async fn missed_deletions(
    db: &impl ConnectionTrait,
    env: &str,
    objects: &[(&str, &str)],
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let mut missed = BTreeSet::new();
    for chunk in chunks(objects) {
        let (app_ids, namespaces): (Vec<_>, Vec<_>) = chunk.into_iter().unzip();
        let deletions = Entity::find()
            .filter(Column::Env.eq(env))
            .filter(Column::AppId.is_in(app_ids))
            .filter(Column::NamespaceName.is_in(namespaces))
            .filter(Column::Operation.eq(DELETE));
        let names = [Column::AppId, Column::NamespaceName];
        // Once each: a definition may have been deleted many times.
        let names = deletions.select_only().columns(names).distinct();
        match names.into_tuple::<(String, String)>().all(db).await.map_err(StoreError::from) {
            Err(error) if error.is_unusable_table() => return Ok(missed),
            found => missed.extend(found?),
        }
    }
    Ok(missed)
}

/// Reserves a change for `lease` if it is due; returns whether it is, and no other node has.
pub async fn claim(db: &impl ConnectionTrait, id: Id, lease: Duration) -> Result<bool, StoreError> {
    let now = shared_time(db).await?;
    let claimed = Entity::update_many()
        .col_expr(Column::DueTime, Expr::value(now + lease))
        .filter(Column::Id.eq(id))
        .filter(Column::DueTime.lte(now))
        .exec(db)
        .await?;
    Ok(claimed.rows_affected > 0)
}

/// Sets after which time a change is sent again, and why the environment did not receive it.
pub async fn postpone(
    db: &impl ConnectionTrait,
    id: Id,
    pause: Duration,
    problem: &str,
) -> Result<(), StoreError> {
    let due = shared_time(db).await? + pause;
    Entity::update_many()
        .col_expr(Column::DueTime, Expr::value(due))
        .col_expr(Column::Problem, Expr::value(problem))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Sets after which time changes are sent again.
pub async fn extend(
    db: &impl ConnectionTrait,
    ids: &[Id],
    pause: Duration,
) -> Result<(), StoreError> {
    let due = shared_time(db).await? + pause;
    for chunk in chunks(ids) {
        let later = Entity::update_many().col_expr(Column::DueTime, Expr::value(due));
        later.filter(Column::Id.is_in(chunk)).exec(db).await?;
    }
    Ok(())
}

/// Removes changes that their environments received, or that were not made.
pub async fn remove(db: &impl ConnectionTrait, ids: &[Id]) -> Result<(), StoreError> {
    for chunk in chunks(ids) {
        Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
    }
    Ok(())
}
