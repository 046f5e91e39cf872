//! Information about a node for its operators: build, addresses, location. Protected by the metrics
//! token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use castalia_store::Secret;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::metrics::check_token;
use super::route::{Listed, Routes};
use crate::json::Json;
use crate::settings::Settings;

/// Access to these routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AboutAccess {
    /// Requires the metrics token.
    Token,
}

/// Build of the program.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Info {
    build: Build,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Build {
    name: &'static str,
    version: &'static str,
}

/// State of the routes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    token: Secret,
    settings: Arc<Settings>,
}

impl NodeInfo {
    /// Routes that `token` protects.
    #[must_use]
    pub fn new(token: Secret, settings: Arc<Settings>) -> Self {
        Self { token, settings }
    }

    /// The routes of the client port.
    pub fn routes(self) -> (Router, Vec<Listed<AboutAccess>>) {
        Routes::new(self, guard)
            .get("/apollo/net", AboutAccess::Token, addresses)
            .get("/apollo/server", AboutAccess::Token, place)
            .finish_without_fallback()
    }
}

fn guard(
    about: NodeInfo,
    access: AboutAccess,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    let AboutAccess::Token = access;
    check_token(Some(about.token), request, next)
}

/// `/info`
pub(super) async fn info() -> Json<Info> {
    let build = Build { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };
    Json(Info { build })
}

/// Addresses of this machine.
pub async fn addresses() -> String {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let lines =
        interfaces.iter().map(|interface| format!("{} {}\n", interface.name, interface.ip()));
    lines.collect()
}

async fn place(State(about): State<NodeInfo>) -> String {
    place_of(&about.settings)
}

/// Environment, data center and cluster of a node.
#[must_use]
pub fn place_of(settings: &Settings) -> String {
    let (idc, cluster) = (settings.idc.as_deref(), settings.cluster.as_deref());
    format!(
        "env={} idc={} cluster={}\n",
        settings.env,
        idc.unwrap_or_default(),
        cluster.unwrap_or_default()
    )
}
