//! Conditions on flags. SQLite stores any value in such a column. In every query a number other
//! than 0 is true, as where rows are decoded; a value that is no number is neither true nor false,
//! and its row cannot be decoded. Knows no table.

use sea_orm::sea_query::{BinOper, Expr, ExprTrait};

/// Whether the flag is true. A comparison with `true` would match no number but 1.
pub(crate) fn is_set(flag: Expr) -> Expr {
    flag.binary(BinOper::Is, literal_true())
}

/// Whether the flag is not true. For rows that are decoded afterwards, so that a value that is
/// neither is found.
pub(crate) fn is_unset(flag: Expr) -> Expr {
    flag.binary(BinOper::IsNot, literal_true())
}

/// Whether the flag is false. For rows that are not decoded, such as those of a join: a damaged one
/// must not grant anything.
pub(crate) fn is_surely_unset(flag: Expr) -> Expr {
    flag.eq(false)
}

/// No engine accepts a parameter after `IS`.
fn literal_true() -> Expr {
    Expr::Constant(true.into())
}
