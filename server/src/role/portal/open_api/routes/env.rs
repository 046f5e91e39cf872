//! The operations of environments.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::env;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    routes.operation(
        Method::GET,
        "/openapi/v1/envs",
        PortalAccess::Call(Requirement::Nothing),
        about("Environment Management", "getEnvs", "Lists the environments."),
        env::list,
    )
}
