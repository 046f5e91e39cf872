//! Integers for all engines: sqlx refuses to decode an unsigned MySQL column as a signed Rust
//! integer, and PostgreSQL has no unsigned integers. Knows no table.

use std::fmt;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ActiveValue, ColIdx, DbErr, IntoActiveValue, QueryResult, TryFromU64, TryGetError};
use sea_orm::{TryGetable, Value};
use serde::{Deserialize, Serialize};

/// A row id, or a column with ids or counts (`LineNum`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Id(pub i64);

/// A code: `Type`, `Mode`, `Operation`, `BranchStatus`, `Enabled`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Small(pub i16);

macro_rules! number {
    ($name:ident, $signed:ty, $unsigned:ty, $value:ident, $column:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$signed> for $name {
            fn from(number: $signed) -> Self {
                Self(number)
            }
        }

        impl From<$name> for Value {
            fn from(number: $name) -> Self {
                Value::$value(Some(number.0))
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                Value::$value(None)
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                <$signed as ValueType>::try_from(value).map(Self)
            }

            fn type_name() -> String {
                stringify!($name).into()
            }

            fn array_type() -> ArrayType {
                ArrayType::$value
            }

            fn column_type() -> ColumnType {
                ColumnType::$column
            }
        }

        impl TryFromU64 for $name {
            fn try_from_u64(number: u64) -> Result<Self, DbErr> {
                <$signed as TryFrom<_>>::try_from(number)
                    .map(Self)
                    .map_err(|_| DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl IntoActiveValue<$name> for $name {
            fn into_active_value(self) -> ActiveValue<$name> {
                ActiveValue::Set(self)
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, at: I) -> Result<Self, TryGetError> {
                if row.try_as_mysql_row().is_none() {
                    return <$signed>::try_get_by(row, at).map(Self);
                }
                match <$unsigned>::try_get_by(row, at) {
                    Ok(number) => {
                        <$signed as TryFrom<_>>::try_from(number).map(Self).map_err(|_| {
                            DbErr::Type(format!(
                                "{number} is too large for a {}",
                                stringify!($name)
                            ))
                            .into()
                        })
                    }
                    // NULL must remain distinguishable, or `Option` of this type does not work.
                    Err(TryGetError::Null(column)) => Err(TryGetError::Null(column)),
                    // Some of Apollo's columns are signed (`tinyint(2)`).
                    Err(_) => <$signed>::try_get_by(row, at).map(Self),
                }
            }
        }
    };
}

number!(Id, i64, u64, BigInt, BigInteger);
number!(Small, i16, u16, SmallInt, SmallInteger);
