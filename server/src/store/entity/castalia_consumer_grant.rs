//! Table `CastaliaConsumerGrant` (ours): a grant of a consumer that Apollo's tables have no column for.
//! Columns only, no queries.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use crate::store::number::Id;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaConsumerGrant", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub consumer_id: Id,
    pub all_apps: bool,
    pub created_by: String,
    pub created_time: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
