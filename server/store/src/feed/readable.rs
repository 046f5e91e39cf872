//! Reads rows one by one. A row that cannot be decoded (a blob in a text column of SQLite, a zero
//! date of MySQL) is a fault of that row, not of the connection: it is reported, counted and
//! omitted, and the others are returned.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, QueryTrait, Select, TryGetableMany,
};

use crate::error::StoreError;
use crate::number::Id;
use crate::row::decode::{self, Table};

/// The part of a row that cannot be decoded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    /// A time; the rest of the row is used.
    Time,
    /// A column that nothing depends on; it is read as empty.
    Column,
    /// Any other column; the row is omitted.
    Row,
    /// A text that can be decoded, but not parsed.
    Content,
}

/// Rows that have been logged and are not logged again; the counter counts every read.
static LOGGED: Mutex<Logged> = Mutex::new(Logged { rows: BTreeSet::new(), full_since: None });
/// Maximum number of such rows. Rows of a table that is damaged as a whole are not logged beyond
/// it.
const MAX_LOGGED: usize = 1_000;
/// Time after which rows are logged again if that number was reached.
const SILENCE: Duration = Duration::from_secs(3600);

/// Number of rows among which the first that can be decoded is searched at a time.
const BATCH: u64 = 10;

/// The rows that have been logged.
struct Logged {
    rows: BTreeSet<(&'static str, Option<Id>, Damage)>,
    full_since: Option<Instant>,
}

/// What is to be logged.
#[derive(Debug, PartialEq, Eq)]
enum News {
    None,
    Row,
    /// The row, and that further ones are not logged.
    LastRow,
}

impl Logged {
    fn add(&mut self, row: (&'static str, Option<Id>, Damage), now: Instant) -> News {
        if self.full_since.is_some_and(|since| now.saturating_duration_since(since) >= SILENCE) {
            (self.rows, self.full_since) = (BTreeSet::new(), None);
        }
        if self.full_since.is_some() || !self.rows.insert(row) {
            return News::None;
        }
        if self.rows.len() < MAX_LOGGED {
            return News::Row;
        }
        self.full_since = Some(now);
        News::LastRow
    }
}

/// The result of a query.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// The rows that can be decoded.
    pub readable: Vec<T>,
    /// Id of the last row, readable or not, from which the next query continues.
    pub last_id: Option<Id>,
    /// Number of rows, readable or not.
    pub count: usize,
}

impl<T> Rows<T> {
    /// Converts the readable rows.
    pub fn map<U>(self, form: impl FnMut(T) -> U) -> Rows<U> {
        let readable = self.readable.into_iter().map(form).collect();
        Rows { readable, last_id: self.last_id, count: self.count }
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { readable: Vec::new(), last_id: None, count: 0 }
    }
}

/// Reads a selection whose first column is the id.
pub(crate) async fn read<E, T>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Rows<T>, StoreError>
where
    E: EntityTrait,
    T: TryGetableMany,
{
    read_with(db, select, QueryResult::try_get_many_by_index).await
}

/// Whole rows, for lists that must not fail because of one of them. No decision may depend on a row
/// being absent.
pub(crate) async fn models<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<E::Model>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    let readable = |row| match decode::model::<E>(row) {
        Err(StoreError::Unreadable { .. }) => None,
        other => Some(other),
    };
    found.iter().filter_map(readable).collect()
}

/// The first row, by id, that can be decoded.
pub(crate) async fn first<E: Table>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    id: E::Column,
) -> Result<Option<E::Model>, StoreError> {
    let mut rest = select.clone();
    loop {
        let batch = rest.order_by_asc(id).limit(BATCH);
        let found = db.query_all_raw(batch.build(db.get_database_backend())).await?;
        for row in &found {
            match decode::model::<E>(row) {
                Err(StoreError::Unreadable { .. }) => {}
                other => return other.map(Some),
            }
        }
        let Some(last) = found.last() else { return Ok(None) };
        let last: Id = last.try_get_by("Id")?;
        rest = select.clone().filter(id.gt(last));
    }
}

/// The texts of each row behind its id; `None` for one that cannot be decoded, which is reported.
/// For rows whose absence would have an effect of its own.
pub(crate) async fn lenient<E: EntityTrait, const N: usize>(
    db: &impl ConnectionTrait,
    select: Select<E>,
) -> Result<Vec<[Option<String>; N]>, StoreError> {
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        let id: Id = row.try_get_by(0)?;
        let text = |column: usize| {
            let text: Result<String, DbErr> = row.try_get_by(column + 1);
            text.map_err(|error| report(table_of::<E>(), id, &error)).ok()
        };
        rows.push(std::array::from_fn(text));
    }
    Ok(rows)
}

/// The same, decoded by a function.
pub(crate) async fn read_with<E, T>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    decode: impl Fn(&QueryResult) -> Result<T, DbErr>,
) -> Result<Rows<T>, StoreError>
where
    E: EntityTrait,
{
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    let mut rows = Rows::default();
    for row in &found {
        let id: Id = row.try_get_by(0)?;
        match decode(row) {
            Ok(decoded) => rows.readable.push(decoded),
            Err(error) => report(table_of::<E>(), id, &error),
        }
        rows.last_id = Some(id);
        rows.count += 1;
    }
    Ok(rows)
}

fn table_of<E: EntityTrait>() -> &'static str {
    E::default().table_name()
}

/// Logs and counts a row that cannot be decoded. The error names columns and types, never values.
pub(crate) fn report(table: &'static str, id: impl Into<Option<Id>>, error: &DbErr) {
    let id = id.into();
    if is_news(table, id, Damage::Row) {
        tracing::error!(
            table,
            id = id.map(|id| id.0),
            %error,
            "a row cannot be decoded and is left out; correct or delete it in the database"
        );
    }
}

/// Logs and counts an invalid time.
pub(crate) fn report_time(table: &'static str, id: Option<Id>, column: Option<&str>) {
    if is_news(table, id, Damage::Time) {
        tracing::warn!(
            table,
            id = id.map(|id| id.0),
            column,
            "a time cannot be decoded and is read as 1970-01-01; correct it in the database"
        );
    }
}

/// Logs and counts a column that is read as empty.
pub(crate) fn report_column(table: &'static str, id: Option<Id>, column: &str, error: &DbErr) {
    if is_news(table, id, Damage::Column) {
        tracing::warn!(
            table,
            id = id.map(|id| id.0),
            column,
            %error,
            "a column cannot be decoded and is read as empty, because nothing depends on it; \
             write the row again, or correct it in the database"
        );
    }
}

/// Counts a row whose text can be decoded, but not parsed; returns whether it has to be logged.
pub fn is_unparsable_news(table: &'static str, id: Id) -> bool {
    is_news(table, Some(id), Damage::Content)
}

fn is_news(table: &'static str, id: Option<Id>, damage: Damage) -> bool {
    metrics::counter!("castalia_unreadable_rows_total", "table" => table).increment(1);
    let mut logged = LOGGED.lock();
    let news = logged.add((table, id, damage), Instant::now());
    drop(logged);
    if news == News::LastRow {
        tracing::error!(
            rows = MAX_LOGGED,
            "many rows cannot be decoded; further ones are counted in castalia_unreadable_rows_total, and not logged for an hour"
        );
    }
    news != News::None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_damaged_as_a_whole_does_not_flood_the_log() {
        let start = Instant::now();
        let mut logged = Logged { rows: BTreeSet::new(), full_since: None };
        let mut read = |time: Instant| {
            let rows = (0..5_000).map(|id| logged.add(("Item", Some(Id(id)), Damage::Row), time));
            let rows: Vec<_> = rows.filter(|news| *news != News::None).collect();
            (rows.len(), rows.last() == Some(&News::LastRow))
        };
        assert_eq!(read(start), (MAX_LOGGED, true));
        assert_eq!(read(start + Duration::from_secs(60)), (0, false));
        assert_eq!(read(start + SILENCE), (MAX_LOGGED, true));
        let mut few = Logged { rows: BTreeSet::new(), full_since: None };
        let one = ("Item", None, Damage::Time);
        assert_eq!([few.add(one, start), few.add(one, start + SILENCE)], [News::Row, News::None]);
    }
}
