//! The store on every database: SQLite always, MariaDB and PostgreSQL as started by `tests/databases.sh`.
//! Tests the store alone, through its public face; knows no role.

#![forbid(unsafe_code)]

#[path = "store/schema.rs"]
mod schema;
