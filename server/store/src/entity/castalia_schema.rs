//! Table `CastaliaSchema` (Castalia's own): the migrations that ran, and whether Apollo's tables
//! existed before. Columns only, no queries.

use sea_orm::entity::prelude::*;

use crate::time::StoredTime;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaSchema", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    pub name: String,
    pub applied_at: StoredTime<Entity>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
