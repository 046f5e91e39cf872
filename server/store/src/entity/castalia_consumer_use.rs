//! Table `CastaliaConsumerUse` (Castalia's own): when a consumer last used its token. Columns only,
//! no queries.

use sea_orm::entity::prelude::*;

use crate::number::Id;
use crate::time::StoredTime;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaConsumerUse", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub consumer_id: Id,
    pub last_used_time: StoredTime<Entity>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
