//! Bodies of `/openapi/v1` about roles and permissions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::User;
use crate::wire::body::{Member, body};

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
