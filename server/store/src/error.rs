//! Failures of the store, classified by the possible reactions of the caller. Knows no HTTP status.

mod reaction;

use std::error::Error as _;

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use thiserror::Error;

use crate::length;
use crate::number::Id;

use reaction::{Reaction, reaction};

/// A failure of the database, or of a value in it.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// A row with the same unique key exists.
    #[error("a row with the same key already exists")]
    Duplicate(#[source] DbErr),
    /// A conflict with another transaction; the whole transaction may be repeated.
    #[error("the transaction conflicted with another one; retry it")]
    Conflict(#[source] DbErr),
    /// Another process has locked a SQLite file, or all tables of a server.
    #[error("another process holds a lock on the whole database: {0}")]
    Locked(#[source] DbErr),
    /// This node uses all connections that it may use for the work, and the database may be well.
    #[error("no connection to the database is free: {0}")]
    Busy(#[source] DbErr),
    /// There is no connection, or it was lost before anything was committed, or the database ended
    /// the statement.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] DbErr),
    /// The connection or the disk failed during the commit. Repeating the transaction might apply
    /// it twice.
    #[error("the commit failed, and the change may or may not be stored: {0}")]
    CommitUnknown(#[source] DbErr),
    /// The database rejects writes at present: it is read-only, or its disk is full.
    #[error("the database refuses writes: {0}")]
    ReadOnly(#[source] DbErr),
    /// The database account may not sign in, or lacks a privilege.
    #[error("the database denies this account access; check its password and privileges: {0}")]
    Denied(#[source] DbErr),
    /// PostgreSQL: the sequence of this table is behind its rows, so that a new row would not be
    /// the newest one.
    #[error(
        "the sequence of the table \"{table}\" is behind its rows, as after a failover to a logical replica or a \
         restored dump; set it forward as the owner of the table: \
         SELECT setval(pg_get_serial_sequence('\"{table}\"', 'Id'), (SELECT max(\"Id\") FROM \"{table}\"))"
    )]
    SequenceBehind { table: String },
    /// A row that a decision depends on has a column that cannot be decoded.
    #[error(
        "row {} of the table {table} cannot be decoded: its column {column} holds no valid value; delete or write \
         that row again, or correct it in the database",
        id.map_or_else(|| "without id".to_owned(), |id| id.to_string())
    )]
    Unreadable { table: &'static str, id: Option<Id>, column: String },
    /// A value that this database cannot store, such as a NUL character on PostgreSQL.
    #[error("the database cannot store a value: {0}")]
    Value(#[source] DbErr),
    /// The files of the database cannot be read or written: a failing disk, a damaged or a replaced
    /// file.
    #[error("the files of the database failed: {0}")]
    Storage(#[source] DbErr),
    /// A setting is wrong, or names an object that is not usable.
    #[error("{setting}: {problem}")]
    Setting { setting: String, problem: String },
    /// The requested sort property does not exist in rows of this kind.
    #[error("No property '{0}' to sort by")]
    UnknownProperty(String),
    /// The rows of a list have longer texts together than one list may have.
    #[error("the rows of the list have more than {} MiB together", length::LIST >> 20)]
    TooLong,
    /// Any other failure: a statement that the database rejected, a value of the wrong type.
    #[error("database error: {0}")]
    Other(#[source] DbErr),
}

impl StoreError {
    /// An error about the setting with this name.
    pub fn setting(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), problem: problem.into() }
    }

    /// A fault outside the database, in one line.
    pub fn other(problem: impl Into<String>) -> Self {
        Self::Other(DbErr::Custom(problem.into()))
    }

    /// The error without the text of the database, which contains names of accounts and hosts.
    pub(super) fn summary(&self) -> String {
        if self.is_missing_table() {
            return "a table does not exist".to_owned();
        }
        let text = self.to_string();
        match self.source() {
            Some(cause) if !matches!(cause.downcast_ref(), Some(DbErr::Custom(_))) => {
                text.strip_suffix(&format!(": {cause}")).unwrap_or(&text).to_owned()
            }
            _ => text,
        }
    }

    /// Whether the database holds a row that cannot be decoded.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate(_))
    }

    /// Whether the same transaction may succeed if it is repeated from its beginning.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// Whether the work had no connection, or lost it.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }

    /// Whether only this node was in the way of the work.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// Whether the server behind the connection is not in service, while others of its cluster may
    /// be.
    pub(super) fn is_unready(&self) -> bool {
        matches!(self, Self::Unavailable(error) if is_unready(error))
    }

    /// Whether the database cannot be written at present, whatever the job.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Locked(_)
                | Self::Unavailable(_)
                | Self::CommitUnknown(_)
                | Self::ReadOnly(_)
                | Self::SequenceBehind { .. }
                | Self::Storage(_)
        ) || self.is_refused_sign_in()
    }

    /// Whether the database ended a statement, such as one that took too long or that an
    /// administrator cancelled, which says nothing about others.
    pub(super) fn is_ended_statement(&self) -> bool {
        matches!(self, Self::Unavailable(error) if reaction(error) == Reaction::Ended)
    }

    /// Whether the database rejects all writes.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Self::ReadOnly(_))
    }

    /// Whether the files of the database cannot be read or written, which may concern some rows
    /// only.
    pub(super) fn is_storage(&self) -> bool {
        matches!(self, Self::Storage(_))
    }

    /// Whether the database account lacks a privilege, which may concern one table only.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    /// Whether a table cannot be used: it is missing, or the account lacks a privilege. A refused
    /// sign-in concerns no table.
    pub fn is_unusable_table(&self) -> bool {
        self.is_missing_table() || self.is_denied() && !self.is_refused_sign_in()
    }

    /// Whether the database account may not sign in, which concerns all work.
    pub fn is_refused_sign_in(&self) -> bool {
        matches!(self, Self::Denied(error) if is_refused_sign_in(error))
    }

    /// Whether a table does not exist, or is not visible to the account.
    pub(super) fn is_missing_table(&self) -> bool {
        let Self::Other(error) = self else { return false };
        has_code(error, &["1146", "42P01"]) || error.to_string().contains("no such table")
    }

    /// Whether the database does not exist on the server.
    pub(super) fn is_missing_database(&self) -> bool {
        matches!(self, Self::Unavailable(error) if has_code(error, &["1049", "3D000"]))
    }

    /// Whether the transaction failed because the connection remembers columns as they were before
    /// somebody changed their table.
    pub(super) fn is_outdated(&self) -> bool {
        matches!(self, Self::Conflict(error) if is_outdated(error))
    }

    /// The same error, when it occurs where no row is shared with another transaction, such as at
    /// the beginning of SQLite's writing transaction: a lock on the whole database is in the way.
    pub(super) fn while_beginning(self) -> Self {
        match self {
            Self::Conflict(error) => Self::Locked(error),
            other => other,
        }
    }

    /// The same error, when it occurs during a commit.
    pub(super) fn while_committing(self) -> Self {
        match self {
            Self::Unavailable(error) | Self::Storage(error) => Self::CommitUnknown(error),
            other => other,
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(table) = table_of_taken_id(&error) {
            return Self::SequenceBehind { table };
        }
        if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
            return Self::Duplicate(error);
        }
        match reaction(&error) {
            Reaction::Conflict | Reaction::Outdated => Self::Conflict(error),
            Reaction::Busy => Self::Busy(error),
            Reaction::Unavailable | Reaction::Unready | Reaction::Ended | Reaction::Exhausted => {
                Self::Unavailable(error)
            }
            Reaction::ReadOnly => Self::ReadOnly(error),
            Reaction::Denied => Self::Denied(error),
            Reaction::Value => Self::Value(error),
            Reaction::Storage => Self::Storage(error),
            Reaction::Other => Self::Other(error),
        }
    }
}

/// PostgreSQL: the table whose sequence generated an id that already exists. No statement sets an
/// id itself.
fn table_of_taken_id(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return None;
    };
    let sqlx::Error::Database(error) = &**error else { return None };
    let error = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
    // Only this part of the message is not translated to the language of the server.
    let is_of_id = error.detail().is_some_and(|detail| detail.contains("(\"Id\")=("));
    error.table().filter(|_| error.code() == "23505" && is_of_id).map(str::to_owned)
}

/// Whether a pooled connection turned out to be dead. After a server has ended its sessions, each
/// pooled connection fails once. A pool that could not open any connection is a different case.
pub(super) fn is_dead_connection(error: &DbErr) -> bool {
    !matches!(error, DbErr::ConnectionAcquire(_))
        && matches!(reaction(error), Reaction::Unavailable)
}

/// Whether the server behind the connection is not in service, while others of its cluster may be.
pub(super) fn is_unready(error: &DbErr) -> bool {
    matches!(reaction(error), Reaction::Unready)
}

/// Whether the account may not sign in any more. Sessions that are open go on.
pub(super) fn is_refused_sign_in(error: &DbErr) -> bool {
    // Otherwise a statement was denied.
    let is_of_connection = matches!(error, DbErr::Conn(_));
    matches!(reaction(error), Reaction::Denied)
        && (is_of_connection || has_code(error, &["1044", "1045", "1698", "28000", "28P01"]))
}

/// Compares MySQL's error number or PostgreSQL's SQLSTATE.
fn has_code(error: &DbErr, codes: &[&str]) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let sqlx::Error::Database(error) = &**error else { return false };
    match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(error) => codes.contains(&error.number().to_string().as_str()),
        None => error.code().is_some_and(|code| codes.contains(&code.as_ref())),
    }
}

/// PostgreSQL: whether a connection prepared a statement for columns that have other types now.
pub(super) fn is_outdated(error: &DbErr) -> bool {
    matches!(reaction(error), Reaction::Outdated)
}

/// The error of a write job: one of its own, or one of the store.
pub trait JobError: From<StoreError> + Send + 'static {
    /// The store's error inside, to distinguish a deadlock from a rejection.
    fn store_error(&self) -> Option<&StoreError>;
}

impl JobError for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}
