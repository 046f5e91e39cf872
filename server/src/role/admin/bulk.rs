//! Reads that Apollo's admin API lacks, for the portal: the content of all namespaces of a cluster,
//! and the clients of a namespace in all clusters.

use axum::extract::State;

use super::body::bodies;
use super::request::QueryParameters;
use super::{AdminAccess, AdminRoutes};
use crate::domain::cluster_content::{self, NamespaceContent};
use crate::domain::instance::{self, ClusterReaders};
use crate::error::Result;
use crate::http::request::Path;
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes.get("/apps/{app_id}/clusters/{cluster}/contents", AdminAccess::Token, contents).get(
        "/apps/{app_id}/appnamespaces/{name}/readers",
        AdminAccess::Token,
        readers,
    )
}

async fn contents(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster)): Path<(String, String)>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::NamespaceContent>>> {
    let with_releases = parameters.flag("releases", false)?;
    let place = (app_id.as_str(), cluster.as_str());
    let found =
        cluster_content::of_cluster(&state.store, &state.config, place, with_releases).await?;
    Ok(Json(bodies(found)))
}

async fn readers(
    State(state): State<EnvironmentState>,
    Path((app_id, name)): Path<(String, String)>,
) -> Result<Json<Vec<wire::ClusterReaders>>> {
    Ok(Json(bodies(instance::count_by_cluster(&state.store, &app_id, &name).await?)))
}

impl From<NamespaceContent> for wire::NamespaceContent {
    fn from(content: NamespaceContent) -> Self {
        Self {
            namespace_name: content.namespace,
            items: bodies(content.items),
            release: content.release.map(Into::into),
            deleted_items: bodies(content.deleted),
            is_gray: Some(content.is_gray),
            locked_by: content.locked_by,
        }
    }
}

impl From<ClusterReaders> for wire::ClusterReaders {
    fn from(readers: ClusterReaders) -> Self {
        Self {
            cluster_name: readers.cluster,
            instance_count: readers.main,
            branch_instance_count: readers.branch,
        }
    }
}
