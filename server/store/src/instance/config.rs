//! Queries: what one instance reads.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::ConfigNamespace;
use crate::entity::instance_config::{Column, Entity};
use crate::error::StoreError;
use crate::number::Id;

/// The row of what an instance reads of a namespace, whatever its content.
pub async fn config_id(
    db: &impl ConnectionTrait,
    namespace: ConfigNamespace<'_>,
    instance_id: Id,
) -> Result<Option<Id>, StoreError> {
    let found = Entity::find().select_only().column(Column::Id).filter(namespace.condition());
    let found = found.filter(Column::InstanceId.eq(instance_id));
    Ok(found.into_tuple().one(db).await?)
}
