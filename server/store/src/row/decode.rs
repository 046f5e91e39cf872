//! Decodes whole rows. Damage must stay in its row: a column that only describes the row (its
//! author, a comment) is read as empty if it cannot be decoded. Any other undecodable column makes
//! the row unreadable. What decides something then fails with [`StoreError::Unreadable`], lists
//! omit the row (`feed/readable.rs`), and what removes or replaces the row reads it with
//! [`repaired`] or [`healed`], since nothing depends on the lost value. Knows which columns only
//! describe their row, and no other rule of a table.

use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::sea_query::{ColumnType, Expr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    IdenStatic, Iterable, PrimaryKeyToColumn, QueryFilter, QueryResult, QuerySelect, QueryTrait,
    Select, TryGetable, TryGetableMany, TryIntoModel, Value,
};

use crate::error::StoreError;
use crate::feed::readable::{report, report_column};
use crate::number::{Id, Small};
use crate::row::primary_key;
use crate::time::StoredTime;

/// A table whose rows can be decoded column by column.
pub(crate) trait Table:
    EntityTrait<ActiveModel: TryIntoModel<<Self as EntityTrait>::Model>>
{
}

impl<E> Table for E where E: EntityTrait<ActiveModel: TryIntoModel<<E as EntityTrait>::Model>> {}

/// A row, and what replaces its undecodable columns.
struct Decoded<E: EntityTrait> {
    model: E::Model,
    damaged: Vec<DamagedColumn<E>>,
}

/// A column that cannot be decoded.
struct DamagedColumn<E: EntityTrait> {
    column: E::Column,
    replacement: Value,
    error: DbErr,
}

/// The first row.
pub(crate) async fn one<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Option<E::Model>, StoreError> {
    first(db, select).await?.as_ref().map(model::<E>).transpose()
}

/// All rows.
pub(crate) async fn all<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<E::Model>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    found.iter().map(model::<E>).collect()
}

/// Rows of a selection of these columns, the first of which is the id.
pub(crate) async fn tuples<E: EntityTrait, T: TryGetableMany, const N: usize>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    columns: [E::Column; N],
) -> Result<Vec<T>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    found.iter().map(|row| tuple::<E, T, N>(row, columns)).collect()
}

/// The same for a row that was read.
pub(crate) fn tuple<E: EntityTrait, T: TryGetableMany, const N: usize>(
    row: &QueryResult,
    columns: [E::Column; N],
) -> Result<T, StoreError> {
    T::try_get_many_by_index(row).map_err(|error| {
        let is_damaged = |column: &E::Column| value_of::<E>(row, *column).is_err();
        let column = columns.into_iter().find(is_damaged).unwrap_or(columns[0]);
        unreadable_row::<E>(row, column, &error.into())
    })
}

/// Ids of the rows that cannot be decoded.
pub(crate) async fn unreadable<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<Id>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    let mut ids = Vec::new();
    for row in &found {
        match model::<E>(row) {
            Err(StoreError::Unreadable { id, .. }) => ids.extend(id),
            other => drop(other?),
        }
    }
    Ok(ids)
}

/// The first row, whatever can be decoded of it; other columns are empty. For what removes the row,
/// or what does not use these columns.
pub(crate) async fn repaired<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Option<E::Model>, StoreError> {
    first(db, select).await?.as_ref().map(repaired_row::<E>).transpose()
}

/// The same for all rows.
pub(crate) async fn all_repaired<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<E::Model>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    found.iter().map(repaired_row::<E>).collect()
}

/// The same for a row that was read.
pub(crate) fn repaired_row<E: Table>(row: &QueryResult) -> Result<E::Model, StoreError> {
    let Decoded { model, damaged } = decode::<E>(row)?;
    report_columns(row, &damaged);
    Ok(model)
}

/// All rows, of which those with the ids in `replaced` are healed.
pub(crate) async fn all_to_edit<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    replaced: &[Id],
) -> Result<Vec<E::Model>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        let Decoded { model, damaged } = decode::<E>(row)?;
        if !damaged.is_empty() && replaced.contains(&row.try_get_by("Id")?) {
            heal::<E>(db, row, damaged).await?;
        }
        rows.push(model);
    }
    Ok(rows)
}

/// The first row, after its undecodable columns were emptied in the database, so that a caller who
/// then writes only the differences replaces them.
pub(crate) async fn healed<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Option<E::Model>, StoreError> {
    let Some(row) = first(db, select).await? else { return Ok(None) };
    let Decoded { model, damaged } = decode::<E>(&row)?;
    if !damaged.is_empty() {
        heal::<E>(db, &row, damaged).await?;
    }
    Ok(Some(model))
}

async fn heal<E: EntityTrait>(
    db: &impl ConnectionTrait,
    row: &QueryResult,
    damaged: Vec<DamagedColumn<E>>,
) -> Result<(), StoreError> {
    report_columns(row, &damaged);
    let key = primary_key::<E>();
    let mut update = E::update_many().filter(key.eq(value_of::<E>(row, key)?));
    for DamagedColumn { column, replacement, .. } in damaged {
        update = update.col_expr(column, Expr::value(replacement));
    }
    update.exec(db).await?;
    Ok(())
}

/// One row of a result. Only columns that describe it may be undecodable.
pub(crate) fn model<E: Table>(row: &QueryResult) -> Result<E::Model, StoreError> {
    let Decoded { model, damaged } = decode::<E>(row)?;
    let is_descriptive =
        |damage: &DamagedColumn<E>| is_descriptive(table_of::<E>(), damage.column.as_str());
    if let Some(DamagedColumn { column, error, .. }) =
        damaged.iter().find(|damage| !is_descriptive(damage))
    {
        return Err(unreadable_row::<E>(row, *column, error));
    }
    report_columns(row, &damaged);
    Ok(model)
}

async fn first<E: EntityTrait>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Option<QueryResult>, StoreError> {
    let select = select.limit(1);
    Ok(db.query_one_raw(select.build(db.get_database_backend())).await?)
}

fn decode<E: Table>(row: &QueryResult) -> Result<Decoded<E>, StoreError> {
    if let Ok(model) = E::Model::from_query_result(row, "") {
        return Ok(Decoded { model, damaged: Vec::new() });
    }
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    let mut damaged = Vec::new();
    for column in E::Column::iter() {
        let value = match value_of::<E>(row, column) {
            Ok(value) => value,
            Err(error) => {
                let replacement = empty::<E>(column);
                damaged.push(DamagedColumn { column, replacement: replacement.clone(), error });
                replacement
            }
        };
        model.try_set(column, value)?;
    }
    Ok(Decoded { model: model.try_into_model()?, damaged })
}

fn report_columns<E: EntityTrait>(row: &QueryResult, damaged: &[DamagedColumn<E>]) {
    for DamagedColumn { column, error, .. } in damaged {
        let id = id_of::<E>(row);
        report_column(table_of::<E>(), id, column.as_str(), error);
    }
}

fn unreadable_row<E: EntityTrait>(
    row: &QueryResult,
    column: E::Column,
    error: &DbErr,
) -> StoreError {
    let id = id_of::<E>(row);
    report(table_of::<E>(), id, error);
    StoreError::Unreadable { table: table_of::<E>(), id, column: column.as_str().to_owned() }
}

/// The number by which the row can be found: its id, or that of the object in its primary key.
fn id_of<E: EntityTrait>(row: &QueryResult) -> Option<Id> {
    let keys = E::PrimaryKey::iter().map(|key| key.into_column());
    let mut ids = keys.filter(|key| matches!(key.def().get_column_type(), ColumnType::BigInteger));
    ids.find_map(|key| row.try_get_by::<Id, _>(key.as_str()).ok())
}

/// The value of a column in the type of its entity.
fn value_of<E: EntityTrait>(row: &QueryResult, column: E::Column) -> Result<Value, DbErr> {
    let def = column.def();
    let (name, is_nullable) = (column.as_str(), def.is_null());
    match def.get_column_type() {
        ColumnType::BigInteger => get::<Id>(row, name, is_nullable),
        ColumnType::SmallInteger => get::<Small>(row, name, is_nullable),
        ColumnType::Integer => get::<i32>(row, name, is_nullable),
        ColumnType::Boolean => get::<bool>(row, name, is_nullable),
        ColumnType::DateTime => get::<StoredTime<E, NaiveDateTime>>(row, name, is_nullable),
        ColumnType::TimestampWithTimeZone => {
            get::<StoredTime<E, DateTime<Utc>>>(row, name, is_nullable)
        }
        _ => get::<String>(row, name, is_nullable),
    }
}

fn get<T: TryGetable + Into<Value> + sea_orm::sea_query::Nullable>(
    row: &QueryResult,
    column: &str,
    is_nullable: bool,
) -> Result<Value, DbErr> {
    if is_nullable {
        return Ok(row.try_get_by::<Option<T>, _>(column)?.into());
    }
    Ok(row.try_get_by::<T, _>(column)?.into())
}

/// What is read in place of an undecodable value: NULL where the column may hold it.
fn empty<E: EntityTrait>(column: E::Column) -> Value {
    let def = column.def();
    let is_nullable = def.is_null();
    match def.get_column_type() {
        ColumnType::BigInteger => Value::BigInt((!is_nullable).then_some(0)),
        ColumnType::SmallInteger => Value::SmallInt((!is_nullable).then_some(0)),
        ColumnType::Integer => Value::Int((!is_nullable).then_some(0)),
        ColumnType::Boolean => Value::Bool((!is_nullable).then_some(false)),
        ColumnType::DateTime => DateTime::UNIX_EPOCH.naive_utc().into(),
        ColumnType::TimestampWithTimeZone => DateTime::<Utc>::UNIX_EPOCH.into(),
        _ => Value::String((!is_nullable).then(String::new)),
    }
}

fn table_of<E: EntityTrait>() -> &'static str {
    E::default().table_name()
}

/// Whether a column only describes its row, for people. No decision depends on it, except that the
/// author of an edit lock is its owner.
fn is_descriptive(table: &str, column: &str) -> bool {
    match column {
        // Castalia's own tables; the note of a request and the reason of a decision are for people.
        "CreatedBy" | "LastModifiedBy" | "ChangedBy" | "DecidedBy" | "Operator" | "Note"
        | "Reason" | "Problem" => table.starts_with("Castalia"),
        "DataChange_CreatedBy" => table != "NamespaceLock",
        "DataChange_LastModifiedBy"
        | "DeletedAt"
        | "Comment"
        | "Format"
        | "LineNum"
        | "OrgId"
        | "OrgName"
        | "OwnerName"
        | "OwnerEmail"
        | "Email"
        | "UserDisplayName"
        | "LastUsedIp"
        | "LastUsedUserAgent"
        | "RevokedBy" => true,
        "Name" => matches!(table, "App" | "Release" | "Consumer" | "UserToken"),
        "Type" => table == "Item",
        _ => false,
    }
}
