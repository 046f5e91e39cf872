//! The permissions that a caller holds, read as a whole: for decisions about many objects.

use std::collections::{BTreeSet, HashSet};

use castalia_store::user::role;

use super::requirement::{Identity, Resource, Rights, UserToken};
use super::{Action, Permission, Right};
use crate::error::Result;

/// The permissions of a caller, by type and target.
pub(super) struct HeldPermissions(HashSet<(String, String)>);

/// Clusters all of whose namespaces a caller may read, edit or publish, as targets of permissions.
#[derive(Debug)]
pub struct HeldClusters(HashSet<String>);

impl Rights<'_> {
    pub(super) async fn held(&self, caller: &Identity) -> Result<HeldPermissions> {
        let rows = match caller {
            Identity::User(user_id) | Identity::Token(UserToken { user_id, .. }) => {
                role::permissions_of_user(self.store.read(), user_id).await?
            }
            Identity::Consumer(consumer) => {
                role::permissions_of_consumer(self.store.read(), consumer.id).await?
            }
        };
        Ok(HeldPermissions(
            rows.into_iter().map(|row| (row.permission_type, row.target_id)).collect(),
        ))
    }

    /// The apps that the caller administers, within any scope of a token; `None` for all.
    pub async fn administered(&self, caller: &Identity) -> Result<Option<BTreeSet<String>>> {
        if caller.user_id().is_some_and(|user_id| self.is_root(user_id)) {
            return Ok(None);
        }
        let HeldPermissions(held) = self.held(caller).await?;
        let admin = held.into_iter().filter(|(kind, _)| kind == Right::AssignRole.name());
        Ok(Some(admin.map(|(_, app_id)| app_id).collect()))
    }

    /// The clusters all of whose namespaces the caller may read, edit or publish.
    pub async fn clusters(&self, caller: &Identity) -> Result<HeldClusters> {
        let HeldPermissions(held) = self.held(caller).await?;
        let kinds = Action::ALL.map(|act| act.in_cluster().name());
        let on_clusters = held.into_iter().filter(|(kind, _)| kinds.contains(&kind.as_str()));
        Ok(HeldClusters(on_clusters.map(|(_, target)| target).collect()))
    }
}

impl HeldClusters {
    /// Those of an app in an environment.
    #[must_use]
    pub fn of(&self, app_id: &str, env: &str) -> HashSet<&str> {
        let any = Permission::new(Action::Read.in_cluster(), &[app_id, env, ""]);
        self.0.iter().filter_map(|target| target.strip_prefix(&any.target)).collect()
    }
}

impl HeldPermissions {
    fn has(&self, permission: &Permission) -> bool {
        let (kind, target) = permission.pair();
        self.0.contains(&(kind.to_owned(), target.to_owned()))
    }

    /// Whether they open a private namespace: to its readers, editors, publishers and
    /// administrators.
    pub(super) fn opens(&self, place: &Resource) -> bool {
        let Resource { app_id, env, cluster, namespace } = place;
        let act = |act: Action| act.permissions(app_id, env, cluster, namespace);
        self.has(&Permission::on_app(Right::AssignRole, app_id))
            || Action::ALL.map(act).iter().flatten().any(|permission| self.has(permission))
    }
}
