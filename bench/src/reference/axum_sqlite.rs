//! A minimal server with a database: one table, one route, `axum::serve`.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
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
    let router =
        Router::new().route("/health", get(health)).with_state(Arc::new(Mutex::new(database)));
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
