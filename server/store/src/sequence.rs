//! PostgreSQL: sequences that are behind the rows of their tables. A promoted logical replica has
//! the rows but not the sequences, and so has a dump of the data alone. New rows would then receive
//! ids below those of older ones, and because the greatest id determines what is served, an
//! acknowledged publish would never be.

use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};

use crate::error::StoreError;
use crate::turns::Turns;

/// Tables in which the row with the greatest id is the current one.
const ORDERED: [&str; 4] = ["Release", "ReleaseHistory", "GrayReleaseRule", "ReleaseMessage"];
/// A row with a greater id is an outlier: setting the sequence behind it would exhaust it.
const STRAY: i64 = i64::MAX / 2;
/// Key of the advisory lock under which sequences are set: two nodes must not overwrite each
/// other's values.
const LOCK: i64 = 0x0063_6173_7461_6c69;

/// Those of them that every publish writes. The others are omitted: a publish must not wait for a
/// lock on a table that it does not write.
const PUBLISHED: [&str; 2] = ["Release", "ReleaseMessage"];

/// An expression for the names of the tables whose sequence is behind. The rows are those of the
/// statement's snapshot and the sequences are read later, so that rows of other transactions never
/// cause a false result.
pub(super) fn behind() -> String {
    let names = PUBLISHED.map(|table| format!("CASE WHEN {} THEN '{table}' END", is_behind(table)));
    format!("concat_ws(',', {})", names.join(", "))
}

fn is_behind(table: &str) -> String {
    let name = table.replace('"', "\"\"");
    format!(r#"(SELECT max("Id") FROM "{name}") > {}"#, last_id(table))
}

/// An expression for the greatest id that the sequence of a table generated.
pub(super) fn last_id(table: &str) -> String {
    format!("pg_sequence_last_value({}::regclass)", sequence(table))
}

fn sequence(table: &str) -> String {
    let name = table.replace('"', "\"\"").replace('\'', "''");
    format!("pg_get_serial_sequence('\"{name}\"', 'Id')")
}

/// Converts the result of [`behind`] to an error.
pub(super) fn check(behind: &str) -> Result<(), StoreError> {
    match behind.split(',').next().filter(|table| !table.is_empty()) {
        Some(table) => Err(StoreError::SequenceBehind { table: table.to_owned() }),
        None => Ok(()),
    }
}

/// Sets the sequence of a table to its greatest id; if the table is an ordered one, those of all
/// such tables. The account needs the UPDATE privilege on the sequences.
pub(super) async fn set_forward(turns: &Turns, table: &str) -> Result<(), StoreError> {
    let _turn = turns.take().await?;
    let tx = turns.run(turns.db().begin()).await?;
    let run = |sql: String| tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql));
    run(format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    let tables = if ORDERED.contains(&table) { &ORDERED[..] } else { &[table][..] };
    for table in tables.iter().copied() {
        let (name, sequence) = (table.replace('"', "\"\""), sequence(table));
        let behind = is_behind(table);
        let moved = run(format!(
            r#"SELECT setval({sequence}, (SELECT max("Id") FROM "{name}")) WHERE {behind}
               AND (SELECT max("Id") FROM "{name}") < {STRAY}"#
        ));
        if !moved.await?.is_empty() {
            metrics::counter!("castalia_sequences_set_forward_total", "table" => table.to_owned())
                .increment(1);
            tracing::warn!(
                table,
                "the sequence of a table was behind its rows, as after a failover to a logical replica or a restored \
                 dump, and was set forward; check that no acknowledged publish is missing"
            );
        }
    }
    Ok(tx.commit().await?)
}
