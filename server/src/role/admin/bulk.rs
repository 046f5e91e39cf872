//! Reads that Apollo's admin API lacks, for the portal: the content of all namespaces of a cluster,
//! the clients of a namespace in all clusters, the audiences of gray releases of an app, and
//! whether a change set would be accepted.

use axum::extract::State;

use super::body::bodies;
use super::item::rules;
use super::long_read;
use super::request::QueryParameters;
use super::{AdminAccess, AdminRoutes, key};
use crate::domain::cluster_content::{self, NamespaceContent};
use crate::domain::gray_rule;
use crate::domain::instance::{self, ClusterReaders};
use crate::domain::item_set::trial;
use crate::error::Result;
use crate::http::request::{Body, LARGE_BODY, Path};
use crate::http::revision::On;
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .get("/apps/{app_id}/clusters/{cluster}/contents", AdminAccess::Token, contents)
        .get("/apps/{app_id}/appnamespaces/{name}/readers", AdminAccess::Token, readers)
        .get("/apps/{app_id}/gray-audiences", AdminAccess::Token, audiences)
        .post(in_namespace!("/itemset/trial"), AdminAccess::Token, try_out)
}

async fn contents(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster)): Path<(String, String)>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::NamespaceContent>>> {
    let with_releases = parameters.flag("releases", false)?;
    let config = state.config.clone();
    let read = long_read::contents(&state.store, |store| async move {
        let place = (app_id.as_str(), cluster.as_str());
        cluster_content::of_cluster(&store, &config, place, with_releases).await
    });
    Ok(Json(bodies(read.await?)))
}

async fn readers(
    State(state): State<EnvironmentState>,
    Path((app_id, name)): Path<(String, String)>,
) -> Result<Json<Vec<wire::ClusterReaders>>> {
    Ok(Json(bodies(instance::count_by_cluster(&state.store, &app_id, &name).await?)))
}

async fn audiences(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<Vec<wire::GrayReleaseRule>>> {
    Ok(Json(bodies(gray_rule::audiences(&state.store, &app_id).await?)))
}

/// Answers as if the change set were applied; of a namespace that is missing, as far as that is
/// known before.
async fn try_out(
    State(state): State<EnvironmentState>,
    Path(names): Path<super::NamespaceNames>,
    QueryParameters(parameters): QueryParameters,
    On(base): On,
    Body(body): Body<wire::ItemChangeSets, LARGE_BODY>,
) -> Result<()> {
    let created = u64::try_from(parameters.number_or("created", 1)?).unwrap_or_default();
    let (key, rules, changes) = (key(&names), rules(&state), body.into());
    trial::check(&state.store, &state.config, rules, &key, changes, base, created).await
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
