//! Starts that do not change the schema: the tables are accepted as they are, or refused with what
//! an administrator of the database has to do.

use super::step::OPTIONAL;
use super::{Origin, Part, Records, check, fit, lost_record, refuse_misfit};
use crate::Store;
use crate::error::StoreError;
use crate::url::Dialect;

/// Accepts the existing tables without creating any. Fails if the service cannot work with them.
pub async fn accept(store: &Store, part: Part, reason: &str) -> Result<Origin, StoreError> {
    let report = check(store, part).await?;
    refuse_misfit(store, &report.faults)?;
    let problem = absent(store, &report.absent_tables, reason);
    if report.absent_tables.iter().any(|table| !OPTIONAL.contains(&table.as_str())) {
        return Err(StoreError::setting(store.setting(), problem));
    }
    refuse_unfinished(store, report.is_unfinished)?;
    if !report.absent_tables.is_empty() {
        tracing::warn!(
            "{problem} The server starts without them: publishes of other nodes are found within a \
             second instead of immediately, a replaced database or a changed audit log is not detected, \
             recently opened apps are not remembered, access cannot be requested, clients of observed access \
             keys are not listed, a change that an environment did not receive is not sent again, and the last \
             use of consumers is not shown"
        );
    }
    Ok(report.origin)
}

/// The program that created the tables, for a start that compares none. Without a record and other
/// tables of Castalia, the database is treated as adopted.
pub async fn origin(store: &Store) -> Result<Origin, StoreError> {
    let mut records = Records::read_if_present(store.read()).await?;
    if records.versions.is_empty() {
        let found = fit::read(store.read(), store.dialect()).await?;
        // Again: another node may create the tables meanwhile, beginning with the record.
        records = Records::read_if_present(store.read()).await?;
        let fault = lost_record(&found, &records, store.dialect());
        refuse_misfit(store, fault.as_slice())?;
    }
    refuse_unfinished(store, records.is_unfinished())?;
    Ok(records.origin())
}

/// Without its first rows, an environment has no token for its admin port, and a portal no list of
/// environments in which only members see private namespaces.
fn refuse_unfinished(store: &Store, is_unfinished: bool) -> Result<(), StoreError> {
    if !is_unfinished {
        return Ok(());
    }
    let problem = format!(
        "{}: the creation of this database was not completed: its first settings, among them those \
         of access control, are missing. {}",
        store.url(),
        remedy(store.dialect())
    );
    Err(StoreError::setting(store.setting(), problem))
}

/// One message with everything that an administrator of the database needs to know.
fn absent(store: &Store, tables: &[String], reason: &str) -> String {
    format!(
        "{}: tables are missing, and {reason}: {}. {}",
        store.url(),
        tables.join(", "),
        remedy(store.dialect())
    )
}

fn remedy(dialect: Dialect) -> String {
    let rights = match dialect {
        Dialect::Sqlite => "that may write to the file",
        Dialect::MySql => {
            "that has the rights CREATE, INDEX, SELECT, INSERT, UPDATE and DELETE on \
            the database"
        }
        Dialect::Postgres => {
            "that has the rights USAGE and CREATE on the schema, and grant SELECT, \
            INSERT, UPDATE and DELETE on the new tables, and USAGE on their sequences, to the \
            account of the server"
        }
    };
    format!(
        "Run `castalia migrate` once with an account {rights}; `castalia serve` needs SELECT, \
         INSERT, UPDATE and DELETE only."
    )
}
