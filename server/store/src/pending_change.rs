//! Queries: changes of apps and definitions that environments have not received. An environment has at
//! most one for each object: the last change counts. The table may be missing, because the account may
//! not create it; nothing is sent again then.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::Store;
use crate::condition::chunks;
use crate::entity::castalia_pending_change::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::number::{Id, Small};
use crate::row::{self, now};

pub use crate::entity::castalia_pending_change::Model as PendingChange;

/// What the environment has to do. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Create the object, or change it to what the portal has.
    Write = 0,
    Delete = 1,
}

/// A change of one object.
#[derive(Clone, Debug)]
pub struct NewPendingChange {
    pub app_id: String,
    /// The definition; empty for the app itself.
    pub namespace: String,
    pub operation: Operation,
    pub operator: String,
}

impl PendingChange {
    /// Whether the environment has to delete the object.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.operation == Operation::Delete.code()
    }
}

impl Operation {
    fn code(self) -> Small {
        Small(self as i16)
    }
}

/// Inserts the change for each of these environments, in place of earlier changes of the same object.
/// Returns the ids in the same order.
pub async fn insert(
    db: &impl ConnectionTrait,
    new: &NewPendingChange,
    envs: &[String],
) -> Result<Vec<Id>, StoreError> {
    let mut ids = Vec::with_capacity(envs.len());
    for env in envs {
        let earlier = Condition::all()
            .add(Column::Env.eq(env))
            .add(Column::AppId.eq(&new.app_id))
            .add(Column::NamespaceName.eq(&new.namespace));
        Entity::delete_many().filter(earlier).exec(db).await?;
        let change = ActiveModel {
            id: ActiveValue::NotSet,
            env: Set(env.clone()),
            app_id: Set(new.app_id.clone()),
            namespace_name: Set(new.namespace.clone()),
            operation: Set(new.operation.code()),
            operator: Set(new.operator.clone()),
            created_time: Set(now().into()),
        };
        ids.push(row::insert(db, change).await?.id);
    }
    Ok(ids)
}

/// Changes that were made until this time, the earliest first: an app before its definitions.
pub async fn until(
    store: &Store,
    time: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<PendingChange>, StoreError> {
    let old = Entity::find().filter(Column::CreatedTime.lte(time));
    match old.order_by_asc(Column::Id).limit(limit).all(store.read()).await {
        Ok(found) => Ok(found),
        Err(error) => match StoreError::from(error) {
            error if error.is_unusable_table() => Ok(Vec::new()),
            error => Err(error),
        },
    }
}

/// Removes changes that their environments received; those that were replaced are gone already.
pub async fn remove(db: &impl ConnectionTrait, ids: &[Id]) -> Result<(), StoreError> {
    for chunk in chunks(ids) {
        Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
    }
    Ok(())
}
