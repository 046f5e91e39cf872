//! Decides whether a caller may do what a call requires: users by their roles, user tokens by the
//! roles of their owners within their scopes, consumers by their own roles, which grant more. Reads
//! the rows for each call, so that a revoked permission ends at once.

use std::collections::HashSet;

use castalia_store::user::role;
use castalia_store::{Store, namespace};

pub use super::held::HeldClusters;
pub use super::identity::{Consumer, Identity, UserToken};
use super::{Action, Permission, Right};
use crate::error::Result;
use crate::server_config::{ServerConfig, keys};
use crate::settings::{Compat, environment};

/// The object of a call; unused parts are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Resource {
    /// App.
    pub app_id: String,
    /// Environment, in its normalised spelling.
    pub env: String,
    /// Cluster.
    pub cluster: String,
    /// Namespace.
    pub namespace: String,
}

/// The permission that a call requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// Any known caller.
    Nothing,
    /// A signed-in user.
    Person,
    /// A user, signed in or by a token.
    User,
    /// Permission to create apps.
    CreateApp,
    /// A user who is a super administrator.
    Root,
    /// Administrator of the app.
    AppAdmin,
    /// Administrator of the app, to add it to an environment; consumers need permission to create
    /// apps.
    AddAppToEnv,
    /// Administrator of the app, to delete a namespace of it.
    DeleteNamespace,
    /// Super administrator, to delete an app; never a consumer.
    DeleteApp,
    /// Permission of a user to appoint administrators of the app.
    AppointMaster,
    /// Permission to see who has a role on the app: every user, and consumers that manage the app.
    SeeRoles,
    /// Permission to see the users of the portal.
    SeeUsers,
    /// Permission to manage users: super administrators, and consumers with that role.
    ManageUsers,
    /// Permission to create clusters of the app.
    CreateCluster,
    /// Permission to delete a cluster: super administrators, and consumers that manage the app.
    DeleteCluster,
    /// Permission to create namespaces of the app.
    CreateNamespace,
    /// Permission to edit or publish the namespace. To read it, [`Requirement::See`] is required.
    Permission(Action),
    /// Permission to create a branch of the namespace: to edit it; consumers need permission to
    /// create namespaces.
    CreateBranch,
    /// Permission to set the clients of a branch: to edit or to publish the namespace; tokens and
    /// consumers need permission to edit it.
    SetGrayRules,
    /// Permission to see which clients rules of a branch would match: to set them, or to see the
    /// release of the namespace.
    PreviewGrayRules,
    /// Permission to abandon a branch: to edit or to publish the namespace. The handler requires
    /// the latter for a published branch.
    AbandonBranch,
    /// Permission to merge a branch: to publish the namespace, or for signed-in users to edit it
    /// where `compat.merge_gray_with_modify` is on.
    MergeBranch,
    /// Permission to see the values of the namespace.
    See,
    /// The same as a signed-in user.
    SeeAsPerson,
    /// Permission to see the release of the namespace; consumers need permission to publish or to
    /// read it.
    SeeRelease,
}

/// Checks permissions.
#[derive(Debug, Clone, Copy)]
pub struct Rights<'a> {
    pub(super) store: &'a Store,
    pub(super) config: &'a ServerConfig,
    compat: Compat,
}

impl<'a> Rights<'a> {
    /// Checks against the rows of this database and its switches.
    #[must_use]
    pub fn new(store: &'a Store, config: &'a ServerConfig, compat: Compat) -> Self {
        Self { store, config, compat }
    }

    /// Whether the caller has the required permission.
    pub async fn allow(
        &self,
        caller: &Identity,
        requirement: Requirement,
        place: &Resource,
    ) -> Result<bool> {
        match caller {
            Identity::User(user_id) => self.allow_user(user_id, requirement, place).await,
            Identity::Token(token) => {
                let need_of_owner = match requirement {
                    // A program has no use for the lists that help a user in the browser to choose.
                    Requirement::SeeRoles => Requirement::AppAdmin,
                    Requirement::SeeUsers => Requirement::ManageUsers,
                    // As for consumers.
                    Requirement::SetGrayRules => Requirement::Permission(Action::Modify),
                    Requirement::MergeBranch => Requirement::Permission(Action::Release),
                    requirement => requirement,
                };
                Ok(token.admits(requirement, place)
                    && self.allow_user(&token.user_id, need_of_owner, place).await?)
            }
            Identity::Consumer(consumer) => self.allow_consumer(consumer, requirement, place).await,
        }
    }

    /// The namespaces of one cluster whose values the caller may see.
    pub async fn visible<'n>(
        &self,
        caller: &Identity,
        cluster: &Resource,
        namespaces: &[&'n str],
    ) -> Result<HashSet<&'n str>> {
        let within = |name: &&str| {
            let place = Resource { namespace: (*name).to_owned(), ..cluster.clone() };
            caller.is_within_scope(Requirement::See, Some(&place))
        };
        let namespaces = namespaces.iter().copied().filter(within);
        if self.sees_all(caller, &cluster.env) {
            return Ok(namespaces.collect());
        }
        let public = namespace::app_namespaces(self.store.read(), &cluster.app_id).await?;
        let public: HashSet<_> =
            public.into_iter().filter(|row| row.is_public).map(|row| row.name).collect();
        let held = self.held(caller).await?;
        let is_visible = |name: &&str| {
            let place = Resource { namespace: (*name).to_owned(), ..cluster.clone() };
            public.contains(*name) || held.opens(&place)
        };
        Ok(namespaces.filter(is_visible).collect())
    }

    /// Whether the caller may see the values of each of these namespaces, of any apps. Those of a
    /// branch are not known here to be in the cluster that it belongs to.
    pub async fn visible_among(&self, caller: &Identity, places: &[Resource]) -> Result<Vec<bool>> {
        let within = |place: &Resource| caller.is_within_scope(Requirement::See, Some(place));
        if places.iter().all(|place| self.sees_all(caller, &place.env)) {
            return Ok(places.iter().map(within).collect());
        }
        let held = self.held(caller).await?;
        let public = namespace::public_app_namespaces(self.store.read()).await?;
        let public: HashSet<_> =
            public.iter().map(|row| (row.app_id.as_str(), row.name.as_str())).collect();
        let is_open = |place: &Resource| {
            self.sees_all(caller, &place.env)
                || public.contains(&(place.app_id.as_str(), place.namespace.as_str()))
                || held.opens(place)
        };
        Ok(places.iter().map(|place| within(place) && is_open(place)).collect())
    }

    /// Whether the caller sees the values of an environment without any role.
    fn sees_all(&self, caller: &Identity, env: &str) -> bool {
        match caller {
            Identity::User(user_id) | Identity::Token(UserToken { user_id, .. }) => {
                !self.is_member_only(env) || self.is_root(user_id)
            }
            Identity::Consumer(consumer) => self.compat.token_reads_all || consumer.all_apps,
        }
    }

    /// Whether a user has the permission of this type on a target. As in Apollo, nobody has a
    /// permission that does not exist.
    pub async fn holds(&self, user_id: &str, kind: &str, target: &str) -> Result<bool> {
        let db = self.store.read();
        Ok(match self.is_root(user_id) {
            true => !role::permissions_on(db, &[kind], target).await?.is_empty(),
            false => role::user_holds_any(db, user_id, &[(kind, target)]).await?,
        })
    }

    async fn allow_user(
        &self,
        user_id: &str,
        requirement: Requirement,
        place: &Resource,
    ) -> Result<bool> {
        if self.passes_as_root(user_id, requirement).await? {
            return Ok(true);
        }
        match requirement {
            Requirement::Nothing
            | Requirement::Person
            | Requirement::User
            | Requirement::SeeRoles => Ok(true),
            Requirement::CreateApp if !self.config.get(&keys::CREATE_APP_LIMITED) => Ok(true),
            Requirement::DeleteCluster
            | Requirement::DeleteApp
            | Requirement::Root
            | Requirement::ManageUsers => Ok(false),
            Requirement::SeeUsers => self.may_choose_users(user_id).await,
            Requirement::AppointMaster if self.config.get(&keys::MANAGE_APP_MASTER) => {
                let db = self.store.read();
                let all = [Right::AssignRole, Right::ManageAppMaster]
                    .map(|right| Permission::on_app(right, &place.app_id));
                Ok(role::user_holds_any(db, user_id, &[all[0].pair()]).await?
                    && role::user_holds_any(db, user_id, &[all[1].pair()]).await?)
            }
            // Whoever may set the rules also sees the namespace.
            Requirement::See
            | Requirement::SeeAsPerson
            | Requirement::SeeRelease
            | Requirement::PreviewGrayRules => {
                let caller = Identity::User(user_id.to_owned());
                Ok(!self.visible(&caller, place, &[&place.namespace]).await?.is_empty())
            }
            requirement => {
                let asked = match requirement {
                    Requirement::CreateBranch => {
                        asked(Requirement::Permission(Action::Modify), place)
                    }
                    Requirement::MergeBranch if self.compat.merge_gray_with_modify => {
                        asked(Requirement::Permission(Action::Modify), place)
                    }
                    Requirement::MergeBranch => {
                        asked(Requirement::Permission(Action::Release), place)
                    }
                    Requirement::SetGrayRules | Requirement::AbandonBranch => Action::CHANGING
                        .iter()
                        .flat_map(|act| asked(Requirement::Permission(*act), place))
                        .collect(),
                    requirement => asked(requirement, place),
                };
                Ok(role::user_holds_any(self.store.read(), user_id, &pairs(&asked)).await?)
            }
        }
    }

    /// Whether a user sees the other users: with an open directory everyone, otherwise those who
    /// choose users when they create an app or grant a role.
    async fn may_choose_users(&self, user_id: &str) -> Result<bool> {
        if self.compat.open_user_directory || !self.config.get(&keys::CREATE_APP_LIMITED) {
            return Ok(true);
        }
        let held = role::permissions_of_user(self.store.read(), user_id).await?;
        let choosing = [Right::CreateApplication, Right::AssignRole].map(Right::name);
        Ok(held.iter().any(|row| choosing.contains(&row.permission_type.as_str())))
    }

    /// A consumer that may create namespaces of an app may edit and publish all of it, as in
    /// Apollo.
    async fn allow_consumer(
        &self,
        consumer: &Consumer,
        requirement: Requirement,
        place: &Resource,
    ) -> Result<bool> {
        let requirement = match requirement {
            Requirement::Nothing => return Ok(true),
            Requirement::Person
            | Requirement::User
            | Requirement::SeeAsPerson
            | Requirement::DeleteApp
            | Requirement::Root
            | Requirement::AppointMaster => return Ok(false),
            // Users belong to no app, so administration of all apps does not include them.
            Requirement::SeeUsers | Requirement::ManageUsers => Requirement::ManageUsers,
            Requirement::SeeRoles if self.compat.token_reads_all => return Ok(true),
            Requirement::See => {
                let caller = Identity::Consumer(consumer.clone());
                return Ok(!self.visible(&caller, place, &[&place.namespace]).await?.is_empty());
            }
            _ if consumer.all_apps => return Ok(true),
            Requirement::AddAppToEnv => Requirement::CreateApp,
            Requirement::CreateBranch => Requirement::CreateNamespace,
            Requirement::SetGrayRules | Requirement::AbandonBranch => {
                Requirement::Permission(Action::Modify)
            }
            Requirement::MergeBranch => Requirement::Permission(Action::Release),
            Requirement::DeleteCluster | Requirement::SeeRoles => Requirement::AppAdmin,
            requirement => requirement,
        };
        let to = |act| asked(Requirement::Permission(act), place);
        let mut asked = match requirement {
            Requirement::SeeRelease => {
                [Action::Release, Action::Read].into_iter().flat_map(to).collect()
            }
            Requirement::PreviewGrayRules => {
                [Action::Modify, Action::Release, Action::Read].into_iter().flat_map(to).collect()
            }
            requirement => asked(requirement, place),
        };
        if matches!(
            requirement,
            Requirement::Permission(_) | Requirement::SeeRelease | Requirement::PreviewGrayRules
        ) {
            asked.push(Permission::on_app(Right::CreateNamespace, &place.app_id));
        }
        Ok(role::consumer_holds_any(self.store.read(), consumer.id, &pairs(&asked)).await?)
    }

    fn is_member_only(&self, env: &str) -> bool {
        self.config.get(&keys::MEMBERS_ONLY).iter().any(|name| environment::normalise(name) == env)
    }
}

/// The permissions of which any one is sufficient.
fn asked(requirement: Requirement, place: &Resource) -> Vec<Permission> {
    let on_app = |right| vec![Permission::on_app(right, &place.app_id)];
    match requirement {
        Requirement::CreateApp => vec![Permission::of_system(Right::CreateApplication)],
        Requirement::ManageUsers => vec![Permission::of_system(Right::ManageUsers)],
        Requirement::AppAdmin
        | Requirement::AppointMaster
        | Requirement::AddAppToEnv
        | Requirement::DeleteNamespace => on_app(Right::AssignRole),
        Requirement::CreateCluster => on_app(Right::CreateCluster),
        Requirement::CreateNamespace => on_app(Right::CreateNamespace),
        Requirement::Permission(act) => {
            act.permissions(&place.app_id, &place.env, &place.cluster, &place.namespace).to_vec()
        }
        // `allow_user` and `allow_consumer` translate these.
        Requirement::Nothing
        | Requirement::Person
        | Requirement::User
        | Requirement::Root
        | Requirement::DeleteCluster
        | Requirement::DeleteApp
        | Requirement::CreateBranch
        | Requirement::AbandonBranch
        | Requirement::SetGrayRules
        | Requirement::PreviewGrayRules
        | Requirement::MergeBranch
        | Requirement::SeeRoles
        | Requirement::SeeUsers
        | Requirement::See
        | Requirement::SeeAsPerson
        | Requirement::SeeRelease => Vec::new(),
    }
}

fn pairs(permissions: &[Permission]) -> Vec<(&str, &str)> {
    permissions.iter().map(Permission::pair).collect()
}
