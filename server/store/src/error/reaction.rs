//! What the errors of the drivers mean. Knows the codes of the databases, and no statement.

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};

use crate::turns::Busy;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    Conflict,
    /// The same, if the statement is prepared again.
    Outdated,
    /// This node uses all connections that it may use for the work.
    Busy,
    /// The connection is dead: the statement may be repeated on another one.
    Unavailable,
    /// The connection is sound, but its server is not in service. A new connection may lead to
    /// another server.
    Unready,
    /// The database ended this statement, and perhaps the connection with it: repeating it would
    /// cost as much again.
    Ended,
    /// The database lacks memory, or another resource.
    Exhausted,
    ReadOnly,
    Denied,
    Value,
    Storage,
    Other,
}

pub(super) fn reaction(error: &DbErr) -> Reaction {
    match error {
        DbErr::ConnectionAcquire(_) => Reaction::Unavailable,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => sqlx_reaction(error),
        _ => Reaction::Other,
    }
}

fn sqlx_reaction(error: &sqlx::Error) -> Reaction {
    match error {
        sqlx::Error::Io(error) if error.get_ref().is_some_and(|reason| reason.is::<Busy>()) => {
            Reaction::Busy
        }
        // An intermediary between server and database answered instead of it, or closed the
        // connection.
        sqlx::Error::Protocol(_)
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Reaction::Unavailable,
        sqlx::Error::Database(error) => {
            if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
                mysql_reaction(error.number())
            } else if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            {
                match error.routine() {
                    Some("RevalidateCachedQuery") => Reaction::Outdated,
                    _ => postgres_reaction(error.code()),
                }
            } else {
                sqlite_reaction(&error.code().unwrap_or_default())
            }
        }
        _ => Reaction::Other,
    }
}

fn mysql_reaction(number: u16) -> Reaction {
    match number {
        // Lock wait timeout, deadlock, a commit that Group Replication rolled back because of a
        // change on another server.
        1205 | 1213 | 3101 => Reaction::Conflict,
        // Too many connections, also of one account, shutdown in progress, connection killed, an
        // idle session that exceeded its time limit, no such database.
        1040 | 1049 | 1053 | 1203 | 1226 | 1927 | 3169 | 4031 => Reaction::Unavailable,
        // A node of Galera that has left its cluster, or not yet joined it. Otherwise the number
        // means an unknown command, which the driver does not send.
        1047 => Reaction::Unready,
        // A statement that exceeded its time limit (MariaDB, MySQL), or that an administrator
        // ended.
        1969 | 3024 | 1317 => Reaction::Ended,
        // Disk full, table full, read-only table, server option, transaction, mode.
        20 | 135 | 136 | 1021 | 1036 | 1114 | 1290 | 1792 | 1836 => Reaction::ReadOnly,
        // No access to the database, with the password, to a table, a column, a routine, or to what
        // needs a global privilege.
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => Reaction::Denied,
        // A host that is blocked or may not connect, an expired password, an account that is locked
        // (MySQL, after wrong passwords, MariaDB).
        1129 | 1130 | 1820 | 1862 | 3118 | 3955 | 4151 => Reaction::Denied,
        // A number out of range, a character that is not in the character set, a text that is too
        // long.
        // The last one: the statement is longer than `max_allowed_packet`.
        1264 | 1366 | 1406 | 1153 => Reaction::Value,
        // Out of memory, too many prepared statements of all connections together.
        5 | 128 | 1037 | 1038 | 1041 | 1461 => Reaction::Exhausted,
        // A file of a table cannot be opened, read, written or closed, or has invalid content.
        1..=4 | 1016 | 1023 | 1024 | 1026 | 1033..=1035 => Reaction::Storage,
        // The storage engine failed; a table is marked as crashed, or its repair failed.
        1030 | 1194 | 1195 | 1459 => Reaction::Storage,
        // A table or an index is damaged, or its file is missing.
        1712 | 1812 | 1814 | 1877 | 1932 => Reaction::Storage,
        // The same under the numbers of the storage engines.
        126 | 127 | 130 | 132 | 144 | 145 => Reaction::Storage,
        _ => Reaction::Other,
    }
}

fn postgres_reaction(code: &str) -> Reaction {
    match code {
        // Serialization failure, deadlock, lock not available in time.
        "40001" | "40P01" | "55P03" => Reaction::Conflict,
        // A statement that exceeded its time limit, or that an administrator ended; a transaction,
        // also of one statement, that exceeded the limit of transactions.
        "57014" | "25P04" => Reaction::Ended,
        // Ended by an administrator, crashed, starting up, database dropped, idle for too long in a
        // transaction or outside, too many connections, no such database: reported as a database
        // error, not as one of the connection.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "53300" | "3D000" => {
            Reaction::Unavailable
        }
        "25006" | "53100" => Reaction::ReadOnly,
        "42501" | "28000" | "28P01" => Reaction::Denied,
        // A character that is not in the encoding of the statement or of the database, a number out
        // of range, a text that is too long.
        "22021" | "22P05" | "22003" | "22001" => Reaction::Value,
        // Out of memory, a limit of the server exceeded.
        "53200" | "53400" => Reaction::Exhausted,
        // A damaged table, a damaged index.
        "XX001" | "XX002" => Reaction::Storage,
        // An error of the operating system, such as an I/O error or a file that is missing.
        _ if code.starts_with("58") => Reaction::Storage,
        _ if code.starts_with("08") => Reaction::Unavailable,
        _ => Reaction::Other,
    }
}

fn sqlite_reaction(code: &str) -> Reaction {
    // The low byte is the primary result code, the others refine it.
    match code.parse::<u32>().map(|code| code & 0xff) {
        // Busy, locked.
        Ok(5 | 6) => Reaction::Conflict,
        // Out of memory.
        Ok(7) => Reaction::Exhausted,
        // Read-only, full.
        Ok(8 | 13) => Reaction::ReadOnly,
        // I/O error, damaged, cannot be opened, not a database.
        Ok(10 | 11 | 14 | 26) => Reaction::Storage,
        _ => Reaction::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S60: a search that takes longer than the database allows would take as long again.
    #[test]
    fn a_statement_that_the_database_ended_is_not_repeated() {
        for number in [1317, 1969, 3024] {
            assert_eq!(mysql_reaction(number), Reaction::Ended, "{number}");
        }
        for code in ["57014", "25P04"] {
            assert_eq!(postgres_reaction(code), Reaction::Ended, "{code}");
        }
    }

    #[test]
    fn a_session_that_the_database_ended_is_replaced() {
        for number in [1053, 1927, 3169, 4031] {
            assert_eq!(mysql_reaction(number), Reaction::Unavailable, "{number}");
        }
        for code in ["57P01", "57P05", "25P03", "08006"] {
            assert_eq!(postgres_reaction(code), Reaction::Unavailable, "{code}");
        }
    }

    /// S65
    #[test]
    fn a_transaction_that_the_database_rolled_back_is_repeated() {
        for number in [1205, 1213, 3101] {
            assert_eq!(mysql_reaction(number), Reaction::Conflict, "{number}");
        }
    }

    /// S72
    #[test]
    fn an_account_that_may_not_sign_in_is_denied() {
        for number in [1045, 1129, 1130, 1698, 1820, 1862, 3118, 3955, 4151] {
            assert_eq!(mysql_reaction(number), Reaction::Denied, "{number}");
        }
        for code in ["28000", "28P01"] {
            assert_eq!(postgres_reaction(code), Reaction::Denied, "{code}");
        }
    }

    /// S61
    #[test]
    fn a_node_that_is_not_in_its_cluster_is_left() {
        assert_eq!(mysql_reaction(1047), Reaction::Unready);
    }
}
