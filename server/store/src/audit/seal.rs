//! Queries: the seals of an audit log, and the rows that they cover. How digests are computed and
//! compared is not known here.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    Iterable as _, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::Part;
use crate::entity::castalia_audit_seal::{Column, Entity, Model};
use crate::entity::{audit, audit_log, audit_log_data_influence as influence};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::decode::{self, Table};
use crate::row::primary_key;

pub use crate::entity::castalia_audit_seal::Model as AuditSeal;

/// One row of each table of a log, by its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub log: Id,
    pub influence: Id,
    /// 0 in the portal's log, which has no table `Audit`.
    pub audit: Id,
}

impl Position {
    /// The same id in each table.
    pub const fn everywhere(id: Id) -> Self {
        Self { log: id, influence: id, audit: id }
    }
}

/// Rows of a log, in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct LogRows {
    pub logs: Vec<audit_log::Model>,
    pub influences: Vec<influence::Model>,
    pub audits: Vec<audit::Model>,
}

impl LogRows {
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.influences.is_empty() && self.audits.is_empty()
    }

    /// The last rows, or these ones where there are none.
    pub fn last_or(&self, position: Position) -> Position {
        Position {
            log: self.logs.last().map_or(position.log, |row| row.id),
            influence: self.influences.last().map_or(position.influence, |row| row.id),
            audit: self.audits.last().map_or(position.audit, |row| row.id),
        }
    }
}

impl Model {
    /// The newest sealed rows.
    pub fn position(&self) -> Position {
        Position {
            log: self.last_log_id,
            influence: self.last_influence_id,
            audit: self.last_audit_id,
        }
    }
}

fn seals(part: Part) -> Select<Entity> {
    let common = Column::iter().filter(|column| !matches!(column, Column::LastAuditId));
    let seals = Entity::find().select_only().columns(common);
    seals.expr_as(last_audit_id(part), "LastAuditId")
}

/// The portal's table does not have this column.
fn last_audit_id(part: Part) -> Expr {
    match part {
        Part::Config => Column::LastAuditId.into_expr(),
        Part::Portal => Expr::value(0_i64),
    }
}

/// The seal with the highest number.
pub async fn newest(db: &impl ConnectionTrait, part: Part) -> Result<Option<Model>, StoreError> {
    Ok(seals(part).order_by_desc(Column::Number).limit(1).one(db).await?)
}

/// Seals with a higher number, in their order.
pub async fn after(
    db: &impl ConnectionTrait,
    part: Part,
    number: Id,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let seals = seals(part).filter(Column::Number.gt(number)).order_by_asc(Column::Number);
    Ok(seals.limit(limit).all(db).await?)
}

/// Number and position of the oldest seals that were made before a time, in their order.
pub async fn oldest_before(
    db: &impl ConnectionTrait,
    part: Part,
    time: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<(Id, Position)>, StoreError> {
    let seals = Entity::find().filter(Column::SealedTime.lt(time)).order_by_asc(Column::Number);
    let seals = seals.select_only().column(Column::Number);
    let seals = seals.columns([Column::LastLogId, Column::LastInfluenceId]);
    let seals = seals.expr_as(last_audit_id(part), "LastAuditId").limit(limit);
    let found: Vec<(Id, Id, Id, Id)> = seals.into_tuple().all(db).await?;
    let position = |(number, log, influence, audit)| (number, Position { log, influence, audit });
    Ok(found.into_iter().map(position).collect())
}

/// Fails with a duplicate if another node inserted a seal with this number.
pub async fn insert(db: &impl ConnectionTrait, part: Part, seal: Model) -> Result<(), StoreError> {
    let mut row = seal.into_active_model().reset_all();
    if part == Part::Portal {
        row.last_audit_id = ActiveValue::NotSet;
    }
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The highest id of each table.
pub async fn newest_ids(db: &impl ConnectionTrait, part: Part) -> Result<Position, StoreError> {
    Ok(Position {
        log: newest_id::<audit_log::Entity>(db).await?,
        influence: newest_id::<influence::Entity>(db).await?,
        audit: match part {
            Part::Config => newest_id::<audit::Entity>(db).await?,
            Part::Portal => Id(0),
        },
    })
}

/// Rows with ids above the first and up to the second position, at most `limits` of each table.
/// Columns that cannot be decoded are empty: no row may be missing.
pub async fn rows(
    db: &impl ConnectionTrait,
    part: Part,
    (after, up_to): (Position, Position),
    limits: [u64; 3],
) -> Result<LogRows, StoreError> {
    let [logs, influences, audits] = limits;
    Ok(LogRows {
        logs: between::<audit_log::Entity>(db, (after.log, up_to.log), logs).await?,
        influences: between::<influence::Entity>(
            db,
            (after.influence, up_to.influence),
            influences,
        )
        .await?,
        audits: match part {
            Part::Config => {
                between::<audit::Entity>(db, (after.audit, up_to.audit), audits).await?
            }
            Part::Portal => Vec::new(),
        },
    })
}

/// Removes the rows up to a seal, and all seals before it. The seal itself remains without its
/// records, as the start of the chain. Returns false if another node did this before.
pub async fn remove_up_to(
    db: &impl ConnectionTrait,
    part: Part,
    (number, last): (Id, Position),
) -> Result<bool, StoreError> {
    let cleared = Entity::update_many()
        .col_expr(Column::Records, Expr::value(""))
        .filter(Column::Number.eq(number))
        .filter(Column::Records.ne(""))
        .exec(db)
        .await?;
    if cleared.rows_affected == 0 {
        return Ok(false);
    }
    Entity::delete_many().filter(Column::Number.lt(number)).exec(db).await?;
    remove::<audit_log::Entity>(db, last.log).await?;
    remove::<influence::Entity>(db, last.influence).await?;
    if part == Part::Config {
        remove::<audit::Entity>(db, last.audit).await?;
    }
    Ok(true)
}

async fn newest_id<E: EntityTrait>(db: &impl ConnectionTrait) -> Result<Id, StoreError> {
    let newest = E::find().select_only().column_as(primary_key::<E>().max(), "Last");
    let newest: Option<Option<Id>> = newest.into_tuple().one(db).await?;
    Ok(newest.flatten().unwrap_or_default())
}

async fn between<E: Table>(
    db: &impl ConnectionTrait,
    (after, up_to): (Id, Id),
    limit: u64,
) -> Result<Vec<E::Model>, StoreError> {
    let id = primary_key::<E>();
    let rows = E::find().filter(id.gt(after)).filter(id.lte(up_to)).order_by_asc(id);
    decode::all_repaired(db, rows.limit(limit)).await
}

async fn remove<E: EntityTrait>(db: &impl ConnectionTrait, up_to: Id) -> Result<(), StoreError> {
    E::delete_many().filter(primary_key::<E>().lte(up_to)).exec(db).await?;
    Ok(())
}
