//! Rows in the databases of a server, read while it runs.

use std::path::Path;

use sea_orm::{ConnectionTrait as _, Database, DatabaseBackend, Statement};
use serde_json::Value;

/// Rows of a query on `config.db` or `portal.db`, as JSON objects.
pub(crate) async fn rows(data_dir: &Path, file: &str, sql: &str) -> Vec<Value> {
    let url = format!("sqlite://{}?mode=ro", data_dir.join(file).display());
    let database = Database::connect(url).await.unwrap();
    let statement = Statement::from_string(DatabaseBackend::Sqlite, sql);
    let rows = database.query_all_raw(statement).await.unwrap();
    rows.iter().map(object).collect()
}

/// A row as a JSON object.
pub(crate) fn object(row: &sea_orm::QueryResult) -> Value {
    let columns = row.column_names().into_iter();
    columns.map(|name| (name.clone(), value(row, &name))).collect::<serde_json::Map<_, _>>().into()
}

fn value(row: &sea_orm::QueryResult, name: &str) -> Value {
    if let Ok(Some(number)) = row.try_get::<Option<i64>>("", name) {
        return number.into();
    }
    if let Ok(Some(number)) = row.try_get::<Option<u64>>("", name) {
        return number.into();
    }
    if let Ok(Some(time)) = row.try_get::<Option<sea_orm::prelude::DateTimeUtc>>("", name) {
        return time.to_rfc3339().into();
    }
    row.try_get::<Option<String>>("", name).ok().flatten().map_or(Value::Null, Value::from)
}
