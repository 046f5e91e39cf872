//! Answers at paths of Apollo's portal before `/openapi/v1`, where they differ from those of the
//! operation: an app without its wrapper, clusters in a tree, and the caller's own permission.

use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};

use super::app;
use crate::domain::permission::requirement::Resource;
use crate::error::Result;
use crate::http::request::Body;
use crate::http::revision::At;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::fan_out::Pending;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{App, Cluster, CreateApp, EnvClusterInfo, PermissionCondition};

/// An app to create, with its further administrators.
#[derive(Debug, Deserialize)]
pub(super) struct AppRequest {
    #[serde(flatten)]
    app: App,
    #[serde(default)]
    admins: Option<Vec<String>>,
}

/// The clusters of an app by environment.
#[derive(Debug, Serialize)]
pub(super) struct Tree {
    code: u16,
    entities: Vec<Branch>,
}

#[derive(Debug, Serialize)]
struct Branch {
    code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<EnvClusters>,
}

#[derive(Debug, Serialize)]
struct EnvClusters {
    env: Option<String>,
    clusters: Vec<Cluster>,
}

/// Creates an app, and returns it.
pub(super) async fn create_app(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<AppRequest>,
) -> Result<(Pending, Json<App>)> {
    let app_id = new.app.app_id.clone().unwrap_or_default();
    let body = CreateApp {
        assign_app_role_to_self: false,
        admins: new.admins,
        app: Some(Box::new(new.app)),
    };
    let caller = Extension(caller);
    let pending = app::create(State(portal.clone()), caller.clone(), Body(body)).await?;
    let place = Resource { app_id, ..Resource::default() };
    let At(_, made) = app::get(State(portal), caller, Extension(place)).await?;
    Ok((pending, made))
}

/// The clusters of an app.
pub(super) async fn tree(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Tree>> {
    let Json(found) = app::env_cluster_info(State(portal), Extension(place)).await?;
    let branch = |EnvClusterInfo { code, message, env, clusters }: EnvClusterInfo| Branch {
        code,
        message,
        body: clusters.map(|clusters| EnvClusters { env, clusters }),
    };
    Ok(Json(Tree { code: 200, entities: found.into_iter().map(branch).collect() }))
}

/// Whether the caller is a super administrator.
pub(super) async fn is_root(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Json<PermissionCondition> {
    Json(PermissionCondition { has_permission: portal.rights().acts_as_root(&caller.identity) })
}
