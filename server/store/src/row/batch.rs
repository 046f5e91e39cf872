//! Inserts many rows in few statements. Knows no table by name.

use std::iter;

use sea_orm::sea_query::Condition;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PrimaryKeyTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, TryIntoModel, Value,
};

use super::{Standard, primary_key, set_columns};
use crate::error::StoreError;
use crate::number::Id;

/// Maximum number of rows in one statement; with some tens of columns each, far below the number of
/// parameters that engines accept.
const ROWS: usize = 250;
/// Maximum length of the texts in one statement, in bytes, unless it has one row: far below the
/// size of a packet that servers accept.
const BYTES: usize = 1 << 20;

/// Inserts rows in which every column but the id is set, and returns them with their ids, in this
/// order. Times are those of the caller, as with [`super::insert`]. On an engine that does not
/// return ids, the rows are found again: `within` matches all of them, and they differ by the texts
/// in `names`; equal ones are interchangeable.
pub(crate) async fn insert_all<A>(
    db: &impl ConnectionTrait,
    rows: Vec<A>,
    within: &Condition,
    names: &[<A::Entity as EntityTrait>::Column],
) -> Result<Vec<<A::Entity as EntityTrait>::Model>, StoreError>
where
    A: ActiveModelTrait + TryIntoModel<<A::Entity as EntityTrait>::Model> + Send,
    A::Entity: Standard<ActiveModel = A>,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    <A::Entity as EntityTrait>::PrimaryKey: PrimaryKeyTrait<ValueType = Id>,
{
    let mut inserted = Vec::with_capacity(rows.len());
    for piece in pieces(&rows, bytes) {
        for (row, id) in piece.iter().zip(insert(db, piece, within, names).await?) {
            let mut row = row.clone();
            row.set(primary_key::<A::Entity>(), id.into());
            inserted.push(row.try_into_model()?);
        }
    }
    Ok(inserted)
}

/// Inserts the rows in one statement, and returns their ids in the same order: all engines generate
/// ascending ids.
async fn insert<A>(
    db: &impl ConnectionTrait,
    rows: &[A],
    within: &Condition,
    names: &[<A::Entity as EntityTrait>::Column],
) -> Result<Vec<Id>, StoreError>
where
    A: ActiveModelTrait + Send,
    A::Entity: Standard<ActiveModel = A>,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    <A::Entity as EntityTrait>::PrimaryKey: PrimaryKeyTrait<ValueType = Id>,
{
    let insertion = A::Entity::insert_many(rows.iter().cloned());
    if db.support_returning() {
        let mut ids = insertion.exec_with_returning_keys(db).await?;
        ids.sort_unstable();
        return Ok(ids);
    }
    // The first id; the next ones may leave gaps, as `auto_increment_increment` says.
    let first = insertion.exec(db).await?.last_insert_id.unwrap_or_default();
    let key = primary_key::<A::Entity>();
    let present = A::Entity::live().filter(within.clone()).filter(key.gte(first));
    let present = present.order_by_asc(key).select_only().column(key);
    let present = present.columns(names.iter().copied());
    let mut own = rows.iter().peekable();
    let mut ids = Vec::with_capacity(rows.len());
    for found in db.query_all_raw(present.build(db.get_database_backend())).await? {
        let is_same = |row: &&A| {
            names.iter().enumerate().all(|(index, name)| {
                let stored = found.try_get_by::<String, _>(index + 1).ok().map(Value::from);
                row.get(*name).into_value() == stored
            })
        };
        // Apollo's nodes do not wait for our locks, so that rows of theirs may be among them.
        if own.next_if(is_same).is_some() {
            ids.push(found.try_get_by(0)?);
        }
    }
    match own.next() {
        None => Ok(ids),
        Some(_) => Err(StoreError::other("inserted rows were not found")),
    }
}

/// Splits rows into those of one statement each.
pub(crate) fn pieces<T>(rows: &[T], size: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    iter::from_fn(move || {
        let mut total = 0;
        let fits = |row: &&T| {
            total += size(row);
            total <= BYTES
        };
        let count = rest.iter().take(ROWS).take_while(fits).count().max(1);
        let (piece, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(piece)
    })
}

/// Length of the texts of a row.
pub(crate) fn bytes<A: ActiveModelTrait>(row: &A) -> usize {
    let texts = set_columns(row).map(|(_, value)| match value {
        Value::String(Some(text)) => text.len(),
        _ => 0,
    });
    texts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_limit_of_rows_and_of_bytes() {
        let lengths =
            |sizes: &[usize]| pieces(sizes, |size| *size).map(<[usize]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&[1; 2 * ROWS + 3]), [ROWS, ROWS, 3]);
        assert_eq!(lengths(&[BYTES, 1, BYTES - 1, 1, 2 * BYTES, 5]), [1, 2, 1, 1, 1]);
    }
}
