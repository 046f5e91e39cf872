//! Table `CastaliaNamespaceSchema` (Castalia's own): the JSON Schema of a namespace, by the row id
//! that the namespace has in its environment. Columns only, no queries.

use sea_orm::entity::prelude::*;

use crate::number::Id;
use crate::time::StoredTime;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaNamespaceSchema", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub env: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub namespace_id: Id,
    pub app_id: String,
    pub cluster_name: String,
    pub namespace_name: String,
    pub text: String,
    pub changed_by: String,
    pub changed_time: StoredTime<Entity>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
