//! The operations that show what happened to a namespace.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::history;
use crate::role::portal::{EmptyAnswer, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let seen = PortalAccess::Read(Requirement::SeeAsPerson, EmptyAnswer::List);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/namespaces/{namespaceName}/commits",
            seen,
            about("findCommits", "Lists the changes of a namespace, newest first."),
            history::commits,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/namespaces/{namespaceName}/releases/histories",
            seen,
            about(
                "findReleaseHistoriesByNamespace",
                "Lists the publishes and rollbacks of a namespace, newest first.",
            ),
            history::releases,
        )
}
