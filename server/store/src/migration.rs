//! Upgrades a database to the schema of this program: once for all nodes, without changing Apollo's
//! tables. Order: read the record; if steps are missing, take the lock, read again, check that the
//! tables are suitable, run the missing steps, and record them. Knows the structure of the tables,
//! not the meaning of their rows.

mod acceptance;
mod fit;
mod lock;
mod seed;
mod step;

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait, Set};

pub use self::acceptance::{accept, origin};
pub(super) use self::step::OPTIONAL;
use self::step::{ORIGIN_VERSION, RECORD, STEPS, Step};
use crate::entity::castalia_schema;
use crate::error::StoreError;
use crate::row::now;
use crate::url::Dialect;
use crate::{Reader, Store};

/// Which of Apollo's two databases a store is. They must be separate, because some tables of both
/// have the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Config,
    Portal,
}

impl Part {
    fn other(self) -> Self {
        match self {
            Self::Config => Self::Portal,
            Self::Portal => Self::Config,
        }
    }
}

/// The program that created the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Castalia.
    Fresh,
    /// Apollo, or no record exists.
    Adopted,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Adopted => "adopted",
        }
    }
}

/// The differences between a database and the schema of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub origin: Origin,
    /// Steps that are not recorded.
    pub missing_steps: Vec<&'static str>,
    /// Tables that would be created.
    pub absent_tables: Vec<String>,
    /// Whether Castalia began to create the tables and has not inserted their first rows.
    pub is_unfinished: bool,
    /// Reasons to refuse the start; empty if the database is suitable.
    pub faults: Vec<String>,
    /// Conditions that an operator should check.
    pub warnings: Vec<String>,
}

/// Inserts the first rows into new tables.
type Seed<'a> = Box<
    dyn for<'c> FnOnce(&'c DatabaseTransaction) -> BoxFuture<'c, Result<(), StoreError>>
        + Send
        + 'a,
>;

/// Creates missing tables, and returns the program that created the database. Several nodes may
/// call this concurrently. An up-to-date schema costs one query. On a new database, `seed` inserts
/// the first rows in the transaction that records the schema, after the settings of every new
/// installation.
pub fn apply<'a>(
    store: &'a Store,
    part: Part,
    seed: impl for<'c> FnOnce(&'c DatabaseTransaction) -> BoxFuture<'c, Result<(), StoreError>>
    + Send
    + 'a,
) -> BoxFuture<'a, Result<Origin, StoreError>> {
    Box::pin(apply_steps(store, part, Box::new(seed)))
}

async fn apply_steps(store: &Store, part: Part, seed: Seed<'_>) -> Result<Origin, StoreError> {
    let records = Records::read_if_present(store.read()).await?;
    if records.missing(part).is_empty() {
        if records.holds(part.other()) {
            refuse_misfit(store, &[fit::shared(part, store.dialect())])?;
        }
        return Ok(records.origin());
    }
    let lock = lock::acquire(store).await?;
    let outcome = apply_locked(store, part, &lock, seed, records.is_hidden).await;
    match lock.release(outcome).await {
        Err(error) if error.is_denied() => {
            accept(store, part, "this account may not create them").await
        }
        outcome => outcome,
    }
}

/// Apollo's tables that exist.
pub(super) async fn present_tables(store: &Store) -> Result<BTreeSet<&'static str>, StoreError> {
    Ok(fit::read(store.read(), store.dialect()).await?.present())
}

/// Compares the database with the schema of this program; writes nothing.
pub async fn check(store: &Store, part: Part) -> Result<Report, StoreError> {
    let found = fit::read(store.read(), store.dialect()).await?;
    // After the tables: another node may create them meanwhile, beginning with the record.
    let records = Records::read_if_present(store.read()).await?;
    let missing = records.missing(part);
    let faults = faults(&found, &records, part, store.dialect());
    let warning = match faults.is_empty() {
        true => fit::zone_warning(store.read(), &found).await?,
        false => None,
    };
    Ok(Report {
        origin: records.origin.unwrap_or_else(|| found.origin(part)),
        missing_steps: missing.iter().map(|step| step.name).collect(),
        absent_tables: absent_tables(&found, part, &missing, dialect_index(store.dialect())),
        is_unfinished: records.is_unfinished(),
        faults,
        warnings: warning.into_iter().collect(),
    })
}

/// Missing tables: Apollo's, and those of the steps that would run.
fn absent_tables(
    found: &fit::ExistingTables,
    part: Part,
    missing: &[&Step],
    dialect: usize,
) -> Vec<String> {
    let mut absent = found.absent_tables(part);
    for table in created(missing.iter().copied(), dialect) {
        if !found.has_table(table) && !absent.iter().any(|name| name == table) {
            absent.push(table.to_owned());
        }
    }
    absent
}

/// The tables that these steps create, after that of the record.
fn created<'a>(
    steps: impl Iterator<Item = &'a Step>,
    dialect: usize,
) -> impl Iterator<Item = &'static str> {
    let files = std::iter::once(RECORD[dialect]).chain(steps.map(move |step| step.sql[dialect]));
    files.flat_map(|sql| sql.split(";\n")).filter_map(|statement| {
        let (_, created) = statement.split_once("CREATE TABLE IF NOT EXISTS")?;
        created.split(['"', '`']).nth(1)
    })
}

async fn apply_locked(
    store: &Store,
    part: Part,
    lock: &lock::Lock,
    seed: Seed<'_>,
    is_record_hidden: bool,
) -> Result<Origin, StoreError> {
    let tx = lock.transaction();
    let found = fit::read(tx, store.dialect()).await?;
    let records = match found.has_record() {
        true => Records::read(tx).await?,
        false => Records { is_hidden: is_record_hidden, ..Records::default() },
    };
    let missing = records.missing(part);
    if missing.is_empty() {
        return Ok(records.origin());
    }
    refuse_misfit(store, &faults(&found, &records, part, store.dialect()))?;
    if let Some(warning) = fit::zone_warning(tx, &found).await? {
        tracing::warn!("{warning}");
    }
    let dialect = dialect_index(store.dialect());
    run_statements(tx, RECORD[dialect], &found).await?;
    let origin = origin_from_now_on(tx, &records, found.origin(part)).await?;
    for step in &missing {
        run_statements(tx, step.sql[dialect], &found).await?;
    }
    lock.begin_rows().await?;
    if origin == Origin::Fresh && missing.iter().any(|step| step.has_first_rows) {
        seed::settings(tx, part).await?;
        seed(tx).await?;
    }
    for step in &missing {
        record(tx, step.version, step.name).await?;
        tracing::info!(version = step.version, name = step.name, "schema step applied");
    }
    Ok(origin)
}

/// Recorded before the first table is created: on MySQL, an interrupted creation leaves tables that
/// are not Apollo's.
async fn origin_from_now_on(
    tx: &DatabaseTransaction,
    records: &Records,
    found: Origin,
) -> Result<Origin, StoreError> {
    if let Some(origin) = records.origin {
        return Ok(origin);
    }
    record(tx, ORIGIN_VERSION, found.name()).await?;
    Ok(found)
}

/// Reasons why the service cannot work with these tables.
fn faults(
    found: &fit::ExistingTables,
    records: &Records,
    part: Part,
    dialect: Dialect,
) -> Vec<String> {
    if records.holds(part.other()) || found.holds(part.other()) {
        return vec![fit::shared(part, dialect)];
    }
    let steps = STEPS.iter().filter(|step| step.part == part);
    let mut faults = found.misspelled(part, created(steps, dialect_index(dialect)));
    faults.extend(found.faults(part));
    // A record whose name is in another case is not lost.
    if faults.is_empty() {
        faults.extend(lost_record(found, records, dialect));
    }
    faults
}

/// The fault of a record that is missing or has no rows beside other tables of Castalia, as while a
/// backup is restored: a database that Castalia created would pass for an adopted one. A creation
/// records its first row before it creates another table, which MySQL keeps if it is interrupted.
fn lost_record(found: &fit::ExistingTables, records: &Records, dialect: Dialect) -> Option<String> {
    if records.is_hidden || !records.versions.is_empty() {
        return None;
    }
    let mut tables = created(STEPS.iter(), dialect_index(dialect));
    let record = tables.next()?;
    let other = tables.find(|table| table.starts_with("Castalia") && found.has_table(table))?;
    let state = if found.has_record() { "has no rows" } else { "is missing" };
    Some(format!(
        "table {record} {state}, and table {other} exists: a restore is not complete; complete it, and start again"
    ))
}

fn refuse_misfit(store: &Store, faults: &[String]) -> Result<(), StoreError> {
    if faults.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "{}: this server cannot work with these tables:\n  {}",
        store.url(),
        faults.join("\n  ")
    );
    Err(StoreError::setting(store.setting(), problem))
}

/// Statements end with a semicolon at the end of a line; no text in the files contains one there.
/// Tables that existed before receive no index: they belong to Apollo, or to the other part.
async fn run_statements(
    tx: &DatabaseTransaction,
    sql: &str,
    found: &fit::ExistingTables,
) -> Result<(), StoreError> {
    for statement in sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
        let indexed = statement.split_once("INDEX IF NOT EXISTS").map(|(_, rest)| rest);
        let table = indexed.and_then(|rest| rest.split('"').nth(3));
        if !table.is_some_and(|table| found.has_table(table)) {
            tx.execute_unprepared(statement).await?;
        }
    }
    Ok(())
}

async fn record(tx: &DatabaseTransaction, version: i32, name: &str) -> Result<(), StoreError> {
    let row = castalia_schema::ActiveModel {
        version: Set(version),
        name: Set(name.to_owned()),
        applied_at: Set(now().into()),
    };
    castalia_schema::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

fn dialect_index(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => 0,
        Dialect::MySql => 1,
        Dialect::Postgres => 2,
    }
}

/// The content of `CastaliaSchema`.
#[derive(Default)]
struct Records {
    /// Whether this account may not read the table, so that it may have rows.
    is_hidden: bool,
    origin: Option<Origin>,
    versions: Vec<i32>,
}

impl Records {
    async fn read(db: &impl ConnectionTrait) -> Result<Self, StoreError> {
        let mut records = Self::default();
        for row in castalia_schema::Entity::find().all(db).await? {
            if row.version == ORIGIN_VERSION {
                let is_fresh = row.name == Origin::Fresh.name();
                records.origin = Some(if is_fresh { Origin::Fresh } else { Origin::Adopted });
            }
            records.versions.push(row.version);
        }
        Ok(records)
    }

    /// Empty if the table does not exist, or is not for this account. After any other failure, a
    /// database that Castalia created would pass for an adopted one.
    async fn read_if_present(db: &Reader) -> Result<Self, StoreError> {
        match Self::read(db).await {
            Ok(records) => Ok(records),
            Err(error) if error.is_unusable_table() => {
                Ok(Self { is_hidden: error.is_denied(), ..Self::default() })
            }
            // A read waits for no row: a conflict is with a lock on whole tables.
            Err(error) => Err(error.while_beginning()),
        }
    }

    /// Without a record, Apollo is taken as the creator.
    fn origin(&self) -> Origin {
        self.origin.unwrap_or(Origin::Adopted)
    }

    /// Whether Castalia began to create the tables and has not inserted their first rows. MySQL
    /// commits each table, so that an interrupted creation may leave all of them.
    fn is_unfinished(&self) -> bool {
        let has_rows = [Part::Config, Part::Portal].into_iter().any(|part| self.holds(part));
        self.origin == Some(Origin::Fresh) && !has_rows
    }

    /// Whether Castalia created or completed the tables of a part.
    fn holds(&self, part: Part) -> bool {
        STEPS.iter().any(|step| {
            step.part == part && step.has_first_rows && self.versions.contains(&step.version)
        })
    }

    fn missing(&self, part: Part) -> Vec<&'static Step> {
        STEPS
            .iter()
            .filter(|step| step.part == part && !self.versions.contains(&step.version))
            .collect()
    }
}
