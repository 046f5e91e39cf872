//! The operations of roles that belong to no app, and of the right to appoint administrators.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::http::operation::About;
use crate::role::portal::open_api::system_role;
use crate::role::portal::{PortalAccess, PortalRoutes};

const fn about_permissions(id: &'static str, summary: &'static str) -> About {
    about("Permission Management", id, summary)
}

/// The role to create apps, and super administrators.
pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = about_permissions;
    let root = PortalAccess::Call(Requirement::Root);
    let seen = PortalAccess::Call(Requirement::SeeRoles);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/permissions/root",
            seen,
            about("hasRootPermission", "Returns whether a user is a super administrator."),
            system_role::is_root,
        )
        .operation(
            Method::GET,
            "/openapi/v1/system/roles/create-application",
            seen,
            about("hasCreateApplicationPermission", "Returns whether a user may create apps."),
            system_role::may_create_apps,
        )
        .operation(
            Method::POST,
            "/openapi/v1/system/roles/create-application",
            root,
            about("addCreateApplicationRoleToUsers", "Grants users the role to create apps."),
            system_role::add_app_creators,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/system/roles/create-application",
            root,
            about(
                "deleteCreateApplicationRoleFromUser",
                "Revokes the role to create apps from a user.",
            ),
            system_role::remove_app_creator,
        )
        .operation(
            Method::GET,
            "/openapi/v1/system/roles/create-application/role-users",
            root,
            about("getCreateApplicationRoleUsers", "Lists the users with the role to create apps."),
            system_role::app_creators,
        )
}

/// The permission to appoint administrators of an app.
pub(super) fn appointing(routes: PortalRoutes) -> PortalRoutes {
    let about = about_permissions;
    let root = PortalAccess::Call(Requirement::Root);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/system/role/manage-app-master",
            PortalAccess::Call(Requirement::Nothing),
            about(
                "isManageAppMasterPermissionEnabled",
                "Returns whether appointing administrators requires a permission of its own.",
            ),
            system_role::is_appointing_limited,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/roles/master",
            root,
            about(
                "addManageAppMasterRoleToUser",
                "Permits a user to appoint administrators of an app.",
            ),
            system_role::allow_to_appoint,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/roles/master",
            root,
            about(
                "removeManageAppMasterRoleFromUser",
                "Ends the permission to appoint administrators of an app.",
            ),
            system_role::forbid_to_appoint,
        )
}
