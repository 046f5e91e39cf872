//! Conditions that need care on some engine: long lists, search texts, prefixes. Knows no table.

use std::collections::BTreeSet;

use sea_orm::sea_query::extension::postgres::PgExpr;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, Value};

/// Values in one statement; engines reject some tens of thousands.
const CHUNK: usize = 500;

/// Alternatives in one statement that combine several columns: SQLite limits the depth of an
/// expression to 1,000.
pub(super) const CONDITIONS: usize = 250;

/// Splits a long list into pieces for `IN (...)`. Each is padded to a power of two with its last
/// value, so that statement caches contain few different statements.
pub(super) fn chunks<T: Clone>(values: &[T]) -> impl Iterator<Item = Vec<T>> {
    values.chunks(CHUNK).filter_map(|chunk| {
        let last = chunk.last()?.clone();
        let mut chunk = chunk.to_vec();
        chunk.resize(chunk.len().next_power_of_two(), last);
        Some(chunk)
    })
}

/// Whether the column contains the text, ignoring case if the engine supports that. `%` and `_` are
/// wildcards, as in Apollo.
pub(super) fn contains(db: &impl ConnectionTrait, column: impl ColumnTrait, text: &str) -> Expr {
    match db.get_database_backend() {
        DbBackend::Postgres => Expr::col(column.as_column_ref()).ilike(format!("%{text}%")),
        _ => column.contains(text),
    }
}

/// The same without wildcards.
pub(super) fn contains_exactly(
    db: &impl ConnectionTrait,
    column: impl ColumnTrait,
    text: &str,
) -> Expr {
    // No engine needs another escape for this character itself in a literal, as for a backslash.
    const ESCAPE: char = '!';
    let mut pattern = String::from("%");
    for part in text.chars() {
        if [ESCAPE, '%', '_'].contains(&part) {
            pattern.push(ESCAPE);
        }
        pattern.push(part);
    }
    pattern.push('%');
    let column = Expr::col(column.as_column_ref());
    match db.get_database_backend() {
        // `ILIKE` with an escape is not rendered correctly.
        DbBackend::Postgres => Expr::from(Func::lower(column))
            .like(LikeExpr::new(pattern.to_lowercase()).escape(ESCAPE)),
        _ => column.like(LikeExpr::new(pattern).escape(ESCAPE)),
    }
}

/// Whether the column starts with the text. Does not use LIKE: nothing has to be escaped, and
/// SQLite's LIKE would ignore case.
pub(super) fn starts_with(column: impl ColumnTrait, text: &str) -> Expr {
    let length = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
    let start = Func::cust("SUBSTR")
        .arg(Expr::col(column.as_column_ref()))
        .arg(Expr::val(1))
        .arg(Expr::val(length));
    Expr::from(start).eq(Expr::val(Value::from(text)))
}

/// Whether the column has as many bytes as one of the texts: true of all spellings of a name in
/// ASCII, whatever the locale by which the database converts letters.
pub(super) fn is_as_long_as<'t>(
    column: impl ColumnTrait,
    texts: impl IntoIterator<Item = &'t str>,
) -> Expr {
    let lengths = texts.into_iter().filter_map(|text| i64::try_from(text.len()).ok());
    let lengths: BTreeSet<i64> = lengths.collect();
    let length = Func::cust("OCTET_LENGTH").arg(Expr::col(column.as_column_ref()));
    Expr::from(length).is_in(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_padded_to_a_power_of_two() {
        let sizes = |count: usize| {
            let values: Vec<usize> = (0..count).collect();
            chunks(&values).map(|chunk| chunk.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(0), Vec::<usize>::new());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(5), [8]);
        assert_eq!(sizes(1003), [512, 512, 4]);
        assert_eq!(chunks(&[1, 2, 3]).next(), Some(vec![1, 2, 3, 3]));
    }
}
