//! A long poll as anybody would write it: an axum handler that waits, served by `axum::serve`.

use anyhow::Result;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{CONTENT, NOTIFICATION, announce, knows_nothing, listen};

const JSON: &str = "application/json";

pub(super) async fn run() -> Result<()> {
    let content = Bytes::from("x".repeat(CONTENT));
    let router = Router::new()
        .route("/notifications/v2", get(poll))
        .route("/configs/{*name}", get(|| async { ([(CONTENT_TYPE, JSON)], content) }))
        .route("/wake", post(wake))
        .with_state(watch::Sender::new(()));
    let listener = TcpListener::from_std(listen()?)?;
    announce(listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn poll(State(waker): State<watch::Sender<()>>, RawQuery(query): RawQuery) -> Response {
    if !knows_nothing(query.unwrap_or_default().as_bytes()) {
        // Fails only once the sender is gone, and we hold one.
        let _ = waker.subscribe().changed().await;
    }
    ([(CONTENT_TYPE, JSON)], NOTIFICATION).into_response()
}

async fn wake(State(waker): State<watch::Sender<()>>) {
    waker.send_replace(());
}
