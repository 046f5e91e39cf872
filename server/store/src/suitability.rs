//! Checks that a database server does what the URL and the transactions of this program need.
//! Otherwise tables would be created elsewhere, or each change would fail. Knows no table.

use std::str::FromStr as _;

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, Row as _, raw_sql};

use crate::error::StoreError;
use crate::mysql_server::MySqlServer;
use crate::url::{DatabaseUrl, Dialect};

const STATEMENT_LOG: &str = "the server writes statements to its binary log, which fails for transactions at \
     READ COMMITTED; set binlog_format to MIXED or ROW on the server";
const LOST_SCHEMA: &str = "the search_path of the URL has no effect, so that other tables would be used: none of its schemas \
     exists, or a pooler in front of PostgreSQL does not pass options on; behind a pooler, use \
     ALTER ROLE ... SET search_path for the user of this URL, and remove the option from the URL";

/// Fails if this program cannot work with the server, and logs what limits it.
pub(super) async fn check(
    url: &DatabaseUrl,
    setting: &str,
    db: &DatabaseConnection,
) -> Result<(), StoreError> {
    let problem = match url.dialect() {
        Dialect::Sqlite => Ok(None),
        Dialect::MySql => check_mysql(setting, db).await,
        Dialect::Postgres => check_postgres(url, setting, db).await,
    };
    match problem {
        Ok(None) => Ok(()),
        Ok(Some(problem)) => Err(url.error(setting, problem)),
        Err(error) => Err(url.error(setting, error)),
    }
}

async fn check_mysql(
    setting: &str,
    db: &DatabaseConnection,
) -> Result<Option<&'static str>, sqlx::Error> {
    let mut connection = db.get_mysql_connection_pool().acquire().await?;
    let sql = "SELECT @@log_bin AND @@binlog_format = 'STATEMENT'";
    let is_refused: i64 = raw_sql(sql).fetch_one(&mut *connection).await?.try_get(0)?;
    if MySqlServer::of(&mut connection).await.is_ok_and(|server| server.has_peers) {
        tracing::warn!(
            setting,
            "the database is a member of a group of which others accept writes as well (Galera, or Group Replication \
             with several primaries), and row locks of one have no effect on another: all nodes of Castalia and \
             Apollo must use the same member, and another one only when that fails"
        );
    }
    Ok((is_refused != 0).then_some(STATEMENT_LOG))
}

async fn check_postgres(
    url: &DatabaseUrl,
    setting: &str,
    db: &DatabaseConnection,
) -> Result<Option<&'static str>, sqlx::Error> {
    let mut connection = db.get_postgres_connection_pool().acquire().await?;
    let sql = "SELECT source, current_schema() IS NULL, current_setting('server_encoding') \
               FROM pg_settings WHERE name = 'search_path'";
    let row = raw_sql(sql).fetch_one(&mut *connection).await?;
    warn_of_encoding(setting, row.try_get(2)?);
    let (source, has_no_schema): (&str, bool) = (row.try_get(0)?, row.try_get(1)?);
    // `session` where a pooler passes the option on by a statement.
    let is_lost = !["client", "session"].contains(&source) || has_no_schema;
    Ok((is_lost && names_schema(url)?).then_some(LOST_SCHEMA))
}

/// Whether the options of the URL name the schema of the tables.
fn names_schema(url: &DatabaseUrl) -> Result<bool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url.expose())?;
    Ok(options.get_options().is_some_and(|options| options.contains("search_path")))
}

fn warn_of_encoding(setting: &str, encoding: &str) {
    if encoding != "UTF8" {
        tracing::warn!(
            setting,
            encoding,
            "the database does not have the encoding UTF8; a value that it cannot store is refused"
        );
    }
}
