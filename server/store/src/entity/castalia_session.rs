//! Table `CastaliaSession` (Castalia's own): a signed-in browser; only a hash of the cookie is
//! stored. Columns only, no queries.

use sea_orm::entity::prelude::*;

use crate::secret::Secret;
use crate::time::StoredTime;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaSession", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: String,
    pub user_id: String,
    pub csrf_token: Secret,
    pub created_time: StoredTime<Entity>,
    pub last_seen_time: StoredTime<Entity>,
    pub expiry_time: StoredTime<Entity>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
