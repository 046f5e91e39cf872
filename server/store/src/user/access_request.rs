//! Queries: requests of users for roles on apps. Apps are referred to by the ids of their rows, so
//! a request is never granted on a later app of the same name. The table may be missing, because
//! the account may not create it; there are no requests then.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait as _, QueryFilter,
    QueryOrder, QuerySelect, Select, Set,
};

use crate::Store;
use crate::audit::trail;
use crate::condition::chunks;
use crate::entity::castalia_access_request::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};
use crate::row::{self, decode, now};

pub use crate::entity::castalia_access_request::Model as AccessRequest;

/// Table name in the audit log.
const TABLE: &str = "CastaliaAccessRequest";

/// How far a request is. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessRequestState {
    Open = 0,
    Granted = 1,
    Declined = 2,
}

impl AccessRequestState {
    pub fn code(self) -> Small {
        Small(self as i16)
    }
}

/// The role that a user asks for. Parts that do not limit it are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedRole {
    pub env: String,
    pub cluster: String,
    pub namespace: String,
    pub role_type: String,
}

impl RequestedRole {
    fn is_of(&self, row: &AccessRequest) -> bool {
        let Self { env, cluster, namespace, role_type } = self;
        *env == row.env
            && *cluster == row.cluster_name
            && *namespace == row.namespace_name
            && *role_type == row.role_type
    }
}

pub async fn find(db: &impl ConnectionTrait, id: Id) -> Result<Option<AccessRequest>, StoreError> {
    decode::one(db, Entity::find_by_id(id)).await
}

/// The user's open request for this role.
pub async fn find_open(
    db: &impl ConnectionTrait,
    app_row: Id,
    user_id: &str,
    wanted: &RequestedRole,
) -> Result<Option<AccessRequest>, StoreError> {
    let own = open().filter(Column::AppRow.eq(app_row)).filter(Column::UserId.eq(user_id));
    let found = readable::models(db, own.order_by_asc(Column::Id)).await?;
    Ok(found.into_iter().find(|row| row.user_id == user_id && wanted.is_of(row)))
}

/// Numbers of open requests: of the user, and for the app.
pub async fn count_open(
    db: &impl ConnectionTrait,
    user_id: &str,
    app_row: Id,
) -> Result<(usize, usize), StoreError> {
    let ids = |of: Expr| open().filter(of).select_only().column(Column::Id).into_tuple::<Id>();
    let of_user = ids(Column::UserId.eq(user_id)).all(db).await?;
    let of_app = ids(Column::AppRow.eq(app_row)).all(db).await?;
    Ok((of_user.len(), of_app.len()))
}

pub async fn insert(
    db: &impl ConnectionTrait,
    app_row: Id,
    user_id: &str,
    wanted: &RequestedRole,
    note: &str,
) -> Result<AccessRequest, StoreError> {
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        app_row: Set(app_row),
        env: Set(wanted.env.clone()),
        cluster_name: Set(wanted.cluster.clone()),
        namespace_name: Set(wanted.namespace.clone()),
        role_type: Set(wanted.role_type.clone()),
        user_id: Set(user_id.to_owned()),
        note: Set(note.to_owned()),
        state: Set(AccessRequestState::Open.code()),
        created_time: Set(now().into()),
        decided_by: Set(String::new()),
        decided_time: Set(None),
        reason: Set(String::new()),
    };
    let created = row::insert(db, row).await?;
    let fields = [("UserId", Some(user_id)), ("RoleType", Some(&created.role_type))];
    trail::wrote(TABLE, created.id, &fields);
    Ok(created)
}

/// Decides a request that is open; returns whether it was. Of concurrent transactions, one decides.
pub async fn decide(
    db: &impl ConnectionTrait,
    id: Id,
    state: AccessRequestState,
    reason: &str,
    operator: &str,
) -> Result<bool, StoreError> {
    let decided = ActiveModel {
        state: Set(state.code()),
        decided_by: Set(operator.to_owned()),
        decided_time: Set(Some(now().into())),
        reason: Set(reason.to_owned()),
        ..ActiveModel::default()
    };
    trail::wrote(TABLE, id, &[("State", Some(&state.code().to_string()))]);
    let open = Entity::update_many().set(decided).filter(is_open()).filter(Column::Id.eq(id));
    Ok(open.exec(db).await?.rows_affected > 0)
}

/// Deletes a request that is open; returns whether it was.
pub async fn delete_open(db: &impl ConnectionTrait, id: Id) -> Result<bool, StoreError> {
    trail::deleted(TABLE, "Id", &id.to_string());
    let row = Entity::delete_many().filter(is_open()).filter(Column::Id.eq(id));
    Ok(row.exec(db).await?.rows_affected > 0)
}

/// Deletes requests that were decided before a time.
pub async fn delete_decided_before(
    db: &impl ConnectionTrait,
    time: DateTime<Utc>,
) -> Result<(), StoreError> {
    let old = Entity::delete_many().filter(Column::State.ne(AccessRequestState::Open.code()));
    old.filter(Column::DecidedTime.lt(time)).exec(db).await?;
    Ok(())
}

/// Requests for an app, of all users or of one: all open ones, then those that were decided last.
pub async fn of_app(
    store: &Store,
    app_row: Id,
    user_id: Option<&str>,
    most_decided: u64,
) -> Result<Vec<AccessRequest>, StoreError> {
    let of_app = |rows: Select<Entity>| match user_id {
        Some(user_id) => rows.filter(Column::UserId.eq(user_id)),
        None => rows,
    };
    let of_app = |rows| of_app(rows).filter(Column::AppRow.eq(app_row));
    let mut found = listed(store, of_app(open()).order_by_asc(Column::Id)).await?;
    let decided = of_app(Entity::find()).filter(Column::State.ne(AccessRequestState::Open.code()));
    let decided = decided.order_by_desc(Column::DecidedTime).order_by_desc(Column::Id);
    found.extend(listed(store, decided.limit(most_decided)).await?);
    found.retain(|row| user_id.is_none_or(|user_id| user_id == row.user_id));
    Ok(found)
}

/// Open requests for these apps, or for all, oldest first.
pub async fn all_open(
    store: &Store,
    app_rows: Option<&[Id]>,
    most: u64,
) -> Result<Vec<AccessRequest>, StoreError> {
    let oldest = || open().order_by_asc(Column::Id).limit(most);
    let Some(app_rows) = app_rows else { return listed(store, oldest()).await };
    let mut found = Vec::new();
    for chunk in chunks(app_rows) {
        found.extend(listed(store, oldest().filter(Column::AppRow.is_in(chunk))).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

/// Forgets the requests for an app.
pub async fn forget_app(store: &Store, app_row: Id) -> Result<(), StoreError> {
    forget(store, Column::AppRow.eq(app_row)).await
}

/// Forgets the requests for a namespace of an app.
pub async fn forget_namespace(
    store: &Store,
    app_row: Id,
    namespace: &str,
) -> Result<(), StoreError> {
    forget(store, Column::AppRow.eq(app_row).and(Column::NamespaceName.eq(namespace))).await
}

/// Forgets the requests for a cluster of an app.
pub async fn forget_cluster(
    store: &Store,
    app_row: Id,
    env: &str,
    cluster: &str,
) -> Result<(), StoreError> {
    let place = Column::Env.eq(env).and(Column::ClusterName.eq(cluster));
    forget(store, Column::AppRow.eq(app_row).and(place)).await
}

/// Forgets the requests of a user.
pub async fn forget_user(store: &Store, user_id: &str) -> Result<(), StoreError> {
    forget(store, Column::UserId.eq(user_id)).await
}

/// In a transaction of its own, after a look: PostgreSQL ends one in which a table is missing.
async fn forget(store: &Store, rows: Expr) -> Result<(), StoreError> {
    if listed(store, Entity::find().filter(rows.clone()).limit(1)).await?.is_empty() {
        return Ok(());
    }
    let delete = store.write(rows, |tx, rows| {
        Box::pin(async move {
            Entity::delete_many().filter(rows.clone()).exec(tx).await?;
            Ok(())
        })
    });
    delete.await
}

async fn listed(store: &Store, rows: Select<Entity>) -> Result<Vec<AccessRequest>, StoreError> {
    match readable::models(store.read(), rows).await {
        Err(error) if error.is_unusable_table() => Ok(Vec::new()),
        found => found,
    }
}

fn is_open() -> Expr {
    Column::State.eq(AccessRequestState::Open.code())
}

fn open() -> Select<Entity> {
    Entity::find().filter(is_open())
}
