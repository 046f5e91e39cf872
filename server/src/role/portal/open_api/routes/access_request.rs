//! The operations of requests for access, which Apollo does not have.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::access_request;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Permission Management", id, summary);
    let person = PortalAccess::Session(Requirement::Person);
    let user = PortalAccess::Call(Requirement::User);
    routes
        .extension(
            Method::POST,
            "/openapi/v1/access-requests",
            person,
            about("createAccessRequest", "Asks the administrators of an app for a role on it."),
            access_request::create,
        )
        .extension(
            Method::GET,
            "/openapi/v1/access-requests",
            user,
            about(
                "findAccessRequests",
                "Lists the requests for an app; for others than its administrators, their own.",
            ),
            access_request::of_app,
        )
        .extension(
            Method::GET,
            "/openapi/v1/access-requests/waiting",
            user,
            about(
                "findWaitingAccessRequests",
                "Lists the open requests that the caller may decide.",
            ),
            access_request::waiting,
        )
        .extension(
            Method::PUT,
            "/openapi/v1/access-requests/{requestId}/decision",
            PortalAccess::ByContent(Requirement::AppAdmin),
            about(
                "decideAccessRequest",
                "Grants the requested role, or declines it with a reason.",
            ),
            access_request::decide,
        )
        .extension(
            Method::DELETE,
            "/openapi/v1/access-requests/{requestId}",
            person,
            about("withdrawAccessRequest", "Withdraws an open request of the signed-in user."),
            access_request::withdraw,
        )
}
