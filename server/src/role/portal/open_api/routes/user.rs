//! The operations of the signed-in user.

use http::Method;

use super::about;
use crate::domain::permission::need::Need;
use crate::role::portal::open_api::user;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    routes.operation(
        Method::GET,
        "/openapi/v1/user",
        PortalAccess::Call(Need::Person),
        about("Portal User Management", "getCurrentUser", "Returns the signed-in user."),
        user::current,
    )
}
