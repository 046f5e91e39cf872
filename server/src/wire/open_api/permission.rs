//! Bodies of `/openapi/v1` about roles and permissions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::User;
use crate::wire::body::{Member, body};

body! {
    /// A role to grant to a user, or to revoke. Without a namespace and a cluster it is a role on the
    /// app, with a namespace on that (in all environments without one), with a cluster on that.
    AccessGrant {
        /// App.
        app_id: Option<String>,
        /// Environment.
        env: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Type of the role, as in the path of the operations for one role.
        role_type: Option<String>,
        /// User name.
        user_id: Option<String>,
        /// Whether the role is revoked.
        is_revocation: bool,
    }
}

body! {
    /// What became of one grant.
    AccessGrantResult {
        /// Status that the operation for the one role answers with.
        status: i64,
        /// Why it failed.
        code: Option<String>,
        /// The same for people.
        message: Option<String>,
    }
}

body! {
    /// Whether a user has a permission.
    #[schema(as = OpenPermissionConditionDTO)]
    PermissionCondition {
        /// Whether the user has the permission.
        has_permission: bool,
    }
}

body! {
    /// The administrators of an app.
    #[schema(as = OpenAppRoleUserDTO)]
    AppRoleUsers {
        /// App.
        app_id: Option<String>,
        /// Administrators.
        master_users: Option<Vec<User>>,
    }
}

body! {
    /// The editors and publishers of a namespace in all environments.
    #[schema(as = OpenNamespaceRoleUserDTO)]
    NamespaceRoleUsers {
        /// App.
        app_id: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Editors.
        modify_role_users: Option<Vec<User>>,
        /// Publishers.
        release_role_users: Option<Vec<User>>,
    }
}

body! {
    /// The editors and publishers of a namespace in one environment.
    #[schema(as = OpenEnvNamespaceRoleUserDTO)]
    NamespaceInEnvRoleUsers {
        /// App.
        app_id: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Editors.
        modify_role_users: Option<Vec<User>>,
        /// Publishers.
        release_role_users: Option<Vec<User>>,
        /// Environment.
        env: Option<String>,
    }
}

body! {
    /// The editors and publishers of all namespaces of a cluster.
    #[schema(as = OpenClusterNamespaceRoleUserDTO)]
    ClusterRoleUsers {
        /// App.
        app_id: Option<String>,
        /// Environment.
        env: Option<String>,
        /// Cluster.
        cluster: Option<String>,
        /// Editors.
        modify_role_users: Option<Vec<User>>,
        /// Publishers.
        release_role_users: Option<Vec<User>>,
    }
}
