//! SQLite only: several statements in one. Each statement is a message to the thread of the
//! connection, and waking that thread, and being woken by it, costs more than most statements do.
//! Knows no table.

use sea_orm::{DbBackend, Statement};

/// The statements one after the other, with their parameters in the same order. Returns the rows of
/// all of them.
pub(crate) fn combined(statements: impl IntoIterator<Item = Statement>) -> Statement {
    let (mut texts, mut values) = (Vec::new(), Vec::new());
    for Statement { sql, values: own, .. } in statements {
        texts.push(sql);
        values.extend(own.into_iter().flatten());
    }
    Statement::from_sql_and_values(DbBackend::Sqlite, texts.join(";"), values)
}
