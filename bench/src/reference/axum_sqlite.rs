//! A minimal server with a database: one table, two routes, `axum::serve`.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use rusqlite::Connection;
use tokio::net::TcpListener;

use super::{announce, listen};

/// The argument is the database file.
pub(super) async fn run(arguments: &[String]) -> Result<()> {
    let file = arguments.first().context("name a database file")?;
    let database = Connection::open(file)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.execute_batch(
        "CREATE TABLE IF NOT EXISTS Item (Id integer PRIMARY KEY, Value text NOT NULL)",
    )?;
    let router = Router::new()
        .route("/health", get(health))
        .route("/items/{count}", get(items))
        .with_state(Arc::new(Mutex::new(database)));
    let listener = TcpListener::from_std(listen()?)?;
    announce(listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn health(State(database): State<Arc<Mutex<Connection>>>) -> Result<String, StatusCode> {
    let database = database.lock().unwrap_or_else(PoisonError::into_inner);
    let count: rusqlite::Result<i64> =
        database.query_row("SELECT count(*) FROM Item", [], |row| row.get(0));
    count.map(|count| count.to_string()).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// A row as a list shows it.
#[derive(serde::Serialize)]
struct Item {
    id: i64,
    value: String,
}

/// The first rows, which are inserted if there are fewer.
async fn items(
    State(database): State<Arc<Mutex<Connection>>>,
    Path(count): Path<i64>,
) -> Result<Json<Vec<Item>>, StatusCode> {
    let database = database.lock().unwrap_or_else(PoisonError::into_inner);
    read(&database, count).map(Json).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

fn read(database: &Connection, count: i64) -> rusqlite::Result<Vec<Item>> {
    database.execute(
        "WITH RECURSIVE Number (Id) AS (SELECT 1 UNION ALL SELECT Id + 1 FROM Number WHERE Id < ?1)
         INSERT OR IGNORE INTO Item (Id, Value) SELECT Id, printf('%040d', Id) FROM Number
         WHERE NOT EXISTS (SELECT 1 FROM Item WHERE Id = ?1)",
        [count],
    )?;
    let mut statement = database.prepare_cached("SELECT Id, Value FROM Item LIMIT ?1")?;
    let rows = statement.query_map([count], |row| Ok(Item { id: row.get(0)?, value: row.get(1)? }));
    rows?.collect()
}
