//! Names of permissions and roles, and the permissions of each role (pure). Rows of Apollo's portal
//! have these names, so both portals can read each other's. `permission/requirement.rs` checks the
//! roles of callers, `permission/grant.rs` grants roles with new objects,
//! `permission/assignment.rs` those that an administrator assigns.

pub mod assignment;
pub mod grant;
mod held;
mod identity;
pub mod requirement;
mod root;
pub mod scope;
pub mod token_scope;

/// Target of the permissions that belong to no app.
pub(super) const SYSTEM: &str = "SystemRole";

/// The action that a permission allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Create apps.
    CreateApplication,
    /// Manage users.
    ManageUsers,
    /// Add and remove administrators of an app.
    ManageAppMaster,
    /// Create and associate namespaces of an app.
    CreateNamespace,
    /// Create clusters of an app.
    CreateCluster,
    /// Grant roles of an app; this makes a user its administrator.
    AssignRole,
    /// Edit a namespace.
    ModifyNamespace,
    /// Publish a namespace.
    ReleaseNamespace,
    /// Read a namespace, where that needs a permission. Apollo has no such permission, and its
    /// portal ignores the rows.
    ReadNamespace,
    /// Edit every namespace of a cluster.
    ModifyNamespacesInCluster,
    /// Publish every namespace of a cluster.
    ReleaseNamespacesInCluster,
    /// Read every namespace of a cluster.
    ReadNamespacesInCluster,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CreateApplication,
        Self::ManageUsers,
        Self::ManageAppMaster,
        Self::CreateNamespace,
        Self::CreateCluster,
        Self::AssignRole,
        Self::ModifyNamespace,
        Self::ReleaseNamespace,
        Self::ReadNamespace,
        Self::ModifyNamespacesInCluster,
        Self::ReleaseNamespacesInCluster,
        Self::ReadNamespacesInCluster,
    ];

    /// Whether it belongs to no app.
    #[must_use]
    pub fn is_of_system(self) -> bool {
        matches!(self, Self::CreateApplication | Self::ManageUsers)
    }

    /// Name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Right::CreateApplication => "CreateApplication",
            Right::ManageUsers => "ManageUsers",
            Right::ManageAppMaster => "ManageAppMaster",
            Right::CreateNamespace => "CreateNamespace",
            Right::CreateCluster => "CreateCluster",
            Right::AssignRole => "AssignRole",
            Right::ModifyNamespace => "ModifyNamespace",
            Right::ReleaseNamespace => "ReleaseNamespace",
            Right::ReadNamespace => "ReadNamespace",
            Right::ModifyNamespacesInCluster => "ModifyNamespacesInCluster",
            Right::ReleaseNamespacesInCluster => "ReleaseNamespacesInCluster",
            Right::ReadNamespacesInCluster => "ReadNamespacesInCluster",
        }
    }
}

/// A right on a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Permission {
    /// The allowed action.
    pub right: Right,
    /// The target: names joined with `+`.
    pub target: String,
}

impl Permission {
    fn new(right: Right, parts: &[&str]) -> Self {
        Self { right, target: parts.join("+") }
    }

    /// Type and target as in the table.
    #[must_use]
    pub fn pair(&self) -> (&str, &str) {
        (self.right.name(), &self.target)
    }

    /// A permission that belongs to no app.
    #[must_use]
    pub fn of_system(right: Right) -> Self {
        Self::new(right, &[SYSTEM])
    }

    /// A permission on a whole app.
    #[must_use]
    pub fn on_app(right: Right, app_id: &str) -> Self {
        Self::new(right, &[app_id])
    }
}

/// Reading, editing or publishing; each has a permission at four scopes. Who may edit or publish
/// may read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read items.
    Read,
    /// Edit items.
    Modify,
    /// Publish and roll back.
    Release,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 3] = [Action::Read, Action::Modify, Action::Release];
    /// Those for which Apollo has roles.
    pub const CHANGING: [Action; 2] = [Action::Modify, Action::Release];

    /// Name in requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::Modify => "edit",
            Action::Release => "release",
        }
    }

    const fn in_namespace(self) -> Right {
        match self {
            Action::Read => Right::ReadNamespace,
            Action::Modify => Right::ModifyNamespace,
            Action::Release => Right::ReleaseNamespace,
        }
    }

    const fn in_cluster(self) -> Right {
        match self {
            Action::Read => Right::ReadNamespacesInCluster,
            Action::Modify => Right::ModifyNamespacesInCluster,
            Action::Release => Right::ReleaseNamespacesInCluster,
        }
    }

    /// The permissions of which any one is sufficient: for the namespace, for it in one
    /// environment, for all of a cluster, for all of the app.
    #[must_use]
    pub fn permissions(
        self,
        app_id: &str,
        env: &str,
        cluster: &str,
        namespace: &str,
    ) -> [Permission; 4] {
        [
            Permission::new(self.in_namespace(), &[app_id, namespace]),
            Permission::new(self.in_namespace(), &[app_id, namespace, env]),
            Permission::new(self.in_cluster(), &[app_id, env, cluster]),
            Permission::new(self.in_namespace(), &[app_id]),
        ]
    }
}

/// A role with its permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRole {
    /// Name in the table.
    pub name: String,
    /// Permissions of the role.
    pub permissions: Vec<Permission>,
}

impl NamedRole {
    /// A role with one permission of the same name.
    fn of(permission: Permission) -> Self {
        let name = format!("{}+{}", permission.right.name(), permission.target);
        Self { name, permissions: vec![permission] }
    }

    /// Administrators of an app.
    #[must_use]
    pub fn master(app_id: &str) -> Self {
        let rights = [Right::CreateCluster, Right::CreateNamespace, Right::AssignRole];
        Self {
            name: format!("Master+{app_id}"),
            permissions: rights.map(|right| Permission::on_app(right, app_id)).to_vec(),
        }
    }

    /// Users who may choose the administrators of an app.
    #[must_use]
    pub fn manage_app_master(app_id: &str) -> Self {
        Self::of(Permission::on_app(Right::ManageAppMaster, app_id))
    }

    /// Editors or publishers of all namespaces of an app, and nothing else of it. Apollo has no
    /// such role, and its portal ignores the rows.
    #[must_use]
    pub fn app(act: Action, app_id: &str) -> Self {
        Self::of(Permission::new(act.in_namespace(), &[app_id]))
    }

    /// Editors or publishers of a namespace in all environments.
    #[must_use]
    pub fn namespace(act: Action, app_id: &str, namespace: &str) -> Self {
        Self::of(Permission::new(act.in_namespace(), &[app_id, namespace]))
    }

    /// Editors or publishers of a namespace in one environment.
    #[must_use]
    pub fn namespace_in_env(act: Action, app_id: &str, namespace: &str, env: &str) -> Self {
        Self::of(Permission::new(act.in_namespace(), &[app_id, namespace, env]))
    }

    /// Editors or publishers of all namespaces of a cluster.
    #[must_use]
    pub fn cluster(act: Action, app_id: &str, env: &str, cluster: &str) -> Self {
        Self::of(Permission::new(act.in_cluster(), &[app_id, env, cluster]))
    }

    /// Users who may create apps.
    #[must_use]
    pub fn create_application() -> Self {
        Self::of(Permission::of_system(Right::CreateApplication))
    }

    /// Consumers that may manage users.
    #[must_use]
    pub fn manage_users() -> Self {
        Self::of(Permission::of_system(Right::ManageUsers))
    }

    /// The app of a role; `None` for roles that belong to no app.
    #[must_use]
    pub fn app_of(name: &str) -> Option<&str> {
        name.split('+').nth(1).filter(|part| *part != SYSTEM && !part.is_empty())
    }

    /// Editors and publishers of a namespace: in all environments, and in each of the given ones.
    #[must_use]
    pub fn all_of_namespace(app_id: &str, namespace: &str, envs: &[String]) -> Vec<Self> {
        let everywhere = Action::CHANGING.map(|act| Self::namespace(act, app_id, namespace));
        let by_env = envs.iter().flat_map(|env| {
            Action::CHANGING.map(|act| Self::namespace_in_env(act, app_id, namespace, env))
        });
        everywhere.into_iter().chain(by_env).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_the_names_of_apollos_portal() {
        let names = [
            NamedRole::master("a"),
            NamedRole::manage_app_master("a"),
            NamedRole::namespace(Action::Modify, "a", "x.yml"),
            NamedRole::namespace_in_env(Action::Release, "a", "x.yml", "PRO"),
            NamedRole::cluster(Action::Modify, "a", "PRO", "c"),
            NamedRole::cluster(Action::Read, "a", "PRO", "c"),
            NamedRole::app(Action::Read, "a"),
            NamedRole::create_application(),
            NamedRole::manage_users(),
        ]
        .map(|role| role.name);
        assert_eq!(
            names,
            [
                "Master+a",
                "ManageAppMaster+a",
                "ModifyNamespace+a+x.yml",
                "ReleaseNamespace+a+x.yml+PRO",
                "ModifyNamespacesInCluster+a+PRO+c",
                "ReadNamespacesInCluster+a+PRO+c",
                "ReadNamespace+a",
                "CreateApplication+SystemRole",
                "ManageUsers+SystemRole",
            ]
        );
    }

    #[test]
    fn the_app_of_a_role_is_told_by_its_name() {
        assert_eq!(NamedRole::app_of("ModifyNamespace+a+n+DEV"), Some("a"));
        assert_eq!(NamedRole::app_of("Master+a"), Some("a"));
        assert_eq!(NamedRole::app_of("CreateApplication+SystemRole"), None);
        assert_eq!(NamedRole::app_of("odd"), None);
    }

    #[test]
    fn a_role_holds_the_permission_of_its_scope() {
        let held = |role: NamedRole| {
            role.permissions.into_iter().map(|p| (p.right.name(), p.target)).collect::<Vec<_>>()
        };
        assert_eq!(
            held(NamedRole::master("a")),
            ["CreateCluster", "CreateNamespace", "AssignRole"].map(|right| (right, "a".to_owned()))
        );
        assert_eq!(
            held(NamedRole::namespace_in_env(Action::Modify, "a", "n", "DEV")),
            [("ModifyNamespace", "a+n+DEV".to_owned())]
        );
    }

    #[test]
    fn any_of_four_scopes_allows_to_edit() {
        let targets =
            Action::Modify.permissions("a", "DEV", "c", "n").map(|p| (p.right.name(), p.target));
        assert_eq!(
            targets,
            [
                ("ModifyNamespace", "a+n".to_owned()),
                ("ModifyNamespace", "a+n+DEV".to_owned()),
                ("ModifyNamespacesInCluster", "a+DEV+c".to_owned()),
                ("ModifyNamespace", "a".to_owned()),
            ]
        );
    }

    #[test]
    fn a_new_namespace_gets_a_pair_of_roles_for_each_environment() {
        let names: Vec<_> = NamedRole::all_of_namespace("a", "n", &["DEV".to_owned()])
            .into_iter()
            .map(|r| r.name)
            .collect();
        assert_eq!(
            names,
            [
                "ModifyNamespace+a+n",
                "ReleaseNamespace+a+n",
                "ModifyNamespace+a+n+DEV",
                "ReleaseNamespace+a+n+DEV"
            ]
        );
    }
}
