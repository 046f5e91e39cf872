//! The operations of roles and permissions on apps, namespaces and clusters.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::http::operation::About;
use crate::role::portal::open_api::{access_grant, permission};
use crate::role::portal::{PortalAccess, PortalRoutes};

const fn about_permissions(id: &'static str, summary: &'static str) -> About {
    about("Permission Management", id, summary)
}

/// Grants.
pub(super) fn roles(routes: PortalRoutes) -> PortalRoutes {
    let about = about_permissions;
    let admin = PortalAccess::Call(Requirement::AppAdmin);
    let appoint = PortalAccess::Call(Requirement::AppointMaster);
    routes
        .extension(
            Method::POST,
            access_grant::PATH,
            PortalAccess::Session(Requirement::Person),
            about(
                "changeAccessGrants",
                "Grants and revokes several roles, each with its own result.",
            ),
            access_grant::change,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/roles/{roleType}",
            appoint,
            about("assignAppRoleToUser", "Grants a user a role on an app."),
            permission::assign,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/roles/{roleType}",
            appoint,
            about("removeAppRoleFromUser", "Revokes a role on an app from a user."),
            permission::revoke,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/namespaces/{namespaceName}/roles/{roleType}",
            admin,
            about("assignNamespaceRoleToUser", "Grants a user a role on a namespace."),
            permission::assign,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/namespaces/{namespaceName}/roles/{roleType}",
            admin,
            about("removeNamespaceRoleFromUser", "Revokes a role on a namespace from a user."),
            permission::revoke,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/envs/{env}/namespaces/{namespaceName}/roles/{roleType}",
            admin,
            about(
                "assignNamespaceEnvRoleToUser",
                "Grants a user a role on a namespace in one environment.",
            ),
            permission::assign,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/envs/{env}/namespaces/{namespaceName}/roles/{roleType}",
            admin,
            about(
                "removeNamespaceEnvRoleFromUser",
                "Revokes a role on a namespace in one environment from a user.",
            ),
            permission::revoke,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/roles/{roleType}",
            admin,
            about("assignClusterNamespaceRoleToUser", "Grants a user a role on a cluster."),
            permission::assign,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/roles/{roleType}",
            admin,
            about("removeClusterNamespaceRoleFromUser", "Revokes a role on a cluster from a user."),
            permission::revoke,
        )
}

/// The creation of missing roles.
pub(super) fn missing_roles(routes: PortalRoutes) -> PortalRoutes {
    let about = about_permissions;
    let admin = PortalAccess::Call(Requirement::AppAdmin);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/namespaces/{namespaceName}/permission-init",
            admin,
            about("initAppPermission", "Creates the missing roles of a namespace."),
            permission::create_roles,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/namespaces/permission-init",
            admin,
            about("initClusterNamespacePermission", "Creates the missing roles of a cluster."),
            permission::create_roles,
        )
}

/// Who has the roles.
pub(super) fn role_users(routes: PortalRoutes) -> PortalRoutes {
    let about = about_permissions;
    let seen = PortalAccess::Call(Requirement::SeeRoles);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/role-users",
            seen,
            about("getAppRoles", "Lists the administrators of an app."),
            permission::masters,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/namespaces/{namespaceName}/role-users",
            seen,
            about(
                "getNamespaceRoles",
                "Lists the editors and publishers of a namespace in all environments.",
            ),
            permission::of_namespace,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/namespaces/{namespaceName}/role-users",
            seen,
            about(
                "getNamespaceEnvRoleUsers",
                "Lists the editors and publishers of a namespace in one environment.",
            ),
            permission::of_namespace_in_env,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/namespaces/role-users",
            seen,
            about(
                "getClusterNamespaceRoles",
                "Lists the editors and publishers of all namespaces of a cluster.",
            ),
            permission::of_cluster,
        )
}

/// Whether a user has a permission.
pub(super) fn probes(routes: PortalRoutes) -> PortalRoutes {
    let about = about_permissions;
    let seen = PortalAccess::Call(Requirement::SeeRoles);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/permissions/{permissionType}",
            seen,
            about("hasAppPermission", "Returns whether a user has a permission on an app."),
            permission::probe,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/namespaces/{namespaceName}/permissions/{permissionType}",
            seen,
            about(
                "hasNamespacePermission",
                "Returns whether a user has a permission on a namespace.",
            ),
            permission::probe,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/namespaces/{namespaceName}/permissions/{permissionType}",
            seen,
            about(
                "hasEnvNamespacePermission",
                "Returns whether a user has a permission on a namespace in one environment.",
            ),
            permission::probe,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/namespaces/permissions/{permissionType}",
            seen,
            about(
                "hasClusterNamespacePermission",
                "Returns whether a user has a permission on a cluster.",
            ),
            permission::probe,
        )
}
