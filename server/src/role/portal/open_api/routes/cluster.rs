//! The operations of clusters.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::cluster;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Cluster Management", id, summary);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters",
            PortalAccess::Call(Requirement::CreateCluster),
            about("createCluster", "Creates a cluster."),
            cluster::create,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}",
            PortalAccess::Call(Requirement::Nothing),
            about("getCluster", "Returns a cluster."),
            cluster::get,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}",
            PortalAccess::Call(Requirement::DeleteCluster),
            about("deleteCluster", "Deletes a cluster with its namespaces."),
            cluster::delete,
        )
}
