//! Table `CastaliaInstallation` (Castalia's own): named values that all nodes of an installation
//! share, such as the secret that authenticates nudges. Columns only, no queries.

use sea_orm::entity::prelude::*;

use crate::secret::Secret;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaInstallation", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub value: Secret,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
