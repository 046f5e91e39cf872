//! Queries: changes of apps and definitions that environments have not received, in the order in
//! which they were made. All times are those of the shared clock: a node that is ahead would take a
//! change for due that another one is still making. The table may be missing, because the account
//! may not create it; nothing is sent again then.

mod order;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, IdenStatic, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, QueryTrait, Set,
};

use crate::Store;
use crate::clock::{self, shared_time};
use crate::condition::{chunks, is_as_long_as};
use crate::entity::castalia_pending_change::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};
use crate::row::{self, decode};

pub use self::order::{PendingChanges, UnreadableChange};
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

/// An app, or a definition of it, under a name that is equal for all spellings that an environment
/// may consider one: the database of an environment may ignore case where that of the portal does
/// not, as MySQL does, and the portal does not know which one it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    app_id: String,
    /// Empty for the app itself.
    namespace: String,
}

impl ObjectKey {
    /// The key of a definition, or of the app if the name of the definition is empty.
    #[must_use]
    pub fn new(app_id: &str, namespace: &str) -> Self {
        // Names have no other letters than those of ASCII.
        let [app_id, namespace] = [app_id, namespace].map(str::to_ascii_lowercase);
        Self { app_id, namespace }
    }

    /// The key of the app.
    #[must_use]
    pub fn of_app(&self) -> Self {
        Self { app_id: self.app_id.clone(), namespace: String::new() }
    }
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

impl PendingChange {
    /// What the environment has to do.
    #[must_use]
    pub fn operation(&self) -> PendingOperation {
        match self.operation {
            WRITE => PendingOperation::Write,
            _ => PendingOperation::Delete(self.object_id),
        }
    }

    /// What it changes.
    #[must_use]
    pub fn object(&self) -> ObjectKey {
        ObjectKey::new(&self.app_id, &self.namespace_name)
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

/// Those of these environments that have not received other changes of the object, or of its app,
/// than these. Asked after the transaction of [`insert`]: of two nodes that store a change at the
/// same time, at least the later one finds that of the other.
pub async fn with_others(
    db: &impl ConnectionTrait,
    new: &NewPendingChange,
    envs: &[String],
    own: &[Id],
) -> Result<HashSet<String>, StoreError> {
    let object = ObjectKey::new(&new.app_id, &new.namespace);
    let of_envs = Entity::find()
        .filter(Column::Env.is_in(envs.iter().map(String::as_str)))
        .filter(is_as_long_as(Column::AppId, [new.app_id.as_str()]));
    let columns = [Column::Id, Column::Env, Column::AppId, Column::NamespaceName];
    let of_envs = of_envs.select_only().columns(columns);
    let found: Vec<(Id, String, String, String)> = readable::read(db, of_envs).await?.readable;
    let others = found.into_iter().filter(|(id, _, app_id, namespace)| {
        let other = ObjectKey::new(app_id, namespace);
        !own.contains(id) && (other == object || other == object.of_app())
    });
    Ok(others.map(|(_, env, ..)| env).collect())
}

/// The changes that an environment has not received, the earliest first: as many as `page`, and
/// more while none of these may be sent. Otherwise that many changes that the environment refuses
/// would keep all later ones from it.
pub async fn of_environment(
    store: &Store,
    env: &str,
    page: u64,
) -> Result<PendingChanges, StoreError> {
    let (mut found, mut last) = (PendingChanges::default(), Id(0));
    loop {
        let rows = match rows_after(store.read(), env, last, page).await {
            Err(error) if error.is_unusable_table() => return Ok(found),
            rows => rows?,
        };
        add(&mut found, &rows)?;
        let is_full = rows.len() as u64 == page;
        let Some(end) = rows.last().filter(|_| is_full && !found.has_due()) else {
            return Ok(found);
        };
        last = end.try_get_by(Column::Id.as_str())?;
    }
}

/// Changes behind a row, each with the shared time.
async fn rows_after(
    db: &impl ConnectionTrait,
    env: &str,
    last: Id,
    limit: u64,
) -> Result<Vec<QueryResult>, StoreError> {
    let backend = db.get_database_backend();
    let changes = Entity::find().filter(Column::Env.eq(env)).filter(Column::Id.gt(last));
    let mut changes = changes.order_by_asc(Column::Id).limit(limit);
    if let Some((time, name)) = clock::column(backend) {
        changes = changes.expr_as(time, name);
    }
    Ok(db.query_all_raw(changes.build(backend)).await?)
}

fn add(found: &mut PendingChanges, rows: &[QueryResult]) -> Result<(), StoreError> {
    found.time = rows.first().map_or(found.time, clock::of);
    for row in rows {
        match decode::model::<Entity>(row) {
            Err(StoreError::Unreadable { .. }) => found.unreadable.push(UnreadableChange {
                id: row.try_get_by(Column::Id.as_str())?,
                app_id: row.try_get_by(Column::AppId.as_str()).ok(),
                namespace: row.try_get_by(Column::NamespaceName.as_str()).ok(),
            }),
            change => found.readable.push(change?),
        }
    }
    Ok(())
}

/// The objects whose deletion the environment has not received, each with a spelling of the app and
/// of the definition that were deleted. At least those of the apps of these objects: only
/// [`ObjectKey`] compares names, since a database converts letters by its locale, in which an `I`
/// may be another letter.
pub async fn missed_deletions(
    db: &impl ConnectionTrait,
    env: &str,
    objects: &[(&str, &str)],
) -> Result<HashMap<ObjectKey, (String, String)>, StoreError> {
    let app_ids = objects.iter().map(|(app_id, _)| *app_id);
    let deletions = Entity::find()
        .filter(Column::Env.eq(env))
        .filter(Column::Operation.eq(DELETE))
        .filter(is_as_long_as(Column::AppId, app_ids));
    let columns = [Column::Id, Column::AppId, Column::NamespaceName];
    let found = match readable::read(db, deletions.select_only().columns(columns)).await {
        Err(error) if error.is_unusable_table() => return Ok(HashMap::new()),
        found => found?.readable,
    };
    let named = |(_, app_id, namespace): (Id, String, String)| {
        (ObjectKey::new(&app_id, &namespace), (app_id, namespace))
    };
    Ok(found.into_iter().map(named).collect())
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

/// Removes the deletions of definitions of an app that the portal has deleted: an environment makes
/// them with that of the app, and later ones would concern the definitions of a new app.
pub async fn remove_deletions_of_definitions(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<(), StoreError> {
    let deletions = Entity::delete_many()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::Operation.eq(DELETE))
        .filter(Column::NamespaceName.ne(""));
    deletions.exec(db).await?;
    Ok(())
}

/// Removes changes that their environments received, or that were not made.
pub async fn remove(db: &impl ConnectionTrait, ids: &[Id]) -> Result<(), StoreError> {
    for chunk in chunks(ids) {
        Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
    }
    Ok(())
}
