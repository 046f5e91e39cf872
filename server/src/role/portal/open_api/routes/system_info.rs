//! The operations of the page about the system: the environments, their services, and Eureka.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::{eureka, system_info};
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let root = PortalAccess::Session(Requirement::Root);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/system-info",
            root,
            about("getSystemInfo", "Lists the environments with their live services."),
            system_info::get,
        )
        .operation(
            Method::GET,
            "/openapi/v1/system-info/health",
            root,
            about("checkSystemHealth", "Returns the health of an instance of a service."),
            system_info::health,
        )
        .extension(
            Method::GET,
            "/openapi/v1/eureka",
            root,
            about("findEurekaRegistry", "Lists instances and peers of the Eureka of this node."),
            eureka::get,
        )
}
