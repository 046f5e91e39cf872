//! The part of its owner's permissions that a user token has: operations, and the apps,
//! environments and namespaces that they concern (pure). `requirement.rs` requires the owner's
//! permission as well, at each call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Action;
use super::requirement::{Requirement, Resource};
use crate::settings::environment;

/// Any name, in the scope of a namespace.
pub const ANY: &str = "*";

/// What a token may be used for. Its names are those of Apollo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOperation {
    /// Read items, releases, branches and instances.
    ConfigRead,
    /// Edit items and gray branches.
    ConfigModify,
    /// Edit items, which changes nothing that clients receive until somebody else publishes it.
    /// Apollo does not have it.
    ConfigPropose,
    /// Publish, roll back and merge.
    ConfigRelease,
    /// Create namespaces.
    NamespaceCreate,
    /// Delete namespaces.
    NamespaceDelete,
    /// Create clusters.
    ClusterCreate,
    /// Administer an app: its roles, access keys and details.
    AppManageRole,
    /// Create apps.
    AppCreate,
    /// See and manage users.
    UserManage,
    /// What only super administrators may do.
    SystemAdmin,
}

use TokenOperation::{
    AppCreate, AppManageRole, ClusterCreate, ConfigModify, ConfigPropose, ConfigRead,
    ConfigRelease, NamespaceCreate, NamespaceDelete, SystemAdmin, UserManage,
};

/// Any of them allows to read names and descriptions.
const DESCRIBING: &[TokenOperation] = &[
    ConfigRead,
    ConfigModify,
    ConfigPropose,
    ConfigRelease,
    NamespaceCreate,
    NamespaceDelete,
    ClusterCreate,
    AppManageRole,
    AppCreate,
    SystemAdmin,
];

impl TokenOperation {
    /// All, in the order in which Apollo lists them.
    pub const ALL: [TokenOperation; 11] = [
        ConfigRead,
        ConfigModify,
        ConfigPropose,
        ConfigRelease,
        NamespaceCreate,
        NamespaceDelete,
        ClusterCreate,
        AppManageRole,
        AppCreate,
        UserManage,
        SystemAdmin,
    ];

    /// Name in bodies and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ConfigRead => "config:read",
            ConfigModify => "config:modify",
            ConfigPropose => "config:propose",
            ConfigRelease => "config:release",
            NamespaceCreate => "namespace:create",
            NamespaceDelete => "namespace:delete",
            ClusterCreate => "cluster:create",
            AppManageRole => "app:manage-role",
            AppCreate => "app:create",
            UserManage => "user:manage",
            SystemAdmin => "system:admin",
        }
    }

    /// The permission that a user needs to create a token with this operation: none for those that
    /// concern single apps.
    #[must_use]
    pub const fn need_of_owner(self) -> Requirement {
        match self {
            AppCreate => Requirement::CreateApp,
            UserManage => Requirement::ManageUsers,
            SystemAdmin => Requirement::Root,
            _ => Requirement::Nothing,
        }
    }
}

/// The operations of which a token needs one; `None` if no token suffices.
#[must_use]
pub fn required(requirement: Requirement) -> Option<&'static [TokenOperation]> {
    Some(match requirement {
        Requirement::Person | Requirement::SeeAsPerson => return None,
        Requirement::User => &[],
        Requirement::Nothing => DESCRIBING,
        Requirement::See | Requirement::SeeRelease | Requirement::Permission(Action::Read) => {
            &[ConfigRead]
        }
        Requirement::Permission(Action::Modify) => &[ConfigModify, ConfigPropose],
        // Rules decide which clients receive a gray release.
        Requirement::CreateBranch | Requirement::SetGrayRules => &[ConfigModify],
        Requirement::Permission(Action::Release) | Requirement::MergeBranch => &[ConfigRelease],
        Requirement::PreviewGrayRules => &[ConfigRead, ConfigModify],
        Requirement::AbandonBranch => &[ConfigRelease, ConfigModify],
        Requirement::CreateNamespace => &[NamespaceCreate],
        Requirement::DeleteNamespace => &[NamespaceDelete],
        Requirement::CreateCluster => &[ClusterCreate],
        Requirement::CreateApp | Requirement::AddAppToEnv => &[AppCreate],
        Requirement::AppAdmin | Requirement::AppointMaster => &[AppManageRole],
        Requirement::SeeRoles => &[AppManageRole, SystemAdmin],
        Requirement::SeeUsers | Requirement::ManageUsers => &[UserManage],
        Requirement::Root | Requirement::DeleteApp | Requirement::DeleteCluster => &[SystemAdmin],
    })
}

/// The scope of a token. An empty list does not limit it.
// A member that is unknown here may limit the token as well, so such a scope is not read at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenScope {
    /// Names of operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// Apps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub app_ids: Vec<String>,
    /// Environments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub envs: Vec<String>,
    /// Namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<NamespaceScope>,
}

/// Namespaces of a scope: those that have all of the given names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceScope {
    /// App.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// Environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// Namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_name: Option<String>,
}

/// Whether an object that leaves a part open, such as an app in all environments, is within a scope
/// that limits this part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenParts {
    Within,
    Outside,
}

impl TokenScope {
    /// The scope in a row; `None` if it cannot be read, so that the token allows nothing.
    #[must_use]
    pub fn read(stored: Option<&str>) -> Option<Self> {
        let scope: Value = serde_json::from_str(stored?).ok()?;
        // Lists would be read as objects whose members have these positions.
        let mut namespaces = scope["namespaces"].as_array().into_iter().flatten();
        let is_object = scope.is_object() && namespaces.all(Value::is_object);
        is_object.then(|| serde_json::from_value(scope).ok())?
    }

    /// Whether a token with this scope suffices for a call, if its owner has the permission.
    #[must_use]
    pub fn admits(&self, requirement: Requirement, place: &Resource) -> bool {
        self.has_operation_for(requirement)
            && match requirement {
                Requirement::User => true,
                // The description of an app is readable if any part of it is within the scope.
                Requirement::Nothing => self.reaches(place, OpenParts::Within),
                _ => self.reaches(place, OpenParts::Outside),
            }
    }

    /// Whether it has one of the required operations, on some object.
    #[must_use]
    pub fn has_operation_for(&self, requirement: Requirement) -> bool {
        required(requirement).is_some_and(|required| {
            required.is_empty()
                || self.operations.is_empty()
                || required.iter().any(|operation| self.allows(*operation))
        })
    }

    /// Whether it has an operation.
    #[must_use]
    pub fn allows(&self, operation: TokenOperation) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|name| name == operation.name())
    }

    fn reaches(&self, place: &Resource, open: OpenParts) -> bool {
        let Resource { app_id, env, cluster, namespace } = place;
        let is_left_open = |name: &str| name.is_empty() && open == OpenParts::Within;
        let names = |wanted: &Option<String>, name: &str| match wanted.as_deref() {
            None | Some("" | ANY) => true,
            Some(wanted) => wanted == name || is_left_open(name),
        };
        let names_env = |wanted: &String| environment::normalise(wanted) == *env;
        let names_namespace = |scope: &NamespaceScope| {
            let scoped_env = scope.env.as_deref().map(environment::normalise);
            names(&scope.app_id, app_id)
                && names(&scoped_env, env)
                && names(&scope.cluster_name, cluster)
                && names(&scope.namespace_name, namespace)
        };
        (self.app_ids.is_empty() || self.app_ids.contains(app_id) || is_left_open(app_id))
            && (self.envs.is_empty() || self.envs.iter().any(names_env) || is_left_open(env))
            && (self.namespaces.is_empty() || self.namespaces.iter().any(names_namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(parts: [&str; 4]) -> Resource {
        let [app_id, env, cluster, namespace] = parts.map(str::to_owned);
        Resource { app_id, env, cluster, namespace }
    }

    fn scope(stored: &str) -> TokenScope {
        TokenScope::read(Some(stored)).unwrap()
    }

    #[test]
    fn a_scope_is_stored_as_apollo_stores_it() {
        let stored = r#"{"operations":["config:read"],"namespaces":[{"appId":"a","env":"PRO"}]}"#;
        assert_eq!(serde_json::to_string(&scope(stored)).unwrap(), stored);
        assert_eq!(scope("{}"), TokenScope::default());
    }

    #[test]
    fn a_scope_that_cannot_be_read_allows_nothing() {
        for stored in [
            "",
            "null",
            "[]",
            "{",
            r#"{"appIds":"a"}"#,
            r#"{"regions":["eu"]}"#,
            r#"{"namespaces":[[]]}"#,
            r#"{"namespaces":[{"appId":"a","region":"eu"}]}"#,
        ] {
            assert_eq!(TokenScope::read(Some(stored)), None, "{stored}");
        }
        assert_eq!(TokenScope::read(None), None);
    }

    #[test]
    fn a_change_must_be_within_each_limited_part() {
        let edit = Requirement::Permission(Action::Modify);
        let whole = place(["a", "PRO", "c", "n"]);
        for (stored, expected) in [
            ("{}", true),
            (r#"{"appIds":["a","b"],"envs":["prod"]}"#, true),
            (r#"{"appIds":["b"]}"#, false),
            (r#"{"envs":["DEV"]}"#, false),
            (r#"{"namespaces":[{"appId":"*","env":"","namespaceName":"n"}]}"#, true),
            (
                r#"{"namespaces":[{"appId":"a","clusterName":"other"},{"namespaceName":"m"}]}"#,
                false,
            ),
            (r#"{"operations":["config:release"]}"#, false),
            (r#"{"operations":["config:approve"]}"#, false),
        ] {
            assert_eq!(scope(stored).admits(edit, &whole), expected, "{stored}");
        }
        // Creating a namespace of an app concerns all of its environments.
        let app = place(["a", "", "", ""]);
        for stored in [r#"{"envs":["PRO"]}"#, r#"{"namespaces":[{"appId":"a","env":"PRO"}]}"#] {
            assert!(!scope(stored).admits(Requirement::CreateNamespace, &app), "{stored}");
            assert!(scope(stored).admits(Requirement::Nothing, &app), "{stored}");
        }
    }

    #[test]
    fn a_limited_token_allows_nothing_that_belongs_to_no_app() {
        let nowhere = Resource::default();
        for stored in [r#"{"appIds":["a"]}"#, r#"{"envs":["PRO"]}"#] {
            for requirement in [
                Requirement::CreateApp,
                Requirement::Root,
                Requirement::ManageUsers,
                Requirement::SeeUsers,
            ] {
                assert!(!scope(stored).admits(requirement, &nowhere), "{stored} {requirement:?}");
                assert!(scope("{}").admits(requirement, &nowhere), "{requirement:?}");
            }
            assert!(scope(stored).admits(Requirement::User, &nowhere));
        }
    }

    #[test]
    fn no_token_suffices_for_what_sessions_may_do() {
        for requirement in [Requirement::Person, Requirement::SeeAsPerson] {
            assert!(!TokenScope::default().admits(requirement, &Resource::default()));
        }
    }
}
