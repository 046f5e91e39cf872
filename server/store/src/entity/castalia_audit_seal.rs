//! Table `CastaliaAuditSeal` (Castalia's own, one in each database): digests of ranges of the audit
//! log, each of which includes the one before. Columns only, no queries.

use sea_orm::entity::prelude::*;

use crate::number::Id;
use crate::time::StoredTime;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "CastaliaAuditSeal", rename_all = "PascalCase")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: Id,
    /// Newest sealed row of `AuditLog`.
    pub last_log_id: Id,
    /// Newest sealed row of `AuditLogDataInfluence`.
    pub last_influence_id: Id,
    /// Newest sealed row of `Audit`; only an environment has this column.
    pub last_audit_id: Id,
    /// The digest of each row; empty after the rows were removed.
    pub records: String,
    pub digest: String,
    pub sealed_time: StoredTime<Entity>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
