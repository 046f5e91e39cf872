//! The operations of access keys.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::access_key;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("AccessKey Management", id, summary);
    let admin = PortalAccess::Call(Requirement::AppAdmin);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/accesskeys",
            admin,
            about("findAccessKeys", "Lists the access keys of an app, with their secrets."),
            access_key::list,
        )
        .extension(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/accesskeys/unsigned",
            admin,
            about(
                "findUnsignedClients",
                "Lists clients that an observed access key of an app would refuse.",
            ),
            access_key::unsigned,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/envs/{env}/accesskeys",
            admin,
            about("createAccessKey", "Creates an access key, which is disabled at first."),
            access_key::create,
        )
        .operation(
            Method::PUT,
            "/openapi/v1/apps/{appId}/envs/{env}/accesskeys/{accessKeyId}/activation",
            admin,
            about("enableAccessKey", "Enables an access key."),
            access_key::enable,
        )
        .operation(
            Method::PUT,
            "/openapi/v1/apps/{appId}/envs/{env}/accesskeys/{accessKeyId}/deactivation",
            admin,
            about("disableAccessKey", "Disables an access key."),
            access_key::disable,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/envs/{env}/accesskeys/{accessKeyId}",
            admin,
            about("deleteAccessKey", "Deletes a disabled access key."),
            access_key::delete,
        )
}
