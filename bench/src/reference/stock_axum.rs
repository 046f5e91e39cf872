//! A straightforward long poll: an axum handler that waits, served by `axum::serve`.

use anyhow::Result;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::poll::{CONTENT, FIRST_ID, known_id, notification};
use super::{announce, listen};

const JSON: &str = "application/json";

pub(super) async fn run() -> Result<()> {
    let content = Bytes::from("x".repeat(CONTENT));
    let router = Router::new()
        .route("/notifications/v2", get(poll))
        .route("/configs/{*name}", get(|| async { ([(CONTENT_TYPE, JSON)], content) }))
        .route("/wake", post(wake))
        .with_state(watch::Sender::new(FIRST_ID));
    let listener = TcpListener::from_std(listen()?)?;
    announce(listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn poll(State(current): State<watch::Sender<i64>>, RawQuery(query): RawQuery) -> Response {
    let known = known_id(query.unwrap_or_default().as_bytes());
    match current.subscribe().wait_for(|id| *id > known).await {
        Ok(id) => ([(CONTENT_TYPE, JSON)], notification(*id)).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn wake(State(current): State<watch::Sender<i64>>) {
    current.send_modify(|id| *id += 1);
}
