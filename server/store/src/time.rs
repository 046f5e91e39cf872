//! Times for all engines. An invalid one (zero on MySQL, infinite on PostgreSQL, any text or blob
//! on SQLite) is reported once and read as the beginning of 1970, so that the row and its
//! neighbours remain readable. Knows no table.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::sqlx::{self, Row as _};
use sea_orm::{
    ActiveValue, ColIdx, DbErr, EntityName, IntoActiveValue, QueryResult, RuntimeErr, TryGetError,
    TryGetable, Value,
};

use crate::feed::readable;
use crate::number::Id;

/// Microseconds from the epoch of Unix to that of PostgreSQL, the year 2000.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// Whether every engine can store a time. The driver of MySQL fails in the middle of a statement
/// with others, which costs its connection.
pub fn is_storable(time: &impl Datelike) -> bool {
    (1..=9999).contains(&time.year())
}

/// A time in a column of the table `E`.
pub struct StoredTime<E, T = DateTime<Utc>>(T, PhantomData<fn() -> E>);

/// The type of a time column.
pub trait Time:
    Copy + PartialEq + fmt::Debug + TryGetable + ValueType + Nullable + Into<Value>
{
    /// Replaces an invalid time.
    const UNREADABLE: Self;
}

impl Time for DateTime<Utc> {
    const UNREADABLE: Self = DateTime::UNIX_EPOCH;
}

impl Time for NaiveDateTime {
    const UNREADABLE: Self = DateTime::UNIX_EPOCH.naive_utc();
}

impl<E, T> From<T> for StoredTime<E, T> {
    fn from(time: T) -> Self {
        Self(time, PhantomData)
    }
}

impl<E, T> Deref for StoredTime<E, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<E, T: Time> Clone for StoredTime<E, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, T: Time> Copy for StoredTime<E, T> {}

impl<E, T: Time> PartialEq for StoredTime<E, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E, T: Time + Eq> Eq for StoredTime<E, T> {}

impl<E, T: Time> fmt::Debug for StoredTime<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E, T: Time> From<StoredTime<E, T>> for Value {
    fn from(time: StoredTime<E, T>) -> Self {
        time.0.into()
    }
}

impl<E, T: Time> Nullable for StoredTime<E, T> {
    fn null() -> Value {
        T::null()
    }
}

impl<E, T: Time> ValueType for StoredTime<E, T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <T as ValueType>::try_from(value).map(Self::from)
    }

    fn type_name() -> String {
        T::type_name()
    }

    fn array_type() -> ArrayType {
        T::array_type()
    }

    fn column_type() -> ColumnType {
        T::column_type()
    }
}

impl<E, T: Time> IntoActiveValue<Self> for StoredTime<E, T> {
    fn into_active_value(self) -> ActiveValue<Self> {
        ActiveValue::Set(self)
    }
}

impl<E: EntityName + Default, T: Time> TryGetable for StoredTime<E, T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, at: I) -> Result<Self, TryGetError> {
        let read = if is_beyond_calendar(row, at) { None } else { Some(T::try_get_by(row, at)) };
        match read {
            None => {}
            Some(Err(TryGetError::DbErr(error))) if is_undecodable(&error) => {}
            Some(Err(TryGetError::Null(_))) if is_zero(row, at) => {}
            Some(read) => return read.map(Self::from),
        }
        let id = row.try_get_by::<Id, _>("Id").ok();
        readable::report_time(E::default().table_name(), id, at.as_str());
        Ok(Self::from(T::UNREADABLE))
    }
}

/// Whether PostgreSQL has an infinite time, or one outside the range of the calendar type, for
/// which the driver would panic.
fn is_beyond_calendar<I: ColIdx>(row: &QueryResult, at: I) -> bool {
    let micros = || -> Option<i64> {
        let value = row.try_as_pg_row()?.try_get_raw(at.as_sqlx_postgres_index()).ok()?;
        Some(i64::from_be_bytes(value.as_bytes().ok()?.try_into().ok()?))
    };
    micros().is_some_and(|micros| {
        let since_unix_epoch = micros.checked_add(POSTGRES_EPOCH);
        since_unix_epoch.and_then(DateTime::from_timestamp_micros).is_none()
    })
}

/// Whether MySQL has a zero date, which the driver treats as NULL, even in columns that cannot be
/// NULL.
fn is_zero<I: ColIdx>(row: &QueryResult, at: I) -> bool {
    row.try_as_mysql_row()
        .is_some_and(|row| row.try_get_unchecked::<Vec<u8>, _>(at.as_sqlx_mysql_index()).is_ok())
}

fn is_undecodable(error: &DbErr) -> bool {
    match error {
        DbErr::Query(RuntimeErr::SqlxError(error)) => {
            matches!(**error, sqlx::Error::ColumnDecode { .. })
        }
        _ => false,
    }
}
