//! The operations of releases.

use http::Method;

use super::{about, in_namespace};
use crate::domain::permission::Action;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::release;
use crate::role::portal::{EmptyAnswer, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Release Management", id, summary);
    let by_content = PortalAccess::ByContent(Requirement::SeeRelease);
    routes
        .operation(
            Method::POST,
            in_namespace!("/releases"),
            PortalAccess::Call(Requirement::Permission(Action::Release)),
            about("createRelease", "Publishes a namespace."),
            release::publish,
        )
        .operation(
            Method::GET,
            in_namespace!("/releases/latest"),
            PortalAccess::Read(Requirement::SeeRelease, EmptyAnswer::Nothing),
            about(
                "loadLatestActiveRelease",
                "Returns the release that clients receive, or an empty body.",
            ),
            release::latest,
        )
        .operation(
            Method::GET,
            in_namespace!("/releases/active"),
            PortalAccess::Read(Requirement::SeeRelease, EmptyAnswer::List),
            about(
                "findActiveReleases",
                "Lists the releases of a namespace that were not rolled back, newest first.",
            ),
            release::active,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/releases/comparison",
            by_content,
            about("compareRelease", "Lists the differences between two releases."),
            release::compare,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/releases/{releaseId}",
            by_content,
            about("getReleaseById", "Returns a release."),
            release::get,
        )
        .operation(
            Method::PUT,
            "/openapi/v1/envs/{env}/releases/{releaseId}/rollback",
            PortalAccess::ByContent(Requirement::Permission(Action::Release)),
            about("rollback", "Rolls a namespace back to an earlier release."),
            release::roll_back,
        )
        .extension(
            Method::PUT,
            "/openapi/v1/envs/{env}/releases/{releaseId}/withdrawal",
            PortalAccess::ByContent(Requirement::Permission(Action::Release)),
            about(
                "withdrawRelease",
                "Withdraws the only release of a namespace in a cluster; its clients receive that of the default cluster.",
            ),
            release::withdraw,
        )
}
