//! The operations of namespaces and of their locks.

use http::Method;

use super::{about, in_namespace};
use crate::domain::permission::need::Need;
use crate::role::portal::open_api::namespace;
use crate::role::portal::{Hidden, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Namespace Management", id, summary);
    let seen = PortalAccess::Read(Need::See, Hidden::Nothing);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/namespaces",
            PortalAccess::ByContent,
            about("createNamespaces", "Creates namespaces, each in one cluster."),
            namespace::associate,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}/namespaces",
            PortalAccess::Call(Need::Nothing),
            about("findNamespaces", "Lists the namespaces of a cluster that the caller may see."),
            namespace::list,
        )
        .operation(
            Method::GET,
            in_namespace!(""),
            seen,
            about("findNamespace", "Returns a namespace."),
            namespace::get,
        )
        .operation(
            Method::GET,
            in_namespace!("/lock"),
            seen,
            super::about(
                "Namespace Lock Management",
                "getNamespaceLock",
                "Returns the edit lock of a namespace.",
            ),
            namespace::lock,
        )
}
