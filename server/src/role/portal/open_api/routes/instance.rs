//! The operations of instances.

use http::Method;

use super::{about, in_namespace};
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::instance;
use crate::role::portal::{EmptyAnswer, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Instance Management", id, summary);
    let by_content = PortalAccess::ByContent(Requirement::SeeRelease);
    routes
        .operation(
            Method::GET,
            in_namespace!("/instances"),
            PortalAccess::Read(Requirement::SeeRelease, EmptyAnswer::Zero),
            about("getInstanceCountByNamespace", "Counts the instances that read a namespace."),
            instance::count,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/instances/by-namespace",
            by_content,
            about("getByNamespace", "Lists the instances that read a namespace."),
            instance::of_namespace,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/instances/by-release",
            by_content,
            about("getByRelease", "Lists the instances that last received a release."),
            instance::of_release,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/instances/by-namespace-and-releases-not-in",
            by_content,
            about(
                "getByReleasesAndNamespaceNotIn",
                "Lists the instances that last received another release of a namespace.",
            ),
            instance::without_releases,
        )
        .extension(
            Method::DELETE,
            in_namespace!("/instances/{instanceId}"),
            PortalAccess::Call(Requirement::DeleteNamespace),
            about(
                "forgetInstance",
                "Forgets that an instance reads a namespace; one that still runs is recorded again.",
            ),
            instance::forget,
        )
}
