//! A long poll as anybody would write it: an axum handler that waits, served by `axum::serve`.

use anyhow::Result;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{ANY_PORT, NOTIFICATION, announce, knows_nothing};

pub(super) async fn run() -> Result<()> {
    let (wake, _) = watch::channel(());
    let router = Router::new()
        .route("/notifications/v2", get(poll))
        .route(
            "/wake",
            post(|State(wake): State<watch::Sender<()>>| async move { wake.send_replace(()) }),
        )
        .with_state(wake);
    let listener = TcpListener::bind(ANY_PORT).await?;
    announce(listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn poll(State(wake): State<watch::Sender<()>>, RawQuery(query): RawQuery) -> Response {
    if !knows_nothing(query.unwrap_or_default().as_bytes()) {
        // Fails only once the sender is gone, and we hold one.
        let _ = wake.subscribe().changed().await;
    }
    ([(CONTENT_TYPE, "application/json")], NOTIFICATION).into_response()
}
