//! Rows whose texts may have megabytes: their lengths are read before they are, so that what is
//! read at a time is bounded. Knows no table.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, ModelTrait,
    QueryFilter, QuerySelect, QueryTrait, Select, Value,
};

use crate::condition::chunks;
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row::decode::Table;
use crate::row::primary_key;

/// Maximum length of the texts of one list together, in bytes, unless one row alone has more.
/// Escaped in an answer they are at most twice as long.
pub const LIST: u64 = 32 << 20;

/// A row, and the length of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    pub id: Id,
    /// In bytes.
    pub bytes: u64,
}

/// The lengths of a text of these rows, in their order.
pub(crate) async fn measured<E: EntityTrait>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    text: E::Column,
) -> Result<Vec<Measured>, StoreError> {
    let length = as_id(db.get_database_backend(), octets(text));
    let select = select.select_only().column(primary_key::<E>());
    read(db, select.expr_as(length, "Length")).await
}

/// The lengths of a text of the rows with the same id in a column together, by that id.
pub(crate) async fn sums<E: EntityTrait>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    group: E::Column,
    text: E::Column,
) -> Result<Vec<Measured>, StoreError> {
    let sum = as_id(db.get_database_backend(), Func::sum(octets(text)));
    let select = select.select_only().column(group).group_by(group);
    read(db, select.expr_as(sum, "Length")).await
}

async fn read<E: EntityTrait>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<Measured>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        let length: Option<Id> = row.try_get_by(1)?;
        let bytes = length.map_or(0, |length| length.0.unsigned_abs());
        rows.push(Measured { id: row.try_get_by(0)?, bytes });
    }
    Ok(rows)
}

/// The length of a text of these rows together, in bytes.
pub(crate) async fn sum<E: EntityTrait>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    text: E::Column,
) -> Result<u64, StoreError> {
    let backend = db.get_database_backend();
    let sum = as_id(backend, Func::sum(octets(text)));
    let found = select.select_only().expr_as(sum, "Length").build(backend);
    let row = db.query_one_raw(found).await?;
    let sum = row.map(|row| row.try_get_by::<Option<Id>, _>(0)).transpose()?;
    Ok(sum.flatten().map_or(0, |sum| sum.0.unsigned_abs()))
}

fn octets(text: impl ColumnTrait) -> Expr {
    Func::cust("OCTET_LENGTH").arg(text.into_expr()).into()
}

/// The type of a length differs between engines, and that of a sum from that of its terms.
fn as_id(backend: DbBackend, number: impl Into<Expr>) -> Expr {
    let name = if backend == DbBackend::MySql { "SIGNED" } else { "BIGINT" };
    Func::cast_as(number, name).into()
}

/// These rows in their order, each with what the selection has of it, without those that cannot be
/// decoded.
pub(crate) async fn in_order<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    rows: &[Measured],
) -> Result<Vec<E::Model>, StoreError> {
    let key = primary_key::<E>();
    let mut found = HashMap::with_capacity(rows.len());
    for chunk in chunks(&ids(rows)) {
        for model in readable::models(db, select.clone().filter(key.is_in(chunk))).await? {
            if let Value::BigInt(Some(id)) = model.get(key) {
                found.insert(Id(id), model);
            }
        }
    }
    Ok(rows.iter().filter_map(|row| found.remove(&row.id)).collect())
}

/// The rows without a text, in whose place they have a literal of SQL.
pub(crate) fn without<E: EntityTrait>(
    select: Select<E>,
    text: E::Column,
    literal: &'static str,
) -> Select<E> {
    let others = E::Column::iter().filter(|column| column.as_str() != text.as_str());
    select.select_only().columns(others).expr_as(Expr::cust(literal), text.as_str())
}

/// The ids of these rows.
pub fn ids(rows: &[Measured]) -> Vec<Id> {
    rows.iter().map(|row| row.id).collect()
}

/// The length of all texts together, in bytes.
pub fn total(rows: &[Measured]) -> u64 {
    rows.iter().map(|row| row.bytes).sum()
}

/// Requires that the texts fit in one list.
pub fn check(rows: &[Measured]) -> Result<(), StoreError> {
    if rows.len() > 1 && total(rows) > LIST {
        return Err(StoreError::TooLong);
    }
    Ok(())
}

/// The first rows whose texts have at most so many bytes together, and at least one row.
pub fn first(rows: &[Measured], most: u64) -> &[Measured] {
    let mut bytes = 0_u64;
    let fit = rows.iter().take_while(|row| {
        bytes = bytes.saturating_add(row.bytes);
        bytes <= most
    });
    let count = fit.count().max(1).min(rows.len());
    &rows[..count]
}

/// The rows in groups, each as long as [`first`] allows.
pub fn batches(mut rows: &[Measured], most: u64) -> impl Iterator<Item = &[Measured]> {
    std::iter::from_fn(move || {
        let batch = first(rows, most);
        rows = &rows[batch.len()..];
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lengths: &[u64]) -> Vec<Measured> {
        (1..).zip(lengths).map(|(id, bytes)| Measured { id: Id(id), bytes: *bytes }).collect()
    }

    #[test]
    fn rows_are_divided_by_the_length_of_their_texts() {
        let rows = rows(&[4, 4, 4, 20, 1, 9]);
        let lengths: Vec<_> = batches(&rows, 10).map(total).collect();
        assert_eq!(lengths, [8, 4, 20, 10]);
        assert_eq!(first(&rows, 12).len(), 3);
        assert_eq!(batches(&[], 10).count(), 0);
    }

    /// X54.
    #[test]
    fn texts_that_are_too_long_together_are_refused_but_a_single_one() {
        assert!(check(&rows(&[LIST / 2, LIST / 2])).is_ok());
        assert!(matches!(check(&rows(&[LIST, 1])), Err(StoreError::TooLong)));
        assert!(check(&rows(&[2 * LIST])).is_ok());
    }
}
