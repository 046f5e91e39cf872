//! Table `CastaliaConsumerGrant` (Castalia's own): a grant of a consumer for which Apollo's tables
//! have no column. Columns only, no queries.

use sea_orm::entity::prelude::*;

use crate::number::Id;
use crate::time::StoredTime;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaConsumerGrant", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub consumer_id: Id,
    pub all_apps: bool,
    pub created_by: String,
    pub created_time: StoredTime<Entity>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
