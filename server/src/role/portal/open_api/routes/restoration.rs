//! The operations of what was deleted, which Apollo does not have.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::restoration;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    routes
        .extension(
            Method::GET,
            "/openapi/v1/apps/{appId}/deleted",
            PortalAccess::Call(Requirement::DeleteNamespace),
            about(
                "App Management",
                "findDeletedObjects",
                "Lists what was deleted of an app within 30 days.",
            ),
            restoration::list,
        )
        .extension(
            Method::POST,
            "/openapi/v1/apps/{appId}/restorations",
            PortalAccess::Call(Requirement::DeleteNamespace),
            about(
                "App Management",
                "createRestoration",
                "Restores an app, or what was deleted of one, with the releases that it had.",
            ),
            restoration::create,
        )
        .extension(
            Method::GET,
            "/openapi/v1/deleted-apps",
            PortalAccess::Call(Requirement::Root),
            about(
                "App Management",
                "findDeletedApps",
                "Lists the apps that were deleted within 30 days.",
            ),
            restoration::apps,
        )
}
