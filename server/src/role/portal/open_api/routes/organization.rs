//! The operations of departments.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::organization;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    routes.operation(
        Method::GET,
        "/openapi/v1/organizations",
        PortalAccess::Call(Requirement::Nothing),
        about("Organization Management", "getOrganization", "Lists the departments."),
        organization::list,
    )
}
